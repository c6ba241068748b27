/*
 * The devices the contract of the executors is held on: CPU and WASM everywhere, WebGPU on SwiftShader, the driver
 * without a GPU that Debian's chromium brings. Where that is absent its tests are skipped by a name that says what to
 * install; with REQUIRE_SERVICES=1 they fail instead. On a machine with a GPU, EXECUTOR_DEVICES=webgpu,cuda,… names
 * the devices to check beside, by the machine's own drivers.
 */
import { existsSync } from 'node:fs'
import type { Device } from '../../workers/engine/engine.js'
import { findOptionalPackage } from '../../workers/engine/optional-package.js'

export interface TestDevice {
  device: Device
  title: string
  /** Set before the process starts: the loader and the drivers read them only then. */
  env: Record<string, string>
  /** What to install first; null where nothing is missing. */
  missing: string | null
  /** Greatest difference from the CPU's numbers, as a share of the largest number in the same list. */
  tolerance: number
}

/** f32 sums in another order: up to 3e-5 in the gradients nearest the input, below 1e-5 elsewhere. */
const CPU_TOLERANCE = 5e-5
/** The same, and functions as exact as WebGPU's specification asks: exp and division to a few units in the last place. */
const GPU_TOLERANCE = 1e-4

const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json'
const swiftShader = { LD_LIBRARY_PATH: '/usr/lib/chromium', VK_ICD_FILENAMES: SWIFTSHADER }

export function testDevices(): TestDevice[] {
  const named = (process.env['EXECUTOR_DEVICES'] ?? '').split(',').filter((name) => name !== '') as Device[]
  const chromium = existsSync(SWIFTSHADER) ? null : 'SwiftShader is absent; install it with: apt-get install chromium'
  const webgpu = findOptionalPackage('webgpu') === null ? 'the package webgpu is absent; install it with: npm install --prefix .bancada webgpu@0.6.2' : null
  return [
    { device: 'cpu', title: 'cpu', env: {}, missing: null, tolerance: 0 },
    { device: 'tfjs-wasm', title: 'tfjs-wasm', env: {}, missing: null, tolerance: CPU_TOLERANCE },
    { device: 'webgpu', title: 'webgpu on SwiftShader', env: swiftShader, missing: chromium, tolerance: GPU_TOLERANCE },
    { device: 'tfjs-webgpu', title: 'tfjs-webgpu on SwiftShader', env: swiftShader, missing: chromium ?? webgpu, tolerance: GPU_TOLERANCE },
    ...named.map((device): TestDevice => ({ device, title: `${device} of this machine`, env: {}, missing: null, tolerance: GPU_TOLERANCE })),
  ]
}
