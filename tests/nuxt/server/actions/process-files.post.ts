import { z } from 'zod'

export default defineStreamAction({
  input: z.object({ fileIds: z.array(z.string()).min(1, 'No files') }),
  handler: async ({ input, stream }) => {
    const total = input.fileIds.length
    for (const [i, fileName] of input.fileIds.entries()) {
      await new Promise(resolve => setTimeout(resolve, 20))
      const current = i + 1
      await stream.send({ progress: Math.round((current / total) * 100), current, total, fileName })
    }
    await stream.close()
  },
})
