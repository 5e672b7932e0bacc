import { z } from 'zod'

export default defineStreamAction({
  input: z.object({
    prompt: z.string().min(1, 'Prompt is required').max(200, 'Prompt is too long'),
  }),
  handler: async ({ input, stream }) => {
    for (const word of `You said: ${input.prompt}`.split(' ')) {
      await stream.send({ text: word + ' ' })
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    await stream.close()
  },
})
