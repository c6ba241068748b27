import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { taskFilesAt } from './groups.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bancada-groups-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function written(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

const told = (file: string, ...keys: string[]): unknown[][] => taskFilesAt(join(folder, file)).map((task) => [task.text('task'), ...keys.map((key) => task.get(key).value)])

it('finds members by name, by tag and in other groups, and what is nearer to a task wins', () => {
  written({
    'all.yaml': 'group: all\nnum_fewshot: 2\ndescription: d\ntask:\n- colours\n- {task: shapes, num_fewshot: 4}\n- animals\n- small\n- {task: own, doc_to_text: q, num_fewshot: 1}\n- {group: inner, description: inner, task: [tones]}\nmetadata: {version: 1}\n',
    'tasks/colours.yaml': 'task: colours\nnum_fewshot: 7\n',
    'tasks/shapes.yaml': 'task: shapes\nnum_fewshot: 7\n',
    'tasks/tones.yaml': 'task: tones\n',
    'tasks/cats.yaml': 'task: cats\ntag: animals\n',
    'tasks/dogs.yaml': 'task: dogs\ntag: [animals, big]\n',
    'tasks/small.yaml': 'group: small\nnum_fewshot: 3\ntask: [dots]\n',
    'tasks/dots.yaml': 'task: dots\ndescription: dots\n',
  })
  // As lm-eval 0.4.13 has them: TaskManager(include_path=folder, include_defaults=False).load(["all"]).
  expect(told('all.yaml', 'num_fewshot', 'description', 'metadata')).toEqual([
    ['colours', 2, 'd', undefined],
    ['shapes', 4, 'd', undefined],
    ['cats', 2, 'd', undefined],
    ['dogs', 2, 'd', undefined],
    ['dots', 2, 'd', undefined],
    ['all::own', 1, 'd', undefined],
    ['tones', 2, 'd', undefined],
  ])
})

it('names the member that is nowhere, and a group that is its own member', () => {
  written({ 'a.yaml': 'group: a\ntask:\n- gone\n', 'b.yaml': 'group: b\ntask: [c]\n', 'c.yaml': 'group: c\ntask: [b]\n', 'd.yaml': 'group: d\ntask: []\n' })
  expect(() => told('a.yaml')).toThrow(/a\.yaml:2 task: there is no task, tag or group gone in .* or below/)
  expect(() => told('b.yaml')).toThrow(/task: the group [bc] is a member of itself/)
  expect(() => told('d.yaml')).toThrow(/d\.yaml:2 task: the group d has no tasks/)
})

it('reads YAML as the harness does: the last of two keys, bare yes and no as truth values, merged maps', () => {
  written({ 'a.yaml': 'task: a\nnum_fewshot: 1\nnum_fewshot: 5\ndoc_to_choice: [yes, "no", off]\ngeneration_kwargs: {<<: {temperature: 0.5}, do_sample: yes}\n' })
  expect(told('a.yaml', 'num_fewshot', 'doc_to_choice', 'generation_kwargs')).toEqual([['a', 5, [true, 'no', false], { temperature: 0.5, do_sample: true }]])
})
