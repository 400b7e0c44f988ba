"""An endpoint that is proper, busy, slow, broken or another one than was thought."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from completions_server import Mood, Server, serve
from tiny_language_model import questions

from hf_datasets.errors import InputError
from probes.__main__ import command
from probes.language.asking import Prompt
from probes.language.endpoint import Endpoint
from probes.language.http_json import Client
from probes.language.local_model import LocalModel
from probes.language.questions import bare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sk-very-secret-0123456789"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of this file."""
    from tiny_language_model import save_llama

    with serve(save_llama(tmp_path_factory.mktemp("served") / "tiny")) as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    """The server in its usual mood, with nothing seen."""
    running.script = lambda *_: None
    running.seen.clear()
    running.most = 0
    return running


def client(server: Server, **more: Any) -> tuple[Client, list[float]]:
    pauses: list[float] = []
    return Client(server.url, sleep=pauses.append, **more), pauses


def replies(endpoint: Endpoint, prompts: list[Prompt]) -> list[Any]:
    found = {group[0]: made[0] for group, made in endpoint.ask(prompts, endpoint.groups(prompts))}
    return [found[at] for at in range(len(prompts))]


def test_loglikelihoods_are_those_of_the_model_itself(server: Server, llama: Path) -> None:
    prompts = [Prompt(bare(one["question"]), options=tuple(one["options"])) for one in questions()]
    local = LocalModel(str(llama))
    expected = {
        at: reply
        for group, made in local.ask(prompts, local.groups(prompts))
        for at, reply in zip(group, made, strict=True)
    }
    for at, reply in enumerate(replies(Endpoint(client(server)[0], "tiny"), prompts)):
        np.testing.assert_allclose(
            reply.loglikelihoods, expected[at].loglikelihoods or (), rtol=1e-6, atol=1e-5
        )
        assert reply.option_tokens == expected[at].option_tokens
        assert reply.prompt_tokens == expected[at].prompt_tokens
    assert len(server.seen) == len(prompts) + 1  # the first asks whether it echoes at all


def test_chat_and_plain_generation(server: Server) -> None:
    prompt = Prompt("Which protein", max_tokens=7, temperature=0.1, seed=5)
    (plain,) = replies(Endpoint(client(server)[0], "tiny", chat="off"), [prompt])
    (chat,) = replies(Endpoint(client(server)[0], "tiny"), [prompt])
    assert [path for path, _, _ in server.seen] == ["/v1/completions", "/v1/chat/completions"]
    assert plain.text == chat.text
    assert plain.prompt_tokens == chat.prompt_tokens > 0
    sent = server.seen[0][1]
    assert (sent["model"], sent["max_tokens"], sent["temperature"], sent["seed"]) == (
        "tiny", 7, 0.1, 5,
    )  # fmt: skip


def test_requests_go_side_by_side_but_no_more_than_asked(server: Server) -> None:
    server.script = lambda *_: Mood(body=_said("1"), wait=0.05)
    prompts = [Prompt(f"number {n}", max_tokens=2) for n in range(20)]
    assert [one.text for one in replies(Endpoint(client(server)[0], "tiny", jobs=4), prompts)] == [
        "1"
    ] * 20
    assert 2 <= server.most <= 4


@pytest.mark.parametrize(
    ("mood", "pause"),
    [
        (Mood(429, headers={"Retry-After": "7"}), [7.0, 7.0]),
        (Mood(429, headers={"Retry-After": "90000"}), [60.0, 60.0]),
        (Mood(500), [0.5, 1.0]),
        (Mood(503, b"<html>busy</html>"), [0.5, 1.0]),
        (Mood(200, b"<html>proxy</html>"), [0.5, 1.0]),
        (Mood(200, b'{"choices": [{"mess'), [0.5, 1.0]),
        (Mood(200, b"[1, 2]"), [0.5, 1.0]),
        (Mood(hang_up=True), [0.5, 1.0]),
        (Mood(wait=0.6), [0.5, 1.0]),
    ],
    ids=["429", "429-long", "500", "503", "html", "torn", "list", "hang-up", "timeout"],
)
def test_what_passes_is_tried_again(server: Server, mood: Mood, pause: list[float]) -> None:
    server.script = lambda number, *_: mood if number < 2 else None
    sender, pauses = client(server, timeout=0.4)
    (reply,) = replies(Endpoint(sender, "tiny"), [Prompt("Which", max_tokens=3)])
    assert reply.error is None
    assert reply.text
    assert pauses == pause


def test_retries_are_bounded_and_the_prompt_becomes_an_error(server: Server) -> None:
    server.script = lambda _, __, body: (
        Mood(500, b"out of order") if "broken" in body["messages"][0]["content"] else None
    )
    sender, pauses = client(server, retries=3)
    prompts = [Prompt("fine", max_tokens=2), Prompt("broken", max_tokens=2)]
    fine, broken = replies(Endpoint(sender, "tiny"), prompts)
    assert fine.error is None
    assert "HTTP 500" in broken.error
    assert "out of order" in broken.error
    assert pauses == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"choices": []}', b'{"choices": [{"message": {"content": 3}}]}',
     b'{"choices": "none"}', b'{"choices": [{"message": null}]}'],
)  # fmt: skip
def test_answers_of_another_form_are_errors(server: Server, body: bytes) -> None:
    server.script = lambda *_: Mood(body=body)
    (reply,) = replies(Endpoint(client(server)[0], "tiny"), [Prompt("Which", max_tokens=3)])
    assert "another form" in reply.error


