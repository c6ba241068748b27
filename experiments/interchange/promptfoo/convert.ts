/*
 * A promptfoo config as a dataset whose items carry their assertions, and an experiment whose runs are its prompts
 * with its providers. Providers that are asked different prompts make an experiment each, on the same dataset.
 */
import { basename, dirname, resolve } from 'node:path'
import { stringify } from 'yaml'
import { AppError, type ModelRef } from '../../../server/contracts/index.js'
import { Findings, type LeftOut, placeOf } from '../findings.js'
import { slug } from '../slug.js'
import { GraderNames } from './assertions.js'
import { ConfigFolder, ConfigNode } from './config-node.js'
import { cardOf, experimentText, type Parts, repeatsOf } from './experiment.js'
import { fitted } from './request-fields.js'
import { itemsOf, type Question } from './items.js'
import { readPrompts } from './prompts.js'
import { type Env, modelOf, type Provider, readProvider } from './providers.js'
import { readTests } from './tests.js'

export interface ConvertOptions {
  env: Env
  skipUnsupported: boolean
  /** Name of the dataset and the experiment; left out: the config's description or folder. */
  name?: string
  /** Asked in place of the config's providers: a local model, or a provider as promptfoo writes it. */
  model?: string
  grader?: string
  embedder?: string
  moderator?: string
  /** Tokens of an answer where a provider names no limit; left out: what promptfoo asks for. */
  maxTokens?: number
}

export interface Converted {
  /** Relative to the folder that holds datasets/ and experiments/. */
  files: { path: string; text: string }[]
  experiments: string[]
  dataset: string
  items: number
  runs: number
  leftOut: LeftOut[]
  notes: string[]
}

/** Keys that say where results go or how they are shown: there is nothing to take over. */
const WITHOUT_MEANING = new Set(['$schema', 'outputPath', 'sharing', 'metadata', 'writeLatestResults', 'prompts', 'providers', 'targets', 'tests', 'defaultTest', 'scenarios', 'assertionTemplates', 'description', 'tags', 'env', 'evaluateOptions', 'commandLineOptions'])
const REFUSED: Readonly<Record<string, string>> = {
  extensions: 'hooks are code; take them out',
  nunjucksFilters: 'put the finished text into the variables',
  derivedMetrics: 'compute them from the reported metrics',
  redteam: 'attacks are not generated here',
  tracing: 'take it out',
}

/** @throws AppError with everything of the config that has no counterpart here, by file, line and key */
export function convertPromptfoo(path: string, options: ConvertOptions): Converted {
  const folder = new ConfigFolder(dirname(resolve(path)))
  const config = folder.document(basename(path))
  const isConfig = ['prompts', 'tests', 'scenarios'].some((key) => config.get(key).isThere) && ['providers', 'targets'].some((key) => config.get(key).isThere)
  if (!config.isFields || !isConfig) {
    throw new AppError('invalid_request', `Nothing was imported: ${path} is no promptfoo config: it has no providers, or neither prompts nor tests.`)
  }
  const findings = new Findings()
  const env = { ...options.env, ...envOf(config.get('env')) }
  for (const key of config.keys()) if (!WITHOUT_MEANING.has(key)) findings.leaveOut(config.get(key), `${key} is not taken over`, REFUSED[key] ?? 'it is not known here; correct its name, or take it out')
  const providers = providersOf(config, { env, findings, model: options.model })
  // Without prompts of its own a config asks what its tests have under that name.
  const prompts = readPrompts(config.get('prompts').isThere ? config.get('prompts') : ConfigNode.inLine(['{{prompt}}'], { file: config.file, line: 1, folder }), { env, findings })
  const tests = readTests(config, { folder, findings })
  const graders = new GraderNames({ ...(options.grader === undefined ? {} : { grader: options.grader }), ...(options.embedder === undefined ? {} : { embedder: options.embedder }), ...(options.moderator === undefined ? {} : { moderator: options.moderator }) })
  const { items, questions, taken } = itemsOf(tests, prompts, { env, findings, graders })
  findings.assertRunnable(options)
  for (const [what, list] of Object.entries({ provider: providers, prompt: questions, test: items })) if (list.length === 0) throw nothingLeft(what, findings)
  const asked = providers.map((provider) => (typeof provider.model === 'object' && provider.model.provider === 'http' ? { ...provider, model: fitted(provider.model, { items, taken, findings }) } : provider))
  return written({ config, path, providers: asked, questions, items, graders, findings, maxTokens: options.maxTokens }, options.name ?? config.get('description').text?.trim().split('\n')[0] ?? basename(folder.path))
}

