// Node's http without a framework: `node http_by_hand.mjs PORT`.
import { createServer } from 'node:http'
import { makeChunk, sleep } from './scenario.mjs'

/** Until the response takes more, or is closed. */
function drained(response) {
  return new Promise((resolve) => {
    const go = () => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })
}

async function chat(request, response) {
  let body = ''
  for await (const piece of request) body += piece
  const scenario = JSON.parse(body)
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  for (let i = 0; i < scenario.count; i++) {
    const isTaken = response.write(`data: ${JSON.stringify(makeChunk(scenario, i))}\n\n`)
    if (!isTaken) await drained(response)
    if (response.destroyed) return
    if (scenario.interval_s) await sleep(scenario.interval_s * 1000)
  }
  response.end('event: done\ndata: {}\n\n')
}

const server = createServer((request, response) => {
  chat(request, response).catch((error) => {
    console.error(error)
    response.destroy()
  })
})
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
