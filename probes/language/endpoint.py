"""A language model behind an OpenAI-compatible endpoint: vLLM, llama.cpp's server, a provider.

Generated answers come from `chat/completions`, or with `--chat off` from `completions`.
Log-likelihoods come from `completions` with `echo` and `logprobs`, which vLLM offers: one request
holds the prompt and the prompt with each option, and what a text's tokens have beyond the
prompt's own is the option's, as `lm_eval` divides them. A server that does not echo log-likelihoods
is found out by the first request.

Requests go out side by side. A prompt that fails for good becomes an error of its own; many
failures in a row end the run, and the same command goes on from there.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError
from probes.language.asking import Group, Prompt, Reply
from probes.language.http_json import AGAIN, RequestFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probes.language.asking import Chat
    from probes.language.http_json import Client

IN_A_ROW = 20
"""So many failures one after the other end the run."""
BYTES_PER_TOKEN = 3.5
"""For estimates: usual for English in a vocabulary of 32,000 and more; sequences have fewer."""
NO_ECHO = (
    "this endpoint gives no log-likelihoods of a text (echo with logprobs of the completions "
    "API); use --scoring generate, or serve the model with vLLM"
)


class Endpoint:
    """A model of a server."""

    revision: str | None = None

    def __init__(self, client: Client, name: str, *, chat: Chat = "auto", jobs: int = 8) -> None:
        if jobs < 1:
            message = f"--jobs {jobs} is not possible; give 1 or more"
            raise InputError(message)
        self.name, self._client, self.together = name, client, jobs
        self.chat = chat != "off"

    def identity(self) -> dict[str, Any]:
        """Return what decides the answers, as far as it can be known from here."""
        return {
            "kind": "endpoint",
            "endpoint": self._client.url,
            "model": self.name,
            "chat": self.chat,
        }

    def groups(self, prompts: Sequence[Prompt]) -> list[Group]:
        """Ask each prompt by itself, in order."""
        return [[at] for at in range(len(prompts))]

    def size(self, prompts: Sequence[Prompt]) -> tuple[int, int, bool]:
        """Return roughly how many tokens are read, and how many may be written."""
        letters = written = 0
        for prompt in prompts:
            texts = len(prompt.options) + 1 if prompt.options else 1
            letters += len(prompt.text.encode()) * texts
            letters += sum(len(one.encode()) for one in prompt.options)
            written += texts if prompt.options else prompt.max_tokens
        return math.ceil(letters / BYTES_PER_TOKEN), written, False

    def ask(
        self, prompts: Sequence[Prompt], groups: Sequence[Group]
    ) -> Iterator[tuple[Group, list[Reply]]]:
        """Ask side by side; yield replies as they come.

        InputError for options where the server has no log-likelihoods, for a refused key, and
        for IN_A_ROW failures.
        """
        if groups and any(prompts[group[0]].options for group in groups):
            self._require_echo()
        failures = 0
        left = iter(groups)
        waiting: dict[Future[Reply], Group] = {}
        pool = ThreadPoolExecutor(self.together)
        try:
            while True:
                # No more than can run: an interrupted run has little to wait for.
                while len(waiting) < self.together and (group := next(left, None)) is not None:
                    waiting[pool.submit(self.reply, prompts[group[0]])] = group
                if not waiting:
                    return
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    group, reply = waiting.pop(future), future.result()
                    failures = failures + 1 if reply.error else 0
                    yield group, [reply]
                    if failures >= IN_A_ROW:
                        message = (
                            f"{failures} requests in a row failed, the last with: {reply.error}; "
                            "the same command goes on from here once the endpoint answers"
                        )
                        raise InputError(message)
        finally:
            pool.shutdown(cancel_futures=True)

    def reply(self, prompt: Prompt) -> Reply:
        """Return the reply to one prompt, or the error that it ended with.

        InputError for what holds for all prompts: a key that is refused, no log-likelihoods.
        """
        start = time.perf_counter()
        try:
            found = self._weigh(prompt) if prompt.options else self._generate(prompt)
        except RequestFailedError as error:
            return Reply(error=str(error))
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            return Reply(error=f"the endpoint's answer has another form: {error!r}")
        return Reply(**{**found.to_json(), "seconds": time.perf_counter() - start})

    def _require_echo(self) -> None:
        """InputError unless the server gives log-likelihoods of a text that it is sent."""
        try:
            self._weigh(Prompt("The cell is", options=("alive",)))
        except RequestFailedError as error:
            if error.status is None or error.status in AGAIN or error.status >= 500:  # noqa: PLR2004
                message = f"{error}; the same command goes on from here once it answers"
            else:
                message = f"{NO_ECHO} ({error})"
            raise InputError(message) from error
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            message = f"{NO_ECHO} ({type(error).__name__}: {error})"
            raise InputError(message) from error

    def _generate(self, prompt: Prompt) -> Reply:
        body: dict[str, Any] = {
            "model": self.name,
            "max_tokens": prompt.max_tokens,
            "temperature": prompt.temperature,
            "seed": prompt.seed,
        }
        if self.chat:
            body["messages"] = [{"role": "user", "content": prompt.text}]
            found = self._client.post("chat/completions", body)
            text = found["choices"][0]["message"]["content"]
        else:
            found = self._client.post("completions", {**body, "prompt": prompt.text})
            text = found["choices"][0]["text"]
        used = found.get("usage") or {}
        if text is not None and not isinstance(text, str):
            message = f"text of type {type(text).__name__}"
            raise TypeError(message)
        return Reply(
            text=text or "",
            prompt_tokens=used.get("prompt_tokens"),
            answer_tokens=used.get("completion_tokens"),
        )

    def _weigh(self, prompt: Prompt) -> Reply:
        texts = [prompt.text, *(f"{prompt.text} {option}" for option in prompt.options)]
        body = {
            "model": self.name,
            "prompt": texts,
            "max_tokens": 1,
            "temperature": 0,
            "logprobs": 1,
            "echo": True,
        }
        found = self._client.post("completions", body)
        choices = sorted(found["choices"], key=lambda one: int(one.get("index", 0)))
        if len(choices) != len(texts):
            message = f"{len(choices)} texts came back for {len(texts)}"
            raise ValueError(message)
        logprobs = [_echoed(choice) for choice in choices]
        first = len(logprobs[0])
        sums, tokens = [], []
        for one in logprobs[1:]:
            own = one[first:]
            if not own or any(value is None for value in own):
                message = "an option without log-likelihoods"
                raise ValueError(message)
            sums.append(math.fsum(value for value in own if value is not None))
            tokens.append(len(own))
        return Reply(loglikelihoods=tuple(sums), option_tokens=tuple(tokens), prompt_tokens=first)


def _echoed(choice: dict[str, Any]) -> list[float | None]:
    """Return the log-likelihood of every token of the text; that of the first is None.

    The last token is the one new token that servers insist on. ValueError where the answer holds
    no log-likelihoods, or those of new tokens alone.
    """
    told = choice.get("logprobs") or {}
    values: list[float | None] | None = told.get("token_logprobs")
    if not values or len(values) < 3:  # noqa: PLR2004  two tokens of a text, and the new one
        message = "no log-likelihoods of the text"
        raise ValueError(message)
    return values[:-1]
