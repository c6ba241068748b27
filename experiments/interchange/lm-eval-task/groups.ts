/*
 * Groups of tasks as the harness resolves them: members are tasks, tags or groups by name, or written out in place;
 * what a group says beside its members holds for all of them, and what a member says wins.
 */
import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { AppError } from '../../../server/contracts/index.js'
import { type Setting, TaskFile, yamlFilesBelow } from './task-file.js'

/** Of the group itself, not of its tasks. */
const OWN_KEYS = new Set(['group', 'group_alias', 'task', 'aggregate_metric_list', 'metadata'])
const MAX_DEPTH = 20

/** What members are sought among: the files beside the group, and below. */
interface Shelf {
  folder: string
  tasks: ReadonlyMap<string, TaskFile>
  groups: ReadonlyMap<string, TaskFile>
  tags: ReadonlyMap<string, readonly TaskFile[]>
}

function isGroup(file: TaskFile): boolean {
  const { value } = file.get('task')
  return Array.isArray(value) || (typeof file.get('group').value === 'string' && typeof value !== 'string')
}

/** Files with a task: the one that is named, those of a group, or those of a folder and below. */
export function taskFilesAt(path: string): TaskFile[] {
  if (!existsSync(path)) throw new AppError('invalid_request', `Nothing was imported: there is no file or folder ${path}.`)
  if (!statSync(path).isDirectory()) {
    const file = TaskFile.read(path)
    return isGroup(file) ? tasksOfGroup(file) : [file]
  }
  // Others of the folder are parts that tasks include, and groups, whose tasks have files of their own.
  return yamlFilesBelow(path).map((file) => TaskFile.read(file)).filter((file) => typeof file.get('task').value === 'string')
}

/** Each task once, as the group has it. @throws {AppError} naming the member that is nowhere */
function tasksOfGroup(group: TaskFile): TaskFile[] {
  const found = membersOf({ group, overrides: [], depth: 0 }, shelfOf(dirname(group.path)))
  return [...new Map(found.map((task) => [task.text('task'), task])).values()]
}

interface Level {
  group: TaskFile
  /** Of the groups around it. */
  overrides: readonly Setting[]
  depth: number
}

function membersOf({ group, overrides, depth }: Level, shelf: Shelf): TaskFile[] {
  const list = group.get('task')
  const name = group.text('group')
  if (depth > MAX_DEPTH) throw fault(list, `the group ${name} is a member of itself`)
  const inherited = [...group.all.filter(({ key }) => !OWN_KEYS.has(key)), ...overrides]
  const members: unknown[] = Array.isArray(list.value) ? list.value : []
  if (members.length === 0) throw fault(list, `the group ${name} has no tasks`)
  return members.flatMap((member) => {
    const own = settingsOf(member, list)
    const [called] = own.flatMap(({ key, value }) => (key === 'group' || key === 'task') && typeof value === 'string' ? [value] : [])
    if (called === undefined) throw fault(list, `a member reads ${JSON.stringify(member)?.slice(0, 80)}; a name is wanted, or settings with task or group`)
    const all = [...inherited, ...own.filter(({ key }) => key !== 'group' && key !== 'task')]
    const inner = shelf.groups.get(called) ?? (own.some(({ key }) => key === 'group') ? group.only([...own, { ...list, key: 'group', value: called }]) : undefined)
    if (inner !== undefined) return membersOf({ group: inner, overrides: shelf.groups.has(called) ? all : inherited, depth: depth + 1 }, shelf)
    const tasks = shelf.tasks.get(called)
    const found = tasks === undefined ? shelf.tags.get(called) : [tasks]
    if (found !== undefined) return found.map((task) => task.with([...all, { ...list, key: 'group', value: name }]))
    if (typeof member === 'string') throw fault(list, `there is no task, tag or group ${called} in ${shelf.folder} or below`)
    return [group.only([...all, { ...list, key: 'task', value: `${name}::${called}` }, { ...list, key: 'group', value: name }])]
  })
}

function settingsOf(member: unknown, { file, line }: Setting): Setting[] {
  if (typeof member === 'string') return [{ key: 'task', value: member, file, line }]
  if (typeof member !== 'object' || member === null) return []
  return Object.entries(member).map(([key, value]): Setting => ({ key, value, file, line }))
}

function shelfOf(folder: string): Shelf {
  const files = yamlFilesBelow(folder).map((path) => TaskFile.read(path))
  const tasks = files.filter((file) => typeof file.get('task').value === 'string')
  const tags = new Map<string, TaskFile[]>()
  for (const task of tasks) {
    for (const tag of [task.get('tag').value].flat()) if (typeof tag === 'string') tags.set(tag, [...(tags.get(tag) ?? []), task])
  }
  // Of two files with a task of the same name the harness takes the first.
  return { folder, tasks: new Map(tasks.toReversed().map((file) => [file.text('task'), file])), groups: new Map(files.filter(isGroup).map((file) => [file.text('group'), file])), tags }
}

function fault({ file, line, key }: Setting, why: string): AppError {
  return new AppError('invalid_request', `Nothing was imported: ${file}${line === undefined ? '' : `:${line}`} ${key}: ${why}.`)
}
