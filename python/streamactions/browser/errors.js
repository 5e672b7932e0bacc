/**
 * The errors of a stream, as plain frozen objects with the members of the wire's error object.
 *
 * Codes, messages and statuses are those of the Python client, so that a program can switch on
 * the same words wherever it runs.
 *
 * @import { ActionError } from "./types.d.ts"
 */

const MIN_STATUS_CODE = 400;
const MAX_STATUS_CODE = 599;

/** Carries an `ActionError` from where a stream fails to the handle; it never leaves the client. */
export class StreamFailure extends Error {
  /** @param {ActionError} actionError */
  constructor(actionError) {
    super(actionError.message);
    this.actionError = actionError;
  }
}

/**
 * @param {string} code
 * @param {string} message
 * @param {number} statusCode
 * @param {Record<string, string[]>} [fieldErrors]
 * @returns {ActionError}
 */
export function createActionError(code, message, statusCode, fieldErrors) {
  const error = { code, message, statusCode };
  return Object.freeze(fieldErrors === undefined ? error : { ...error, fieldErrors });
}

/**
 * Read an error object from the other side, which may be anything.
 *
 * @param {unknown} wire The decoded JSON value.
 * @param {number} [statusCode] What to assume where the value names no valid status.
 */
export function readActionError(wire, statusCode = 500) {
  const fields = isObject(wire) ? wire : {};
  const { code, message, statusCode: status, fieldErrors } = fields;
  return createActionError(
    typeof code === "string" && code ? code : "STREAM_ERROR",
    typeof message === "string" ? message : "The server reported an error without a message",
    isErrorStatus(status) ? status : statusCode,
    isObject(fieldErrors) ? readFieldErrors(fieldErrors) : undefined,
  );
}

/**
 * @param {unknown} status
 * @returns {status is number}
 */
export function isErrorStatus(status) {
  return (
    typeof status === "number" &&
    Number.isInteger(status) &&
    status >= MIN_STATUS_CODE &&
    status <= MAX_STATUS_CODE
  );
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The error of a body that ended without its end event. */
export function streamIncomplete() {
  return createActionError(
    "STREAM_INCOMPLETE",
    "The connection ended before the server said that the stream is complete",
    502,
  );
}

/** @param {unknown} cause What was thrown, in one line. */
export function describe(cause) {
  return cause instanceof Error ? cause.message : String(cause);
}

/** @param {Record<string, unknown>} fieldErrors */
function readFieldErrors(fieldErrors) {
  return Object.fromEntries(
    Object.entries(fieldErrors).map(([name, texts]) => [
      name,
      (Array.isArray(texts) ? texts : [texts]).map(String),
    ]),
  );
}
