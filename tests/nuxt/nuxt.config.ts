// An app on nuxt-actions. With NUXT_ACTIONS_BACKEND set, its actions are those of that server.
export default defineNuxtConfig({
  modules: ['nuxt-actions'],
  runtimeConfig: { actionsBackend: '' },
  compatibilityDate: '2026-11-01',
  devtools: { enabled: false },
  telemetry: false,
  app: { head: { link: [{ rel: 'icon', href: 'data:,' }] } },
})
