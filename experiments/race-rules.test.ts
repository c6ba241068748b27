import { describe, expect, it } from 'vitest'
import { AppError, type Problem } from '../server/contracts/index.js'
import { expandRuns } from './expand.js'
import { racePlanOf } from './race-rules.js'
import { raceEnding, stopReason } from './race-words.js'
import { METRICS } from './metrics.js'
import { planRace } from './race.js'
import { parseExperiment } from './spec.js'

const options = { format: 'yaml', datasets: ['spam'] } as const
const prompt = 'name: race\nkind: prompt\ndataset: spam\nstrategy: race\n'

function problems(text: string): Problem[] {
  try {
    parseExperiment(text, options)
  } catch (error) {
    if (error instanceof AppError) return error.problems ?? []
    throw error
  }
  throw new Error('it was accepted')
}

describe('the rules of a race', () => {
  it('take prompts and retrieval over common items, and refuse what cannot be raced', () => {
    expect(parseExperiment(`${prompt}axes: {shots: [0, 2]}\nrace: {error: 0.1, calls: 500}\n`, options)).toMatchObject({ strategy: 'race', race: { error: 0.1, calls: 500 } })
    expect(problems(prompt)).toMatchObject([{ path: 'strategy', line: 4, message: expect.stringContaining('at least two runs'), seen: '1 run' }])
    expect(problems(`${prompt}axes: {shots: [0, 2], limit: [5, 9]}\nrepeats: 2\n`).map(({ path }) => path)).toEqual(['repeats', 'axes.limit'])
    const lora = 'name: race\nkind: lora\ndataset: spam\n'
    expect(problems(`${lora}strategy: race\naxes: {rank: [1, 2]}\n`)).toMatchObject([{ path: 'strategy', seen: 'race', message: expect.stringContaining('trains before it answers') }])
    expect(problems(`${lora}axes: {rank: [1, 2]}\nrace: {calls: 5}\n`)).toMatchObject([{ path: 'race', line: 5, message: expect.stringContaining('strategy: race') }])
    expect(problems(`${prompt}axes: {shots: [0, 2]}\nrace: {calls: 0}\n`)).toMatchObject([{ path: 'race.calls' }])
  })

  it('plan over the items of the split, up to the limit', () => {
    const planOf = (text: string) => {
      const spec = parseExperiment(text, options)
      return racePlanOf(spec, expandRuns(spec), { test: 300, validation: 50 })
    }
    expect(planOf(`${prompt}axes: {shots: [0, 2, 4]}\nrace: {calls: 500}\n`)).toEqual({ ...planRace({ arms: 3, items: 300 }), calls: 500 })
    expect(planOf(`${prompt}axes: {shots: [0, 2]}\nfixed: {split: validation, limit: 40}\n`)).toEqual(planRace({ arms: 2, items: 40 }))
    expect(planOf('name: grid\nkind: prompt\ndataset: spam\naxes: {shots: [0, 2]}\n')).toBeNull()
  })
})

describe('the words of a race', () => {
  const accuracy = METRICS['accuracy']
  if (!accuracy) throw new Error('no accuracy')
  const told = { plan: planRace({ arms: 3, items: 2_000 }), looks: [100, 180, 260], metric: { id: 'accuracy', ...accuracy }, names: new Map([['a', 'shots=8'], ['b', 'shots=0']]) }

  it('say why a run was stopped, with n, p and the limit', () => {
    expect(stopReason({ id: 'b', n: 258, difference: -0.062, p: 0.00041 }, { leaderId: 'a', limit: 0.0011 }, told)).toEqual({
      en: 'Stopped at look 3 of 12, after 260 of 2000 items: worse than shots=8 on Accuracy by 6.2 points (n = 258 paired items; p = 4.1 × 10^−4, and the limit at this look was 0.0011).',
      pt: 'Parada na olhada 3 de 12, depois de 260 de 2000 itens: pior que shots=8 em Acurácia por 6,2 pontos (n = 258 itens pareados; p = 4,1 × 10^−4, e o limite nesta olhada era 0,0011).',
    })
  })

  it('say how it ended', () => {
    const ending = (end: 'won' | 'items' | 'calls' | null, left: string[], calls: number | null = null) => raceEnding({ end, left }, { ...told, plan: { ...told.plan, calls } })?.en ?? null
    expect(ending(null, ['a', 'b'])).toBeNull()
    expect(ending('won', ['a'])).toBe('Won the race at look 3 of 12, after 260 of 2000 items: each of the others was worse on Accuracy by a paired test at 5 % for the whole race.')
    expect(ending('items', ['a', 'b'])).toContain('Tied for the best on Accuracy when all 2000 items are answered: 2 runs are left')
    expect(ending('calls', ['a', 'b'], 900)).toContain('when the 900 answers allowed are given')
    expect(ending('items', ['a'])).toContain('shots=8 answered all it may')
    expect(raceEnding({ end: 'items', left: ['a', 'b'] }, told)?.pt).toBe('Empatadas como a melhor em Acurácia quando todos os 2000 itens foram respondidos: restam 2 execuções, e nenhuma delas é claramente pior que a líder.')
  })
})
