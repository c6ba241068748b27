import type { DatasetInfo, ExperimentSpec, Kind, NamedPrompt, ParameterValue, Problem } from '../server/contracts/index.js'
import { cellsOf, completeParams } from './expand.js'

type Params = Record<string, ParameterValue>

function pretrainProblem(params: Params): { parameter: string; message: string } | undefined {
  const [hidden, heads, kvHeads, length, context] = ['hiddenSize', 'heads', 'kvHeads', 'maxLength', 'contextLength'].map((name) => Number(params[name]))
  if (hidden === undefined || heads === undefined || kvHeads === undefined || length === undefined || context === undefined) return undefined
  if (hidden % heads !== 0) return { parameter: 'heads', message: `hiddenSize ${hidden} is not a multiple of heads ${heads}` }
  if ((hidden / heads) % 2 !== 0) return { parameter: 'heads', message: `hiddenSize ${hidden} / heads ${heads} is odd, and rotary positions need pairs` }
  if (heads % kvHeads !== 0) return { parameter: 'kvHeads', message: `heads ${heads} is not a multiple of kvHeads ${kvHeads}` }
  return length > context ? { parameter: 'maxLength', message: `maxLength ${length} is above contextLength ${context}` } : undefined
}

function promptProblem(params: Params): { parameter: string; message: string } | undefined {
  const [shots, negatives, ids] = [Number(params['shots']), Number(params['negatives']), params['shotIds']]
  if (params['sampler'] === 'fixed' && Array.isArray(ids) && ids.length < shots) {
    return { parameter: 'shotIds', message: `shotIds names ${ids.length} items, and shots is ${shots}` }
  }
  const prompt = params['prompt'] as NamedPrompt | undefined
  if (prompt !== undefined && params['messages'] !== undefined) return { parameter: 'prompt', message: 'the question is given twice: as prompt and as messages' }
  const isConversation = params['messages'] !== undefined || prompt?.messages !== undefined || prompt?.json !== undefined
  const showsTurns = params['shotsAs'] === 'turns' || (params['shotsAs'] === 'auto' && isConversation)
  if (prompt?.json !== undefined && shots > 0) return { parameter: 'shots', message: 'a json template places its examples itself, by the variable shots; set shots to 0, or give the prompt as messages' }
  if (negatives > 0 && showsTurns) return { parameter: 'negatives', message: 'a wrong answer cannot stand as a turn of the assistant; set shotsAs to text, or place negatives in a template' }
  if (Number(params['samples']) > 1 && params['temperature'] === 0 && typeof params['model'] === 'string') return { parameter: 'samples', message: `samples is ${String(params['samples'])}, and at temperature 0 a local model gives the same answer each time; set temperature above 0` }
  if (params['baseDtype'] !== undefined && typeof params['model'] !== 'string') return { parameter: 'baseDtype', message: 'baseDtype is for local models; an endpoint holds its weights as it likes' }
  return undefined
}

/** What is wrong with a combination of parameters that are right one by one. */
export function cellProblem(kind: Kind, params: Params): { parameter: string; message: string } | undefined {
  if (kind === 'pretrain') return pretrainProblem(params)
  if (kind === 'prompt') return promptProblem(params)
  if (kind === 'lora' && params['method'] === 'full' && params['baseDtype'] !== 'stored') return { parameter: 'baseDtype', message: 'baseDtype is for frozen weights; with method full every weight is trained, in f32' }
  if (kind !== 'rag') return undefined
  const { chunkSize, chunkOverlap } = params
  if (Number(chunkOverlap) < Number(chunkSize)) return undefined
  return { parameter: 'chunkOverlap', message: `chunkOverlap ${String(chunkOverlap)} must be less than chunkSize ${String(chunkSize)}` }
}

const TASKS: Readonly<Record<Kind, readonly string[]>> = {
  prompt: ['classification', 'generation', 'retrieval'],
  lora: ['classification', 'generation', 'chat', 'text'],
  rag: ['retrieval'],
  pretrain: ['text'],
}

const FIXED_SPLITS: Record<Kind, readonly string[]> = { prompt: [], lora: ['train', 'validation'], rag: [], pretrain: ['train'] }

/** Where the file gives a parameter. */
function pathOf(spec: ExperimentSpec, name: string): string {
  if (name in spec.axes) return `axes.${name}`
  return name in (spec.fixed ?? {}) ? `fixed.${name}` : 'dataset'
}

/** Whether a dataset is one that the experiment can run on: its task, and every split that a cell asks for. */
export function datasetProblems(spec: ExperimentSpec, dataset: Pick<DatasetInfo, 'name' | 'task' | 'splits'>): Problem[] {
  const tasks = TASKS[spec.kind]
  if (!tasks.includes(dataset.task)) {
    return [{ path: 'dataset', message: `a ${spec.kind} run needs a dataset for ${tasks.join(' or ')}; ${dataset.name} is for ${dataset.task}`, seen: dataset.task, allowed: tasks.join(', ') }]
  }
  if (spec.kind === 'lora' && dataset.task !== 'classification' && [...cellsOf(spec)].some(({ varied }) => completeParams(spec, varied)['bestMetric'] === 'accuracy')) {
    const path = 'bestMetric' in spec.axes ? 'axes.bestMetric' : 'fixed.bestMetric'
    return [{ path, message: `only a dataset with labels has an accuracy; ${dataset.name} is for ${dataset.task}`, seen: 'accuracy', allowed: 'loss, token_accuracy' }]
  }
  const accuracy = spec.metrics?.indexOf('accuracy') ?? -1
  const hasChoices = 'choices' in (spec.fixed ?? {}) || 'choices' in spec.axes
  if (spec.kind === 'prompt' && dataset.task !== 'classification' && accuracy !== -1 && !hasChoices) {
    return [{ path: `metrics[${accuracy}]`, message: `only a dataset with labels, or items with choices, has an accuracy; ${dataset.name} is for ${dataset.task}`, seen: 'accuracy', allowed: 'exact_match, contains, numeric_match, token_f1 and others of texts' }]
  }
  if (spec.kind === 'prompt' && dataset.task !== 'retrieval' && ('retrieve' in (spec.fixed ?? {}) || 'retrieve' in spec.axes)) {
    return [{ path: pathOf(spec, 'retrieve'), message: `only a dataset for retrieval has documents; ${dataset.name} is for ${dataset.task}`, seen: dataset.task, allowed: 'retrieval' }]
  }
  const splits = Object.keys(dataset.splits)
  const wanted = new Map<string, string>()
  for (const split of FIXED_SPLITS[spec.kind]) wanted.set(split, 'dataset')
  for (const { varied } of cellsOf(spec)) {
    const params = completeParams(spec, varied)
    for (const name of ['split', 'testSplit', 'evalSplit']) {
      const split = params[name]
      if (typeof split === 'string') wanted.set(split, pathOf(spec, name))
    }
    const examples = Number(params['shots'] ?? 0) + Number(params['negatives'] ?? 0)
    if (spec.kind === 'prompt' && examples > 0) wanted.set(String(params['shotSplit']), pathOf(spec, params['shotSplit'] === 'train' ? 'shots' : 'shotSplit'))
  }
  const missing = [...wanted].filter(([split]) => !splits.includes(split))
  return missing.map(([split, path]) => ({ path, message: `${dataset.name} has no split ${split}`, seen: split, allowed: splits.join(', ') }))
}
