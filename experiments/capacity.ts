/* Rules of thumb about what a model takes: memory to serve it, work and tokens to train it, GPUs that hold it, money to run it. */

export interface Gpu {
  name: string
  /** GB of 10⁹ bytes, as data sheets count. */
  memoryGb: number
}

/** Month to which the list below was kept. */
export const GPUS_AS_OF = '2026-11'

/** Widespread GPUs with the memory that their makers' data sheets give. */
export const GPUS: readonly Gpu[] = [
  { name: 'GeForce RTX 4060', memoryGb: 8 },
  { name: 'GeForce RTX 3060', memoryGb: 12 },
  { name: 'NVIDIA T4', memoryGb: 16 },
  { name: 'GeForce RTX 4090', memoryGb: 24 },
  { name: 'NVIDIA L4', memoryGb: 24 },
  { name: 'GeForce RTX 5090', memoryGb: 32 },
  { name: 'NVIDIA A100 40 GB', memoryGb: 40 },
  { name: 'NVIDIA L40S', memoryGb: 48 },
  { name: 'NVIDIA A100 80 GB', memoryGb: 80 },
  { name: 'NVIDIA H100 SXM', memoryGb: 80 },
  { name: 'NVIDIA H200', memoryGb: 141 },
  { name: 'AMD Instinct MI300X', memoryGb: 192 },
]

/** Cards of one kind that hold so many bytes together, were they shared out evenly. */
export function gpusNeeded(bytes: number, { memoryGb }: Gpu): number {
  return Math.max(1, Math.ceil(bytes / (memoryGb * 1e9)))
}

/** About 20 tokens for each parameter spend a budget of training work best (Hoffmann et al. 2022, arXiv:2203.15556). */
const TOKENS_PER_PARAMETER = 20

export function chinchillaTokens(parameters: number): number {
  return TOKENS_PER_PARAMETER * parameters
}

/** Floating-point operations to train N parameters on D tokens: 6·N·D, two forward and four backward (Kaplan et al. 2020, arXiv:2001.08361). */
export function trainingFlops(parameters: number, tokens: number): number {
  return 6 * parameters * tokens
}

/** Hours of one GPU for so much work. @param utilization share of its peak that is reached, 0 to 1 */
export function gpuHours(flops: number, { teraflops, utilization }: { teraflops: number; utilization: number }): number {
  return flops / (teraflops * 1e12 * utilization) / 3600
}

/** US dollars for 1,000 requests on a GPU that is paid by the hour and gives so many tokens a second, all requests at once. */
export function servingCostPer1000({ perHourUsd, tokensPerSecond, tokensPerRequest }: { perHourUsd: number; tokensPerSecond: number; tokensPerRequest: number }): number {
  return (1000 * tokensPerRequest * perHourUsd) / 3600 / tokensPerSecond
}
