import { require } from "./commonjs.js";

export const { flushSync } = require("react-dom");
