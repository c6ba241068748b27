/* Prompts of promptfoo: texts, files of texts, and conversations as JSON or YAML. */
import { extname } from 'node:path'
import { parse as parseYaml } from 'yaml'
import type { NamedPrompt } from '../../../server/contracts/index.js'
import { type ConfigNode, isScript } from './config-node.js'
import { readCsv } from '../csv.js'
import type { Findings } from '../findings.js'
import { type Derived, toJinja, Untranslatable } from './nunjucks.js'
import type { Env } from './providers.js'

export interface Prompt {
  id: string | undefined
  label: string
  node: ConfigNode
  question: Omit<NamedPrompt, 'label'>
  derived: Derived[]
}

interface Raw {
  id: string | undefined
  label: string | undefined
  text: string
  node: ConfigNode
}

export function readPrompts(node: ConfigNode, { env, findings }: { env: Env; findings: Findings }): Prompt[] {
  const entries = node.isFields && !node.get('raw').isThere && !node.get('id').isThere ? node.keys().map((file) => ({ node: node.get(file), text: file, label: node.get(file).text, id: undefined })) : node.items().map(entryOf)
  const prompts = entries.flatMap((entry) => rawPrompts(entry, findings)).flatMap((raw) => translated(raw, { env, findings }) ?? [])
  if (prompts.length === 0 && findings.leftOut.length + findings.broken.length === 0) findings.refuse(node, 'prompts is empty', 'give at least one')
  return prompts
}

function entryOf(node: ConfigNode): Raw {
  const config = node.get('config')
  const text = node.text ?? node.get('raw').text ?? node.get('id').text ?? ''
  return { id: node.get('id').text, label: node.get('label').text ?? node.get('display').text, text, node: config.isThere ? config : node }
}

const TEXTS = new Set(['.txt', '.md', '.j2'])

/** A name is taken for that of a file as promptfoo does: `file://`, or a known ending without spaces. */
function isFile(text: string): boolean {
  return text.startsWith('file://') || (!/[\n{]/.test(text) && /^\S+\.(?:txt|md|j2|json|jsonl|ya?ml|csv|c?js|mjs|ts|py|rb|sh)(?::\w+)?$/.test(text))
}

function rawPrompts(entry: Raw, findings: Findings): Raw[] {
  const { text, node, label } = entry
  if (text === '') {
    findings.refuse(node, 'a prompt has no text', 'write it as a text, or as {label, raw}')
    return []
  }
  if (node.key.endsWith('config')) findings.leaveOut(node, 'config of a prompt', 'move it to the config of the providers')
  if (/^(?:exec|langfuse|portkey|helicone):/.test(text)) {
    findings.leaveOut(node, `the prompt ${text} is not in a file of its own`, 'write its text into the config or a file')
    return []
  }
  if (!isFile(text)) return [entry]
  const name = text.replace(/^file:\/\//, '').replace(/(\.\w{1,5}):\w+$/, '$1')
  if (isScript(name)) {
    findings.leaveOut(node, `the prompt ${text} is a program`, 'write what it returns into a file, a prompt per file or between lines of ---')
    return []
  }
  const files = node.folder.files(name)
  if (files.length === 0) findings.refuse(node, `no file fits ${text}`, 'correct the name; it is relative to the config')
  return files.flatMap((file) => promptsIn(file, node).map((raw) => ({ ...entry, ...raw, label: label === undefined ? raw.label : files.length > 1 || raw.isOne === false ? `${label}: ${raw.label}` : label })))
}

function promptsIn(file: string, node: ConfigNode): { text: string; label: string; isOne: boolean }[] {
  const ending = extname(file).toLowerCase()
  const content = node.folder.text(file)
  const many = (texts: readonly string[]): { text: string; label: string; isOne: boolean }[] => texts.map((text, index) => ({ text, label: texts.length === 1 ? file : `${file} #${index + 1}`, isOne: texts.length === 1 }))
  if (ending === '.csv') {
    if (!content.includes(',')) return many(content.split(/\r?\n/).filter((line) => line.trim() !== '').filter((line, index) => index > 0 || line.trim().toLowerCase() !== 'prompt'))
    return readCsv(content).flatMap(({ cells }, index) => (cells['prompt'] ? [{ text: cells['prompt'].trim(), label: cells['label']?.trim() || `${file} #${index + 1}`, isOne: true }] : []))
  }
  if (ending === '.jsonl') return many(content.split(/\r?\n/).filter((line) => line !== ''))
  if (ending === '.yaml' || ending === '.yml') return many([JSON.stringify(node.folder.document(file).value)])
  if (ending === '.txt') return many(content.split(/^[^\S\n]*---[^\S\n]*$/m).map((part) => part.replaceAll('\r\n', '\n').trim()).filter((part) => part !== ''))
  return many([TEXTS.has(ending) ? content.trim() : content])
}

function translated({ id, label, text, node }: Raw, { env, findings }: { env: Env; findings: Findings }): Prompt[] {
  const short = (label ?? text).replaceAll(/\s+/g, ' ').trim().slice(0, 80)
  const derived: Derived[] = []
  const jinja = (source: string, isJson = false): string => {
    const one = toJinja(source, { isJson, env })
    derived.push(...one.derived)
    return one.template
  }
  try {
    const question = questionOf(text, jinja)
    return [{ id, label: short, node, question, derived }]
  } catch (error) {
    if (!(error instanceof Untranslatable)) throw error
    findings.leaveOut(node, `the prompt "${short}": ${error.message}`, 'write the prompt otherwise')
    return []
  }
}

function questionOf(text: string, jinja: (source: string, isJson?: boolean) => string): Omit<NamedPrompt, 'label'> {
  const trimmed = text.trim()
  if (trimmed.startsWith('- role:')) return { messages: messagesIn(parsed(() => parseYaml(text) as unknown), jinja) }
  if (!/^\[\s*["{[]|^\[\s*\{%|^\{\s*"/.test(trimmed)) return { template: jinja(text) }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    // Its JSON is there only once the template is rendered.
    if (trimmed.startsWith('[') && trimmed.includes('role')) return { json: jinja(trimmed, true) }
    return { template: jinja(text) }
  }
  return { messages: messagesIn(json, jinja) }
}

function parsed(read: () => unknown): unknown {
  try {
    return read()
  } catch (cause) {
    throw new Untranslatable(`it is no YAML before it is rendered (${cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)}); put texts with variables into quotation marks`)
  }
}

type Message = { role: 'system' | 'user' | 'assistant'; content: string }

function messagesIn(value: unknown, jinja: (source: string) => string): Message[] {
  if (!Array.isArray(value)) throw new Untranslatable('it is JSON, but no list of messages with role and content')
  const messages = value.map((message: unknown): Message => {
    const { role, content } = (message ?? {}) as { role?: unknown; content?: unknown }
    if (role !== 'system' && role !== 'user' && role !== 'assistant') throw new Untranslatable(`it has a message of the role ${JSON.stringify(role)}; there are system, user and assistant`)
    return { role, content: jinja(textOf(content)) }
  })
  if (messages.at(-1)?.role !== 'user') throw new Untranslatable('its last message is not the user’s')
  return messages
}

/** Parts of a message are joined where all of them are texts. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  const parts: unknown[] = Array.isArray(content) ? content : []
  const texts = parts.map((part) => (typeof part === 'string' ? part : (part as { type?: unknown; text?: unknown } | null)?.text))
  if (texts.length === 0 || !texts.every((text) => typeof text === 'string')) throw new Untranslatable('a message holds something other than text, such as an image')
  return texts.join('')
}
