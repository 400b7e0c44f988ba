"""A local model against plain transformers, one prompt at a time and without padding."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tiny_language_model import questions
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BertConfig,
    BertLMHeadModel,
    MambaConfig,
    MambaForCausalLM,
)

from hf_datasets.errors import InputError
from probes.language import causal
from probes.language.asking import Prompt
from probes.language.local_model import LocalModel
from probes.language.questions import bare, listing

if TYPE_CHECKING:
    from pathlib import Path

PROMPTS = [Prompt(bare(one["question"]), options=tuple(one["options"])) for one in questions()]
NUMBERED = [
    Prompt(listing(one["question"], one["options"]), options=("1", "2", "10"))
    for one in questions(6)
]


def plain_model(folder: Path) -> Any:
    """Return transformers' own model."""
    loader: Any = AutoModelForCausalLM
    return loader.from_pretrained(folder).eval()


def plain_loglikelihood(model: Any, context: list[int], option: list[int]) -> float:
    """Return log P(option | context) by one forward pass over one row."""
    with torch.inference_mode():
        logits = model(torch.tensor([context + option])).logits[0].double()
    told = logits.log_softmax(-1)
    return sum(float(told[len(context) + at - 1, one]) for at, one in enumerate(option))


def all_replies(model: LocalModel, prompts: list[Prompt]) -> list[Any]:
    groups = model.groups(prompts)
    assert sorted(at for group in groups for at in group) == list(range(len(prompts)))
    found = {
        at: reply
        for group, replies in model.ask(prompts, groups)
        for at, reply in zip(group, replies, strict=True)
    }
    return [found[at] for at in range(len(prompts))]


@pytest.mark.parametrize("prompts", [PROMPTS, NUMBERED], ids=["text", "number"])
@pytest.mark.parametrize("chat", ["off", "auto"])
def test_loglikelihoods_are_those_of_one_row_alone(
    chat_llama: Path, prompts: list[Prompt], chat: Any
) -> None:
    model = LocalModel(str(chat_llama), chat=chat, batch=7)
    reference = plain_model(chat_llama)
    tokenizer: Any = AutoTokenizer.from_pretrained(chat_llama)
    for prompt, reply in zip(prompts, all_replies(model, prompts), strict=True):
        if chat == "auto":
            said = [{"role": "user", "content": prompt.text}]
            text = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
            assert text.startswith("<|user|>Question")
            context = tokenizer.encode(text, add_special_tokens=False)
            wholes = [
                tokenizer.encode(text + one, add_special_tokens=False) for one in prompt.options
            ]
        else:
            context = tokenizer.encode(prompt.text)
            assert context[0] == tokenizer.bos_token_id
            wholes = [tokenizer.encode(f"{prompt.text} {one}") for one in prompt.options]
        options = [whole[len(context) :] for whole in wholes]
        expected = [plain_loglikelihood(reference, context, one) for one in options]
        np.testing.assert_allclose(reply.loglikelihoods, expected, rtol=1e-6, atol=1e-5)
        assert reply.option_tokens == tuple(map(len, options))
        assert reply.prompt_tokens == len(context)


@pytest.mark.parametrize("temperature", [0.0, 0.1, 1.0])
def test_generation_does_not_depend_on_the_batch(llama: Path, temperature: float) -> None:
    prompts = [Prompt(one.text, max_tokens=9, temperature=temperature, seed=3) for one in PROMPTS]
    together = all_replies(LocalModel(str(llama), batch=16), prompts)
    alone = all_replies(LocalModel(str(llama), batch=1), prompts)
    assert [one.text for one in together] == [one.text for one in alone]
    assert len({one.text for one in together}) > len(prompts) // 2
    assert all(one.error is None and 0 <= one.answer_tokens <= 9 for one in together)


def test_greedy_generation_is_that_of_transformers(llama: Path) -> None:
    reference = plain_model(llama)
    tokenizer: Any = AutoTokenizer.from_pretrained(llama)
    prompts = [Prompt(one.text, max_tokens=12) for one in PROMPTS[:4]]
    for prompt, reply in zip(prompts, all_replies(LocalModel(str(llama)), prompts), strict=True):
        ids = torch.tensor([tokenizer.encode(prompt.text)])
        made = reference.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False,
            pad_token_id=1,
        )  # fmt: skip
        expected = tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True)
        assert reply.text == expected


def test_draws_follow_the_softmax(llama: Path) -> None:
    model = LocalModel(str(llama), batch=64)
    prompts = [Prompt("Which", max_tokens=1, temperature=1.0, seed=seed) for seed in range(600)]
    drawn = [reply.text for reply in all_replies(model, prompts)]
    ids = torch.tensor([model.tokenizer.encode("Which")])
    with torch.inference_mode():
        shares = model.model(ids).logits[0, -1].softmax(-1)
    top = int(shares.argmax())
    expected = float(shares[top])
    seen = drawn.count(model.tokenizer.decode([top], skip_special_tokens=True)) / len(drawn)
    assert abs(seen - expected) < 4 * (expected * (1 - expected) / len(drawn)) ** 0.5
    again = all_replies(model, prompts[:3])
    assert [one.text for one in again] == drawn[:3]
    assert len(set(drawn)) > 3


