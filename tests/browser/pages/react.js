import { require } from "./commonjs.js";

export const {
  StrictMode,
  createElement,
  memo,
  useEffect,
  useInsertionEffect,
  useRef,
  useState,
  useSyncExternalStore,
} = require("react");
