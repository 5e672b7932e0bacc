// The reference: nuxt-actions itself on h3, with a zod schema: `node nuxt_actions.mjs PORT`.
import { createServer } from 'node:http'
import { createApp, toNodeListener } from 'h3'
// A Nuxt app gets this function by an import that its build makes; the package names no other door.
import { defineStreamAction } from './node_modules/nuxt-actions/dist/runtime/server/utils/defineStreamAction.js'
import { z } from 'zod'
import { makeChunk, sleep } from './scenario.mjs'

const chat = defineStreamAction({
  input: z.object({
    count: z.number(),
    text: z.string(),
    interval_s: z.number().default(0),
    busy_s: z.number().default(0),
    stamp: z.boolean().default(false),
  }),
  handler: async ({ input, stream }) => {
    for (let i = 0; i < input.count; i++) {
      await stream.send(makeChunk(input, i))
      if (input.interval_s) await sleep(input.interval_s * 1000)
    }
    await stream.close()
  },
})

const server = createServer(toNodeListener(createApp().use('/', chat)))
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
