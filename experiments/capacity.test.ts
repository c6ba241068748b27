import { describe, expect, it } from 'vitest'
import { chinchillaTokens, gpuHours, GPUS, gpusNeeded, servingCostPer1000, trainingFlops } from './capacity.js'
import { servingBytes } from './training-memory.js'

describe('what a model takes', () => {
  it('needs 168 GB for 70 billion parameters at 16 bits and 42 GB at 4', () => {
    expect([servingBytes(70e9, 16), servingBytes(70e9, 4)].map((bytes) => Math.round(bytes / 1e9))).toEqual([168, 42])
  })

  it('counts the cards that hold it', () => {
    const needed = (name: string, bytes: number) => gpusNeeded(bytes, GPUS.find((gpu) => gpu.name === name) ?? { name, memoryGb: NaN })
    expect([needed('NVIDIA H100 SXM', servingBytes(70e9, 16)), needed('NVIDIA H100 SXM', servingBytes(70e9, 4)), needed('NVIDIA L40S', servingBytes(70e9, 4))]).toEqual([3, 1, 1])
    expect(GPUS.map(({ memoryGb }) => memoryGb)).toEqual([...GPUS.map(({ memoryGb }) => memoryGb)].sort((a, b) => a - b))
  })

  it('trains 70 billion parameters on 1.4 trillion tokens with 5.88e23 operations', () => {
    expect(chinchillaTokens(70e9)).toBe(1.4e12)
    const flops = trainingFlops(70e9, 1.4e12)
    expect(flops).toBeCloseTo(5.88e23, -20)
    expect(gpuHours(flops, { teraflops: 1000, utilization: 0.4 })).toBeCloseTo(408_333.33, 1)
  })

  it('serves 1,000 requests of 500 tokens at 2,500 tokens a second and $3.60 an hour for 20 cents', () => {
    expect(servingCostPer1000({ perHourUsd: 3.6, tokensPerSecond: 2500, tokensPerRequest: 500 })).toBeCloseTo(0.2, 12)
  })
})
