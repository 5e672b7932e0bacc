/** React comes as CommonJS alone: this loads it from its package as it is. */

const FILES = {
  react: "/npm/react/cjs/react.development.js",
  scheduler: "/npm/scheduler/cjs/scheduler.development.js",
  "react-dom": "/npm/react-dom/cjs/react-dom.development.js",
  "react-dom/client": "/npm/react-dom/cjs/react-dom-client.development.js",
};

const process = { env: { NODE_ENV: "development" } };
const factories = new Map(
  await Promise.all(
    Object.entries(FILES).map(async ([name, file]) => {
      const text = await (await fetch(file)).text();
      return [name, new Function("module", "exports", "require", "process", text)];
    }),
  ),
);
const loaded = new Map();

export function require(name) {
  if (!loaded.has(name)) {
    const module = { exports: {} };
    loaded.set(name, module);
    factories.get(name)(module, module.exports, require, process);
  }
  return loaded.get(name).exports;
}
