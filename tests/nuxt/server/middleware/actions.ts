import { pipeline } from 'node:stream/promises'

// Hands every action over to the backend. Unlike Nitro's `routeRules`, this passes `Accept` on, waits
// for a slow reader, and lets the backend see that a reader has left.
export default defineEventHandler((event) => {
  const { actionsBackend } = useRuntimeConfig(event)
  if (!actionsBackend || !event.path.startsWith('/api/_actions/')) return
  return proxyRequest(event, actionsBackend + event.path, {
    headers: { accept: getHeader(event, 'accept') },
    onResponse: (_, response) => pipeline(response.body, event.node.res).catch(() => {}),
  })
})
