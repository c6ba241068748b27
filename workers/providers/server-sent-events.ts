/*
 * The `data` of server-sent events, as they arrive (WHATWG HTML, §9.2.6). Lines end in LF, CRLF or CR;
 * comments and the other fields are skipped, because streams of answers use `data` alone.
 */
export async function* readEventData(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let buffer = ''
  let data: string[] = []
  const takeLines = function* (isEnd: boolean): Generator<string> {
    for (;;) {
      const match = /\r\n|\n|\r/.exec(buffer)
      // A CR at the end of what has arrived may be half of a CRLF.
      if (match === null || (!isEnd && match[0] === '\r' && match.index === buffer.length - 1)) return
      yield buffer.slice(0, match.index)
      buffer = buffer.slice(match.index + match[0].length)
    }
  }
  const accept = function* (line: string): Generator<string> {
    if (line === '' && data.length > 0) {
      yield data.join('\n')
      data = []
    }
    if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5))
  }
  for await (const chunk of body) {
    buffer += decoder.decode(chunk, { stream: true })
    for (const line of takeLines(false)) yield* accept(line)
  }
  buffer += decoder.decode()
  for (const line of takeLines(true)) yield* accept(line)
  // An event that the stream's end cut off is incomplete and is dropped, as the standard says.
}
