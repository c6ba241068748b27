import { describe, expect, it } from 'vitest'
import { DEFAULTS, placeOf, readAsked, SLIDER_STEPS, valueAt, writeAsked } from './demands.js'

describe('what is asked for', () => {
  it('goes into the address and comes back', () => {
    const asked = { errorCostUsd: 2, requestsPerMonth: 5e6, latencyLimitMs: 300, minimumScore: 0.85, perHourUsd: 1.5 }
    const written = writeAsked(asked)
    expect(written).toEqual({ error: '2', requests: '5000000', latency: '300', min: '0.85', hour: '1.5' })
    expect(readAsked(new URLSearchParams(written as Record<string, string>))).toEqual(asked)
    expect(Object.values(writeAsked(DEFAULTS))).toEqual([null, null, null, null, null])
  })

  it('takes the default for what is no number of the field', () => {
    expect(readAsked(new URLSearchParams('error=-1&requests=many&min=3&latency='))).toEqual(DEFAULTS)
    expect(readAsked(new URLSearchParams('error=0')).errorCostUsd).toBe(0)
  })

  it('slides over orders of magnitude, and from no limit to a limit', () => {
    expect([valueAt('errorCostUsd', 0), valueAt('errorCostUsd', SLIDER_STEPS)]).toEqual([0.001, 1000])
    expect([valueAt('latencyLimitMs', SLIDER_STEPS), valueAt('minimumScore', 0), valueAt('perHourUsd', 0)]).toEqual([null, null, null])
    for (const place of [0, 1, 50, 117, 200]) expect(placeOf('requestsPerMonth', valueAt('requestsPerMonth', place))).toBeCloseTo(place, -0.5)
    expect(placeOf('latencyLimitMs', null)).toBe(SLIDER_STEPS)
  })
})
