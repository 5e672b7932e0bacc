// nuxt-actions 1.1.2 on Node awaits the first event of a refused call before it starts to send, and
// h3's event stream takes no event before that: such a call would never be answered. A stream that
// holds a few events makes it what its documentation says.
export default defineNitroPlugin(() => {
  globalThis.TransformStream = class<I, O> extends TransformStream<I, O> {
    constructor(transformer?: Transformer<I, O>) {
      super(transformer, undefined, { highWaterMark: 4 })
    }
  }
})
