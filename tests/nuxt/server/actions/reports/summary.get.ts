import { z } from 'zod'

export default defineStreamAction({
  input: z.object({ topic: z.string(), parts: z.coerce.number() }),
  handler: async ({ input, stream }) => {
    for (let part = 1; part <= input.parts; part++) {
      await stream.send({ text: `${input.topic} ${part} ` })
    }
    await stream.close()
  },
})
