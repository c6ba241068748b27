import { EngineError } from '../engine-error.js'
import type { Device } from '../engine.js'

/** No silent fall-back: a device that is not there ends the run, with the reason its library gave and what would mend it. */
export function deviceError(device: Device, options: { cause: unknown; mend: string }): EngineError {
  const reason = options.cause instanceof Error ? options.cause.message : String(options.cause)
  return new EngineError('device_missing', `device "${device}" cannot run this model: ${reason}. Use device "cpu", or ${options.mend}`, { device }, options.cause)
}
