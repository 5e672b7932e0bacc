/** What users can write, and what the compiler must refuse. */

import type { Ref } from "vue";

import { createStreamAction, EventTooLargeError, SSEDecoder, type ActionError } from "../../../python/streamactions/browser/client.js";
import { useStreamAction as useInReact } from "../../../python/streamactions/browser/react.js";
import { useStreamAction as useInVue } from "../../../python/streamactions/browser/vue.js";

interface Prompt {
  prompt: string;
}
interface Token {
  text: string;
}

export async function plain(): Promise<void> {
  const handle = createStreamAction<Prompt, Token>("/api/_actions/ai-chat", {
    method: "POST",
    headers: async () => ({ authorization: "Bearer token" }),
    timeout: 60_000,
    credentials: "include",
    onChunk: (chunk) => chunk.text.length,
    onDone: (chunks) => chunks.map(({ text }) => text).join(""),
    onError: (error: ActionError) => error.fieldErrors?.prompt?.[0],
  });
  const unsubscribe: () => void = handle.subscribe(() => handle.getSnapshot().chunks[0]?.text);
  await handle.execute({ prompt: "hi" });
  const text: string | undefined = handle.data?.text;
  const state: "idle" | "streaming" | "done" | "error" = handle.getSnapshot().status;
  unsubscribe();
  handle.stop();
  console.log(text, state, handle.complete);

  // @ts-expect-error the input has a prompt
  await handle.execute({});
  // @ts-expect-error the state is read-only
  handle.status = "done";
  // @ts-expect-error a snapshot's chunks are read-only
  handle.getSnapshot().chunks.push({ text: "" });
  // @ts-expect-error a URL is a string
  createStreamAction({ __actionPath: "ai-chat" });
  // @ts-expect-error there is no such option
  createStreamAction("/a", { retry: 3 });
  await createStreamAction("/a").execute();
}

export function vue(): void {
  const { execute, stop, chunks, data, status, error, complete } = useInVue<Prompt, Token>("/a", { timeout: 1_000 });
  const all: Readonly<Ref<Token[]>> = chunks;
  const latest: Token | null = data.value;
  void execute({ prompt: "hi" }).then(stop);
  console.log(all, latest, status.value === "done", error.value?.code, complete.value);
  // @ts-expect-error refs are read-only
  status.value = "done";
}

export function react(): string {
  const { execute, stop, chunks, data, status, error, complete } = useInReact<Prompt, Token>("/a", { timeout: 1_000 });
  void execute({ prompt: "hi" }).then(stop);
  const latest: Token | null = data;
  console.log(latest, status === "done", error?.code, complete);
  return chunks.map(({ text }) => text).join("");
}

export function decode(bytes: Uint8Array): string[] {
  try {
    return new SSEDecoder({ maxEventBytes: 1_024 }).feed(bytes).map(({ data }) => data);
  } catch (error) {
    if (!(error instanceof EventTooLargeError)) throw error;
    return error.events.map(({ data }) => data);
  }
}