function nothingLeft(what: string, { leftOut }: Findings): AppError {
  const problems = leftOut.map((found) => ({ path: placeOf(found), message: `${found.what}; ${found.mend}` }))
  return new AppError('invalid_request', `Nothing was imported: no ${what} is left of what the config has.`, { problems })
}

function envOf(node: ConfigNode): Record<string, string> {
  return Object.fromEntries(node.keys().map((key) => [key, String(node.get(key).value)]))
}

function providersOf(config: ConfigNode, { env, findings, model }: { env: Env; findings: Findings; model: string | undefined }): Provider[] {
  const node = config.get('providers').isThere ? config.get('providers') : config.get('targets')
  if (model !== undefined) {
    const ref: ModelRef | null = model.includes(':') && !model.startsWith('run:') ? modelOf(model, node, { env, findings }) : model
    return ref === null ? [] : [{ name: model, id: model, model: ref, prompts: undefined }]
  }
  const entries = node.items().flatMap((entry) => (entry.fileName !== undefined && /\.(?:ya?ml|json)$/.test(entry.fileName) ? entry.folder.document(entry.fileName).items() : [entry]))
  return entries.flatMap((entry) => readProvider(entry, { env, findings }) ?? [])
}

function written(parts: Parts, name: string): Converted {
  const { config, path, items, findings } = parts
  const title = name.slice(0, 100)
  const dataset = slug(title, '-') || 'promptfoo'
  const groups = groupsOf(parts)
  const named = groups.map((group, index) => ({ ...group, file: `experiments/${dataset}${index === 0 ? '' : `-${index + 1}`}.yaml`, name: index === 0 ? title : `${title} (${index + 1})` }))
  if (groups.length > 1) findings.note(`Providers are asked different prompts, so there are ${groups.length} experiments on one dataset; their runs compare all the same.`)
  const manifest = { name: dataset, title, task: 'generation', language: 'und', licence: `that of ${basename(path)}`, source: basename(path), splits: { test: 'test.jsonl' }, description: `The tests of the promptfoo config ${basename(path)}, one item per combination of variables, with their assertions.` }
  const experiments = named.map(({ file, name, providers, questions }) => ({ path: file, text: experimentText({ ...parts, providers, questions }, { name, dataset }) }))
  const notes = [...findings.notes]
  return {
    dataset,
    items: items.length,
    runs: groups.reduce((sum, { providers, questions }) => sum + providers.length * questions.length, 0) * (repeatsOf(config) ?? 1),
    leftOut: findings.leftOut,
    notes,
    experiments: experiments.map((file) => file.path),
    files: [
      { path: `datasets/${dataset}/dataset.yaml`, text: stringify(manifest) },
      { path: `datasets/${dataset}/test.jsonl`, text: items.map((item) => `${JSON.stringify(item)}\n`).join('') },
      { path: `datasets/${dataset}/README.md`, text: cardOf(manifest, parts) },
      ...experiments,
    ],
  }
}

/** Providers by the prompts that they are asked, in the config's order. */
function groupsOf({ providers, questions }: Parts): { providers: Provider[]; questions: Question[] }[] {
  const groups = new Map<string, { providers: Provider[]; questions: Question[] }>()
  for (const provider of providers) {
    const asked = questions.filter(({ prompt }) => provider.prompts === undefined || provider.prompts.some((name) => fits(name, prompt)))
    if (asked.length === 0) continue
    const key = asked.map((question) => questions.indexOf(question)).join()
    const group = groups.get(key) ?? { providers: [], questions: asked }
    groups.set(key, { ...group, providers: [...group.providers, provider] })
  }
  return [...groups.values()]
}

/** Label or id; `group:*` and `group` stand for those that begin with it. */
function fits(name: string, { id, label }: Question['prompt']): boolean {
  const own = [label, ...(id === undefined ? [] : [id])]
  return own.some((text) => text === name || text.startsWith(`${name}:`) || (name.endsWith('*') && text.startsWith(name.slice(0, -1))))
}
