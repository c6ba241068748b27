/*
 * The `data` of server-sent events, as they arrive (WHATWG HTML, §9.2.6). Lines end in LF, CRLF or CR;
 * comments and the other fields are skipped, because streams of answers use `data` alone.
 */
export async function* readEventData(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  const events = new EventLines()
  for await (const chunk of body) yield* events.add(decoder.decode(chunk, { stream: true }), false)
  // An event that the stream's end cut off is incomplete and is dropped, as the standard says.
  yield* events.add(decoder.decode(), true)
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
