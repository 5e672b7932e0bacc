// Reads one case a line from standard input ({"stream": base64, "cuts": [...]}), feeds the stream to
// eventsource-parser, cut there, and writes one line for each: the events with the last event ID of the
// stream, and its last reconnection time.

import {createInterface} from 'node:readline'

import {createParser} from 'eventsource-parser'

for await (const line of createInterface({input: process.stdin})) {
  const {stream, cuts} = JSON.parse(line)
  const bytes = Buffer.from(stream, 'base64')
  const events = []
  let id = ''
  let retry = null
  const parser = createParser({
    onEvent: ({event, data}) => events.push([event ?? 'message', data, id]),
    onId: (given) => (id = given),
    onRetry: (given) => (retry = given),
  })
  // The parser wants text and drops the byte order mark itself.
  const decoder = new TextDecoder('utf-8', {ignoreBOM: true})
  const ends = [...cuts, bytes.length]
  let start = 0
  for (const end of ends) {
    parser.feed(decoder.decode(bytes.subarray(start, end), {stream: true}))
    start = end
  }
  process.stdout.write(`${JSON.stringify({events, id, retry})}\n`)
}
