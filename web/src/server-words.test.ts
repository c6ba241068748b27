import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseExperiment } from '../../experiments/spec.js'
import { ERROR_STATUS, type ErrorCode } from '../../server/contracts/errors.js'
import { setLanguage } from './i18n.js'
import { allowedInWords, errorInWords, failureInWords, problemInWords, progressMessage } from './server-words.js'
import { raceReason, unbroken } from './words.js'

describe('in Portuguese', () => {
  beforeAll(() => setLanguage('pt'))
  afterAll(() => setLanguage('en'))

  it('the faults of a file are told as its schema finds them', () => {
    const told = problemsOf('name: a\nnaem: b\nkind: lora\ndataset: spam\nseed: 1.5\nfixed: {rank: 0, rnk: 3, dropout: 2, schedule: fast}\naxes: {useDora: [1]}\n').map(problemInWords)
    expect(told).toEqual(expect.arrayContaining([
      '1.5 não serve: um número inteiro', '0 não serve: pelo menos 1', '2 não serve: menos que 1', '"fast" não serve: um destes: linear, cosine, constant', 'chave desconhecida naem; você quis dizer name?', 'este tipo de execução não tem o parâmetro rnk; você quis dizer rank?', '1 não serve: um valor do tipo boolean',
    ]))
    expect(problemsOf('name: a\nkind: lora\n').map(problemInWords)).toContain('está faltando')
    expect(allowedInWords('a whole number, or at least 2 entries')).toBe('um número inteiro, ou pelo menos 2 entradas')
    expect(problemInWords({ message: 'a rule of its own', allowed: '1' })).toBe('a rule of its own')
  })

  it('every code of an answer has its sentence, and failures say why', () => {
    const sentences = (Object.keys(ERROR_STATUS) as ErrorCode[]).map(errorInWords)
    setLanguage('en')
    const english = (Object.keys(ERROR_STATUS) as ErrorCode[]).map(errorInWords)
    expect(failureInWords('diverged')).toBe('This run failed (diverged)')
    setLanguage('pt')
    expect(sentences.filter((sentence, index) => sentence === english[index])).toEqual([])
    expect(failureInWords('diverged')).toBe('Esta execução falhou: a perda deixou de ser um número (diverged)')
    expect(failureInWords('of_tomorrow')).toBe('Esta execução falhou (of_tomorrow)')
  })

  it('what a run is doing is told with its figures; what is not known stays as it is', () => {
    expect(progressMessage('testing: 3 of 12 items')).toBe('testando: 3 de 12 itens')
    expect(progressMessage('thinking')).toBe('thinking')
  })

  it('the ending of a race is told in the language of the page', () => {
    expect(raceReason({ reason: 'Won by -3.0', reasonPt: 'Venceu por -3,0 pontos' })).toBe('Venceu por −3,0\u00a0pontos')
    expect(raceReason({ reason: 'Won' })).toBe('Won')
  })
})

it('a sentence has true minus signs, and names keep their hyphens', () => {
  expect(unbroken('-1.5 points (95 % interval -3.0 to [-0.1); of few-shot-2, x=-1')).toBe('−1.5\u00a0points (95\u00a0% interval −3.0 to [−0.1); of few-shot-2, x=-1')
})

function problemsOf(text: string) {
  try {
    parseExperiment(text, { format: 'yaml', datasets: ['spam'] })
  } catch (error) {
    return (error as { problems: Parameters<typeof problemInWords>[0][] }).problems
  }
  return []
}
