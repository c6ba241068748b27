import { afterEach, describe, expect, it } from 'vitest'
import { formatCount, formatDuration, formatFloat, formatInterval, formatMetric } from './format.js'
import { regionOf, say, setLanguage, spokenOf } from './i18n.js'

describe('the language of the pages', () => {
  afterEach(() => setLanguage('en'))

  it('shows each text and number in the language chosen', () => {
    expect([say('Runs', 'Execuções'), formatCount(12_345), formatFloat(0.1234), formatDuration(1500)]).toEqual(['Runs', '12,345', '0.123', '1.5\u202fs'])
    setLanguage('pt')
    expect([say('Runs', 'Execuções'), formatCount(12_345), formatFloat(0.1234), formatDuration(1500)]).toEqual(['Execuções', '12.345', '0,123', '1,5\u202fs'])
    expect([formatFloat(1.5e-7), formatMetric(0.875, { isShare: true }), formatInterval(-1.5, 2, { isShare: false })]).toEqual(['1,50e−7', '87,5\u202f%', '−1,500 a 2,000'])
  })

  it('follows the reader: the first language spoken here, in the region they live in', () => {
    expect(spokenOf(['de-DE', 'pt-PT', 'en'])).toBe('pt')
    expect(spokenOf(['fr', 'de'])).toBe('en')
    expect([regionOf('pt', ['de', 'pt-PT']), regionOf('pt', ['en-GB']), regionOf('en', ['en-GB', 'pt-BR']), regionOf('en', [])]).toEqual(['pt-PT', 'pt-BR', 'en-GB', 'en-US'])
  })
})
