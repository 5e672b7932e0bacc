export default defineStreamAction({
  handler: async ({ stream }) => {
    // The stream of nuxt-actions takes chunks for ever, even after its reader has left: so not for ever.
    for (let i = 0; i < 1000; i++) {
      await stream.send({ text: 'more ' })
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    await stream.close()
  },
})
