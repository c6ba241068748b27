/* Tasks of lm-evaluation-harness through the command line: refused by name, or asked of the shipped model and compared. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Experiment, ExperimentPage } from '../../server/contracts/index.js'
import { bancada, root, type Server, startServer } from '../support/bancada.js'

const FIXTURES = join(root, 'tests/fixtures/lm-eval')
let home: string
let server: Server

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'bancada-lm-eval-task-'))
  server = await startServer(home, { args: ['--no-examples'] })
})
afterAll(async () => {
  await server?.stop()
  if (home) await rm(home, { recursive: true, force: true })
})

const taken = (task: string, data: string, ...more: string[]): ReturnType<typeof bancada> =>
  bancada(server.url, 'import', 'lm-eval-task', join(FIXTURES, 'tasks', task), '--data', join(FIXTURES, 'data', data), '--out', home, ...more)

it('runs a task of choices and one of texts as they are', async () => {
  const sciq = await taken('sciq.yaml', 'sciq', '--shots', '2', '--run', '--wait')
  expect(sciq.output).toContain('4 items, 2 shots')
  expect(sciq.code).toBe(0)
  const gsm8k = await taken('gsm8k.yaml', 'gsm8k', '--shots', '0', '--limit', '2', '--run', '--wait')
  expect(gsm8k.code).toBe(0)
  const { experiments } = await server.get<ExperimentPage>('/api/experiments')
  const summaries = new Map<string, Record<string, { n: number }>>()
  for (const { id, name } of experiments) summaries.set(name, (await server.get<Experiment>(`/api/experiments/${id}`)).runs[0]?.summary?.metrics ?? {})
  expect(summaries.get('sciq')).toMatchObject({ accuracy: { n: 4 }, acc_norm: { n: 4 } })
  expect(summaries.get('gsm8k')).toMatchObject({ exact_match_strict_match: { n: 2 }, exact_match_flexible_extract: { n: 2 } })
})

it('refuses what needs Python by file, line and key, and a folder runs without it only when asked to', async () => {
  const refused = await taken('hellaswag.yaml', 'sciq')
  expect(refused.code).toBe(2)
  expect(refused.output).toMatch(/hellaswag\.yaml:\d+ process_docs: it is Python \(utils\.process_docs\).*--processed/)

  const data = join(home, 'processed')
  await mkdir(data)
  const rows = ['A bird sings and', 'Rain falls and'].map((query, gold) => `${JSON.stringify({ query, choices: ['it flies.', 'all is wet.'], label: gold })}\n`)
  await Promise.all(['validation', 'train'].map((split) => writeFile(join(data, `${split}.jsonl`), rows.join(''))))
  const given = await bancada(server.url, 'import', 'lm-eval-task', join(FIXTURES, 'tasks/hellaswag.yaml'), '--data', data, '--out', home, '--processed')
  expect(given).toMatchObject({ code: 0, output: expect.stringContaining('2 items, 0 shots') as string })
  expect(given.output).toContain('Note: The rows are taken to be what utils.process_docs makes of them.')

  const folder = join(home, 'folder')
  await cp(join(FIXTURES, 'tasks/hellaswag.yaml'), join(folder, 'hellaswag.yaml'))
  await writeFile(join(folder, 'base.yaml'), 'output_type: multiple_choice\ntest_split: test\n')
  await writeFile(join(folder, 'colours.yaml'), 'include: base.yaml\ntask: colours\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.json}}\ndoc_to_text: question\ndoc_to_choice: [red, green]\ndoc_to_target: right\nmetric_list: [{metric: acc}, {metric: bias}]\n')
  await writeFile(join(folder, 'rows.json'), JSON.stringify([{ question: 'Grass is', right: 'green' }, { question: 'Blood is', right: 0 }]))
  const run = (...more: string[]): ReturnType<typeof bancada> => bancada(server.url, 'import', 'lm-eval-task', folder, '--out', home, ...more)
  const whole = await run()
  expect(whole.code).toBe(2)
  expect(whole.output).toContain('the metric bias of multiple_choice is not known here')
  const rest = await run('--skip-unsupported')
  expect(rest.output).toMatch(/Refused: .*hellaswag\.yaml/)
  expect(rest.output).toContain('Left out: colours.yaml:8 metric_list[1]')
  expect(rest.code).toBe(0)
  const items = (await readFile(join(home, 'datasets/colours/test.jsonl'), 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as { gold: number[] })
  expect(items.map(({ gold }) => gold)).toEqual([[1], [0]])
})

it('says where rows are wanted, and which row does not fit', async () => {
  const absent = await bancada(server.url, 'import', 'lm-eval-task', join(FIXTURES, 'tasks/sciq.yaml'), '--out', home)
  expect(absent).toMatchObject({ code: 2, output: expect.stringContaining('write its rows to DIR/test.jsonl') as string })
  const wrong = await taken('sciq.yaml', 'gsm8k')
  expect(wrong).toMatchObject({ code: 2, output: expect.stringContaining('row 1 of split test: "{{support.lstrip()}}') as string })
  expect(wrong.output).toContain('uses "support", and the row has only question, answer')
})

it('takes the tasks of a group, each with rows of its own', async () => {
  const folder = join(home, 'group')
  await cp(join(FIXTURES, 'tasks/mmlu'), folder, { recursive: true })
  await cp(join(FIXTURES, 'tasks/sciq.yaml'), join(folder, 'science/sciq.yaml'))
  await writeFile(join(folder, '_both.yaml'), 'group: both\ntask:\n- sciq\n- {task: mmlu_abstract_algebra, num_fewshot: 2}\naggregate_metric_list: [{metric: acc}]\n')
  const [rows, out] = [join(home, 'rows'), join(home, 'both')]
  await cp(join(FIXTURES, 'data/sciq'), join(rows, 'sciq'), { recursive: true })
  const run = (...more: string[]): ReturnType<typeof bancada> => bancada(server.url, 'import', 'lm-eval-task', join(folder, '_both.yaml'), '--data', rows, '--out', out, ...more)
  const absent = await run()
  expect(absent).toMatchObject({ code: 2, output: expect.stringContaining(`in ${join(rows, 'mmlu_abstract_algebra')}`) as string })

  // By the name of its dataset, which several tasks can share.
  await cp(join(FIXTURES, 'data/mmlu_abstract_algebra'), join(rows, 'abstract_algebra'), { recursive: true })
  const both = await run()
  expect(both.output).toContain('mmlu-abstract-algebra: 4 items, 2 shots')
  expect(both.code).toBe(0)
  expect(await readFile(join(out, 'experiments/sciq.yaml'), 'utf8')).toMatch(/tags:\n {2}- lm-eval\n {2}- both\n/)
})
