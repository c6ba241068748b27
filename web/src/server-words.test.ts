import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseExperiment } from '../../experiments/spec.js'
import { ERROR_STATUS, type ErrorCode } from '../../server/contracts/errors.js'
import { setLanguage } from './i18n.js'
import { allowedInWords, errorInWords, failureDetail, failureInWords, problemInWords, progressMessage, refusalInWords } from './server-words.js'
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
    expect(problemInWords({ message: 'a rule of its own' })).toBe('a rule of its own')
    expect(refusalInWords('Run 00x is queued; only a failed, cancelled or stopped run can be retried.')).toEqual({ text: 'A execução 00x está na fila; só uma execução que falhou, foi cancelada ou parou pode ser retomada.', isTold: true })
    expect(refusalInWords('The search is not understood: there is no kind "lorra"; did you mean lora?.').text).toBe('A busca não foi entendida: não há o tipo "lorra"; você quis dizer lora?')
  })

  it.each([
    'kind: lorra\n', 'kind: 3\n', sound('lora', 'rank: 3'), sound('prompt', 'fixed: {model: {provider: opanai, model: m}}'), sound('prompt', 'notes: "\\0"'), sound('prompt', 'notes: "\\uD800"'), sound('prompt', 'fixed: &a {b: *a}'), 'name: \uFFFD\n', '[]', 'a: b: c\n', 'a: [1\n', 'a: "1\n', 'a: 1\na: 2\n', 'a: 1\n--- \nb: 2\n', `${sound('lora')}\tb: 1\n`,
    `${sound('lora')}dataset: spamm\n`, `${sound('lora', 'dataset: spamm')}`, sound('rag', 'model: x'), sound('lora', 'metrics: [accuracy, accuracy, exact, nothing]'), sound('prompt', 'metrics: [eval_loss]'),
    sound('lora', 'model: a\nfixed: {model: b, rank: 2}\naxes: {model: [a], rank: [4, 4], alpha: [], dropout: 0.1}'), sound('lora', 'model: "run:?"'),
    sound('lora', 'axes: {rank: {from: 8, to: 4, step: 1}, alpha: {from: 1, to: 9, step: 3}, dropout: {from: 0, to: 1, count: 3, scale: log}, steps: {from: 1, to: 9}, learningRate: {from: 1, to: 2, step: 1, scale: log}}'),
    sound('lora', 'repeats: 100\naxes: {rank: {from: 1, to: 1024, step: 1}}'), sound('lora', 'axes: {steps: {from: 1, to: 1000000, step: 1}}'),
    sound('pretrain', 'fixed: {hiddenSize: 66, heads: 4}'), sound('pretrain', 'fixed: {hiddenSize: 12, heads: 4, kvHeads: 4}'), sound('pretrain', 'fixed: {hiddenSize: 64, heads: 4, kvHeads: 3}'), sound('pretrain', 'fixed: {maxLength: 512, contextLength: 128}'),
    sound('rag', 'axes: {chunkOverlap: [10, 900], chunkSize: [100, 200]}'), sound('prompt', 'fixed: {sampler: fixed, shots: 3, shotIds: [a]}'), sound('prompt', 'fixed: {samples: 4, temperature: 0, model: x}'),
    sound('lora', 'fixed: {method: full, baseDtype: nf4}'), sound('lora', 'race: {}'), sound('lora', 'strategy: race'), sound('prompt', 'strategy: race\nrepeats: 3\nmetrics: [bleu]\naxes: {limit: [1, 2], split: [test, train]}'),
    sound('prompt', 'fixed: {scorers: {accuracy: {type: length}}}'), sound('prompt', 'fixed: {model: {provider: openai, baseUrl: x, model: m}}'), sound('prompt', 'fixed: {messages: [{role: assistant, content: x}], extract: {regex: "("}}'),
  ])('leaves nothing of what is wrong with a file in English: %j', (text) => {
    const problems = problemsOf(text)
    expect(problems).not.toEqual([])
    expect(problems.filter((problem) => problemInWords(problem) === problem.message)).toEqual([])
  })

  it('knows the sentences with which the server refuses what a page asks; one that is new there has its gist until it has a rule', () => {
    const sentences = ROOMS.flatMap((room) => sourcesIn(join(SERVER, room))).flatMap((file) => refusalsIn(readFileSync(file, 'utf8')))
    expect(sentences.length).toBeGreaterThan(40)
    const unknown = sentences.filter((sentence) => !refusalInWords(sentence).isTold)
    expect(unknown.length, unknown.join('\n')).toBeLessThan(sentences.length / 10)
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
    expect(failureDetail('model "x" is not a file under models/ (nano); put the GGUF file there')).toBe('o modelo “x” não é um arquivo em models/ (nano); ponha ali o arquivo GGUF')
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

const SERVER = fileURLToPath(new URL('../../server', import.meta.url))
/** What pages ask; the others answer workers, the command line and who starts the server. */
const ROOMS = ['compare', 'tradeoff', 'shares', 'people', 'runs', 'next-token', 'datasets', 'experiments', 'shelf', 'store/annotation-store.ts', 'store/experiment-store.ts', 'store/metric-store.ts', 'store/preference-store.ts', 'store/queue-store.ts', 'store/run-store.ts', 'store/share-store.ts', 'store/shelf-store.ts', 'store/spend-store.ts', 'store/disk-space.ts', 'store/database-error.ts']

function sourcesIn(path: string): string[] {
  if (path.endsWith('.ts')) return [path]
  return readdirSync(path).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).map((name) => join(path, name))
}

/** Every message of an AppError that stands in a source, with x for each value in it. */
function refusalsIn(source: string): string[] {
  return [...source.matchAll(/new AppError\('\w+', (['"`])/g)].map((found) => {
    const [quote = '', start] = [found[1], found.index + found[0].length]
    let text = ''
    for (let at = start; source[at] !== quote; at++) {
      if (quote === '`' && source.startsWith('${', at)) {
        at = endOfValue(source, at + 2)
        text += 'x'
      } else text += source[at] === '\\' ? (source[++at] ?? '') : (source[at] ?? '')
    }
    return text
  })
}

/** Where the brace closes that opened before `at`; strings within may hold braces of their own, and templates values. */
function endOfValue(source: string, at: number): number {
  for (let depth = 0; ; at++) {
    if (source[at] === '{') depth += 1
    else if (source[at] === '}' && depth-- === 0) return at
  }
}

function sound(kind: string, more = ''): string {
  const dataset = more.includes('dataset:') ? '' : 'dataset: spam\n'
  return `name: a\nkind: ${kind}\n${dataset}${more}\n`
}

function problemsOf(text: string) {
  try {
    parseExperiment(text, { format: 'yaml', datasets: ['spam'] })
  } catch (error) {
    return (error as { problems: Parameters<typeof problemInWords>[0][] }).problems
  }
  return []
}
