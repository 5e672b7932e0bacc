import { require } from "./commonjs.js";

export const { createRoot } = require("react-dom/client");
