/*
 * The `data` of server-sent events, as they arrive (WHATWG HTML, §9.2.6). Lines end in LF, CRLF or CR;
 * comments and the other fields are skipped, because streams of answers use `data` alone.
 */
import type { IncomingMessage } from 'node:http'
import { readBody } from './http-post.js'

export async function readEventData(response: IncomingMessage, onData: (data: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  const events = new EventLines()
  await readBody(response, (chunk) => events.add(decoder.decode(chunk, { stream: true }), false).forEach(onData))
  // An event that the stream's end cut off is incomplete and is dropped, as the standard says.
  events.add(decoder.decode(), true).forEach(onData)
}

class EventLines {
  private buffer = ''
  private data: string[] = []

  /** The events that the text completes. */
  add(text: string, isEnd: boolean): string[] {
    const lines = (this.buffer + text).split(/\r\n|\n|\r(?!$)/)
    const rest = lines.pop() ?? ''
    // A CR at the end of what has arrived may be half of a CRLF.
    const isWhole = isEnd && rest.endsWith('\r')
    this.buffer = isWhole ? '' : rest
    if (isWhole) lines.push(rest.slice(0, -1))
    return lines.flatMap((line) => this.accept(line))
  }

  private accept(line: string): string[] {
    if (line.startsWith('data:')) this.data.push(line.slice(line[5] === ' ' ? 6 : 5))
    if (line !== '' || this.data.length === 0) return []
    const event = this.data.join('\n')
    this.data = []
    return [event]
  }
}
