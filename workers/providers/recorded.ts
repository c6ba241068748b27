/*
 * Replies from a file instead of an endpoint: JSON lines {hash, request, reply}. With an endpoint to record
 * from, what the file lacks is asked there and added; without one it is an error of its example.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { canonicalJson } from '../canonical-json.js'
import { RunFailure } from '../run-context.js'
import { CallFailed, type CallFacts, type ChatModel, type Completion, type CompletionRequest, type ContinuationRequest, type LabelScores } from './chat-model.js'

const count = z.number().int().nonnegative().nullable().default(null)
const facts = { tokensIn: count, tokensOut: count, tokensCached: count, tokensReasoning: count, ttftMs: z.number().nullable().default(null), latencyMs: z.number(), tries: z.number().int().default(1) }
const ReplySchema = z.union([
  z.object({ text: z.string(), finishReason: z.string().nullable().default(null), ...facts }),
  z.object({ logLikelihoods: z.array(z.number()), labelTokens: z.array(z.number().int()), greedy: z.array(z.boolean()).nullable().default(null), ...facts }),
])
const LineSchema = z.object({ hash: z.string(), reply: ReplySchema })
type Reply = z.infer<typeof ReplySchema>

export interface RecordedOptions {
  model: string
  path: string
  /** Asked for what the file lacks. */
  source: ChatModel | null
}

/** @throws {RunFailure} `recording_missing` without file and source; `recording_invalid` with the line that is wrong. */
export async function openRecorded({ model, path, source }: RecordedOptions): Promise<ChatModel> {
  if (source === null && !existsSync(path)) throw new RunFailure('recording_missing', `there is no recording ${path}; make one with record: {an endpoint}, or correct file`)
  return new RecordedModel({ model, path, source }, existsSync(path) ? await readRecording(path) : new Map())
}

/** What makes two requests the same to a recording: the model's name and all that is asked, but not where. */
function recordingHash(model: string, request: CompletionRequest | ContinuationRequest): string {
  const { seed, ...rest } = { seed: undefined, ...request }
  const isSampled = 'temperature' in rest && rest.temperature > 0
  return createHash('sha256').update(canonicalJson({ model, ...rest, ...(isSampled ? { seed } : {}) })).digest('hex')
}

async function readRecording(path: string): Promise<Map<string, Reply>> {
  const replies = new Map<string, Reply>()
  const lines = (await readFile(path, 'utf8')).split('\n')
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue
    const parsed = LineSchema.safeParse(parseOrNull(line))
    // A recorder that was killed leaves half a line at the end, and nowhere else.
    if (!parsed.success && index === lines.length - 1) break
    if (!parsed.success) throw new RunFailure('recording_invalid', `${path}:${index + 1} is no line of a recording ({hash, reply}): ${line.slice(0, 120)}`)
    replies.set(parsed.data.hash, parsed.data.reply)
  }
  return replies
}

class RecordedModel implements ChatModel {
  readonly name: string
  readonly concurrency: number
  readonly scoreContinuations: ((request: ContinuationRequest) => Promise<LabelScores>) | null
  private written: Promise<void> = Promise.resolve()

  constructor(
    private readonly options: RecordedOptions,
    private readonly replies: Map<string, Reply>,
  ) {
    const { model, source } = options
    this.name = model
    this.concurrency = source?.concurrency ?? 64
    const hasScores = [...replies.values()].some((reply) => 'logLikelihoods' in reply)
    const score = source?.scoreContinuations ?? null
    this.scoreContinuations = score === null && !hasScores ? null : (request) => this.reply<ContinuationRequest, LabelScores>(request, 'logLikelihoods', score)
  }

  complete(request: CompletionRequest): Promise<Completion> {
    const { source } = this.options
    return this.reply<CompletionRequest, Completion>(request, 'text', source === null ? null : (asked) => source.complete(asked))
  }

  continuesText(messages: CompletionRequest['messages']): boolean {
    return this.options.source?.continuesText(messages) ?? false
  }

  async close(): Promise<void> {
    await this.written
    await this.options.source?.close()
  }

  private async reply<Request extends CompletionRequest | ContinuationRequest, T extends CallFacts>(request: Request, field: string, ask: ((request: Request) => Promise<T>) | null): Promise<T> {
    const hash = recordingHash(this.name, request)
    const found = this.replies.get(hash)
    if (found !== undefined && field in found) return found as unknown as T
    if (ask === null) throw new CallFailed(`${this.options.path} has no reply for this prompt (hash ${hash})`, { partial: null, tries: 1 })
    const reply = await ask(request)
    this.replies.set(hash, reply as unknown as Reply)
    await this.write({ hash, request, reply })
    return reply
  }

  /** Whole lines, one after the other. */
  private write(line: unknown): Promise<void> {
    this.written = this.written.then(async () => {
      await mkdir(dirname(this.options.path), { recursive: true })
      await appendFile(this.options.path, `${JSON.stringify(line)}\n`)
    })
    return this.written
  }
}

function parseOrNull(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null // No line of ours; the schema says so.
  }
}
