import { EngineError } from '../engine-error.js'
import type { Device } from '../engine.js'

export interface DeviceFault {
  cause: unknown
  /** A whole clause that goes on after "or". */
  mend: string
  /** `device_missing`, the default, before it has computed anything; `device_failed` after. */
  code?: 'device_missing' | 'device_failed'
}

/** No silent fall-back: a device that is not there ends the run, with the reason its library gave and what would mend it. */
export function deviceError(device: Device, { cause, mend, code = 'device_missing' }: DeviceFault): EngineError {
  const told = cause instanceof Error ? cause.message : String(cause)
  // ONNX Runtime begins with the line of its source and the condition that did not hold.
  const reason = told.replace(/^\S+\.cc:\d+ .* was false\. /s, '').replaceAll(/\s+/g, ' ').replace(/[\s.]+$/, '')
  const what = code === 'device_missing' ? 'cannot be used' : 'failed'
  return new EngineError(code, `device "${device}" ${what}: ${reason}. Use device "cpu", or ${mend}`, { device }, cause)
}