def test_an_empty_message_is_an_empty_answer(server: Server) -> None:
    server.script = lambda *_: Mood(body=b'{"choices": [{"message": {"content": null}}]}')
    (reply,) = replies(Endpoint(client(server)[0], "tiny"), [Prompt("Which", max_tokens=3)])
    assert (reply.text, reply.error) == ("", None)


@pytest.mark.parametrize(
    "mood",
    [
        Mood(400, b'{"error": "echo is not supported"}'),
        Mood(404, b"not found"),
        Mood(body=b'{"choices": [{"index": 0, "text": "a"}, {"index": 1, "text": "b"}]}'),
        Mood(
            body=json.dumps(
                {"choices": [{"index": n, "logprobs": {"token_logprobs": [-1.0]}} for n in (0, 1)]}
            ).encode()
        ),
    ],
    ids=["400", "404", "no-logprobs", "new-tokens-only"],
)
def test_without_loglikelihoods_the_remedy_is_told(server: Server, mood: Mood) -> None:
    server.script = lambda *_: mood
    with pytest.raises(InputError, match="--scoring generate"):
        replies(Endpoint(client(server)[0], "tiny"), [Prompt("Which", options=("a", "b"))])
    assert len(server.seen) == 1


def test_a_prompt_that_the_server_refuses_is_one_error(server: Server) -> None:
    server.script = lambda _, __, body: (
        Mood(400, b"maximum context length") if "long" in body["prompt"][0] else None
    )
    prompts = [Prompt("long", options=("a", "b")), Prompt("Which", options=("a", "b"))]
    long, fine = replies(Endpoint(client(server)[0], "tiny"), prompts)
    assert "maximum context length" in long.error
    assert fine.error is None


def test_a_dead_endpoint_ends_the_run(server: Server) -> None:
    server.script = lambda *_: Mood(500)
    sender, _ = client(server, retries=0)
    prompts = [Prompt(f"number {n}", max_tokens=2) for n in range(200)]
    with pytest.raises(InputError, match="20 requests in a row failed"):
        replies(Endpoint(sender, "tiny", jobs=3), prompts)
    assert len(server.seen) < 30


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_ends_the_run_and_is_told_to_nobody(server: Server, status: int) -> None:
    server.script = lambda *_: Mood(status, f"bad key {KEY}".encode())
    sender, _ = client(server, key=KEY)
    with pytest.raises(InputError, match="refuses the key") as caught:
        replies(Endpoint(sender, "tiny"), [Prompt("Which", max_tokens=3)])
    assert KEY not in str(caught.value)
    assert KEY not in repr(sender)


def test_a_redirect_does_not_take_the_key_along(server: Server) -> None:
    server.script = lambda *_: Mood(307, headers={"Location": "http://127.0.0.1:9/v1"})
    sender, _ = client(server, key=KEY, retries=0)
    (reply,) = replies(Endpoint(sender, "tiny"), [Prompt("Which", max_tokens=3)])
    assert "HTTP 307" in reply.error
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "url",
    ["localhost:8000", "ftp://host/v1", "http://", "http://user:pw@host/v1",
     "https://host/v1?key=sk-1", "file:///etc/passwd"],
)  # fmt: skip
def test_addresses_that_cannot_be_right_are_refused(url: str) -> None:
    with pytest.raises(InputError) as caught:
        Client(url)
    assert "pw" not in str(caught.value).replace("passwd", "")
    assert "sk-1" not in str(caught.value)


def test_the_command_end_to_end_keeps_no_key(
    server: Server,
    bench: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GENEZOO_API_KEY", KEY)
    out = tmp_path / "r.parquet"
    asked = [
        "--model", "tiny", "--endpoint", server.url, "--tasks", str(bench), "--out", str(out),
    ]  # fmt: skip
    status = command([*asked, "--dry-run", "--price-in", "1000", "--price-out", "5"])
    assert status == 0
    assert not server.seen
    assert not out.exists()
    told = capfd.readouterr().err
    assert "12 prompts" in told
    assert "at the prices given" in told

    assert command(asked) == 0
    assert all(headers["Authorization"] == f"Bearer {KEY}" for _, _, headers in server.seen)
    count = len(server.seen)
    first = out.read_bytes()
    assert command([*asked, "--jobs", "2"]) == 0
    assert len(server.seen) == count  # nothing is asked twice
    assert out.read_bytes() == first
    told = "".join(capfd.readouterr())
    assert KEY not in told
    for path in tmp_path.rglob("*"):  # the cache is in there too
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path
    answers = pq.read_table(tmp_path / "r.answers.parquet").to_pylist()
    assert len(answers) == 12
    assert all(len(one["option_loglikelihoods"]) == len(one["option_bytes"]) for one in answers)
    assert os.environ["GENEZOO_API_KEY"] == KEY


def test_failed_prompts_are_counted_and_asked_again(
    server: Server, bench: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def moody(_: int, __: str, body: dict[str, Any]) -> Mood | None:
        return Mood(400, b"no") if "case 3?" in body["messages"][0]["content"] else None

    server.script = moody
    out = tmp_path / "r.parquet"
    asked = [
        "--model", "tiny", "--endpoint", server.url, "--tasks", str(bench), "--out", str(out),
        "--scoring", "generate", "--retries", "0",
    ]  # fmt: skip
    assert command(asked) == 1
    assert "1 of 12 questions" in capfd.readouterr().err
    answers = pq.read_table(tmp_path / "r.answers.parquet").to_pylist()
    assert [one["id"] for one in answers if one["error"]] == ["q3"]
    assert answers[3]["chosen"] is None
    server.script = lambda *_: None
    server.seen.clear()
    assert command(asked) == 0
    assert len(server.seen) == 1


def _said(text: str) -> bytes:
    return json.dumps({"choices": [{"message": {"content": text}}]}).encode()
