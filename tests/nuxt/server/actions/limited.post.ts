const limit = defineMiddleware(async () => {
  throw createActionError({ code: 'RATE_LIMITED', message: 'Too many requests', statusCode: 429 })
})

export default defineStreamAction({
  middleware: [limit],
  handler: async ({ stream }) => {
    await stream.send({ text: 'never ' })
    await stream.close()
  },
})
