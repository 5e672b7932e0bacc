export default defineStreamAction({
  handler: async ({ input, stream }) => {
    await stream.send({ text: 'Half ' })
    if ((input as { prompt: string }).prompt === 'typed') {
      throw createActionError({ code: 'QUOTA_EXCEEDED', message: 'The quota is used up', statusCode: 402 })
    }
    throw new Error('details that no client may see')
  },
})