def test_a_prompt_that_is_too_long_is_an_error_and_costs_no_other(llama: Path) -> None:
    model = LocalModel(str(llama))
    long = Prompt("A" + " protein" * 600, options=("yes", "no"))
    replies = all_replies(model, [PROMPTS[0], long])
    assert replies[0].loglikelihoods is not None
    assert "more than the 512" in (replies[1].error or "")
    long = Prompt("A" + " protein" * 600, max_tokens=5)
    short = Prompt("A", max_tokens=5)
    replies = all_replies(model, [short, long])
    assert replies[0].text is not None
    assert "5 new ones" in (replies[1].error or "")


def test_a_recurrent_model_is_never_padded_on_the_left(llama: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mamba"
    shutil.copytree(llama, folder)
    (folder / "model.safetensors").unlink()
    torch.manual_seed(0)
    config = MambaConfig(vocab_size=400, hidden_size=16, num_hidden_layers=2, state_size=4)
    MambaForCausalLM(config).save_pretrained(folder)
    reference = plain_model(folder)
    together = LocalModel(str(folder), batch=16)
    replies = all_replies(together, PROMPTS)
    for prompt, reply in zip(PROMPTS, replies, strict=True):
        context = together.tokenizer.encode(prompt.text)
        wholes = [together.tokenizer.encode(f"{prompt.text} {one}") for one in prompt.options]
        expected = [
            plain_loglikelihood(reference, context, whole[len(context) :]) for whole in wholes
        ]
        np.testing.assert_allclose(reply.loglikelihoods, expected, rtol=1e-6, atol=1e-5)
    prompts = [Prompt(one.text, max_tokens=6) for one in PROMPTS]
    alone = LocalModel(str(folder), batch=1)
    assert [one.text for one in all_replies(together, prompts)] == [
        one.text for one in all_replies(alone, prompts)
    ]


def test_what_is_no_causal_model_is_refused(llama: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bert"
    shutil.copytree(llama, folder)
    (folder / "model.safetensors").unlink()
    config = BertConfig(
        vocab_size=400, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, is_decoder=False,
    )  # fmt: skip
    BertLMHeadModel(config).save_pretrained(folder)
    with pytest.raises(InputError, match="no causal language model"):
        LocalModel(str(folder))


def test_code_pickles_and_holes_are_refused(llama: Path, tmp_path: Path) -> None:
    pickled = tmp_path / "pickled"
    shutil.copytree(llama, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(InputError, match="safetensors"):
        LocalModel(str(pickled))

    coded = tmp_path / "coded"
    shutil.copytree(llama, coded)
    config = json.loads((coded / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoModelForCausalLM": "evil.Model"}}
    (coded / "config.json").write_text(json.dumps(config))
    (coded / "evil.py").write_text("raise SystemExit('code was run')")
    with pytest.raises(InputError):
        LocalModel(str(coded))

    holed = tmp_path / "holed"
    shutil.copytree(llama, holed)
    config = json.loads((holed / "config.json").read_text())
    config["num_hidden_layers"] = 3
    (holed / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="lacks 9 tensors"):
        LocalModel(str(holed))

    with pytest.raises(InputError, match="neither a folder nor an id"):
        LocalModel(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="no chat template"):
        LocalModel(str(llama), chat="on")


def test_a_model_of_the_hub_is_known_by_its_commit(
    llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = tmp_path / "0123456789abcdef"  # named by its commit, as the client names it
    shutil.copytree(llama, snapshot)
    asked: list[tuple[Any, ...]] = []

    def pull(*what: Any, **more: Any) -> Path:
        asked.append((*what, more["kind"], more["patterns"]))
        return snapshot

    monkeypatch.setattr(causal, "pull_snapshot", pull)
    pinned = LocalModel("org/tiny@v1.0")
    assert (pinned.name, pinned.revision) == ("org/tiny", snapshot.name)
    assert capsys.readouterr().err == ""
    LocalModel("org/tiny")
    assert "pin it with --model org/tiny@0123456789ab" in capsys.readouterr().err
    assert [(one[0], one[1], one[2]) for one in asked] == [
        ("org/tiny", "v1.0", "model"), ("org/tiny", None, "model"),
    ]  # fmt: skip
    assert not any(pattern.endswith((".py", ".bin", ".pt")) for pattern in asked[0][3])


def test_a_model_is_known_by_its_files(llama: Path, chat_llama: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(llama, moved)
    first = LocalModel(str(llama)).identity()
    assert LocalModel(str(moved)).identity() == first
    assert LocalModel(str(chat_llama)).identity()["sha256"] != first["sha256"]
    half = LocalModel(str(llama), dtype="bfloat16")
    assert half.identity()["dtype"] == "bfloat16"
    exact = all_replies(LocalModel(str(llama)), PROMPTS[:2])
    for one, other in zip(all_replies(half, PROMPTS[:2]), exact, strict=True):
        np.testing.assert_allclose(one.loglikelihoods, other.loglikelihoods, rtol=0.1)
