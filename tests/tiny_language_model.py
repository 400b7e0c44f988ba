"""A small random causal language model in Llama layout, and small benchmarks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CHAT = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
WORDS = (
    "Which protein binds DNA in yeast cells? the kinase and its β-barrel, a helix or a sheet",
    "Question: option 1: one option 2: two. Answer: yes, no, positive and negative 1 2 3 4 5 6",
)


def save_llama(folder: Path, *, chat: bool = False, positions: int = 512) -> Path:
    """Save a Llama of 2 layers with a byte-level BPE tokenizer; random, but the same each time."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<|user|>", "<|assistant|>", "<|end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(WORDS * 20, trainer)
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)]
    )
    made: Any = PreTrainedTokenizerFast
    tokenizer = made(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", model_max_length=positions
    )
    if chat:
        tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(str(folder))
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=inner.get_vocab_size(),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=positions,
        bos_token_id=0,
        eos_token_id=1,
        initializer_range=0.4,  # predictions that differ, as those of a trained model do
    )
    LlamaForCausalLM(config).save_pretrained(str(folder))
    return folder


def save_bench(folder: Path, questions: Sequence[dict[str, Any]]) -> Path:
    """Save questions with options in the shape of `protein-lm-bench`."""
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("question", pa.string()),
            ("options", pa.list_(pa.string())),
            ("answer", pa.int32()),
            ("explanation", pa.string()),
            ("source", pa.string()),
        ]
    )
    rows = [{"explanation": "", "source": "", **one} for one in questions]
    _save(folder, {"evaluation": {"train": pa.Table.from_pylist(rows, schema=schema)}})
    return folder


def save_instructions(folder: Path, config: str, rows: Sequence[dict[str, Any]]) -> Path:
    """Save instructions in the shape of `biology-instructions`, as the split `test`."""
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("task", pa.string()),
            ("subtask", pa.string()),
            ("phrasing", pa.int32()),
            ("instruction", pa.string()),
            ("output", pa.string()),
            ("label", pa.string()),
        ]
    )
    table = pa.Table.from_pylist([{"phrasing": 0, **one} for one in rows], schema=schema)
    _save(folder, {config: {"test": table}})
    return folder


def _save(folder: Path, tables: dict[str, dict[str, pa.Table]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["---", "configs:"]
    for config, splits in tables.items():
        lines += [f"- config_name: {config}", "  version: 1.0.0", "  data_files:"]
        for split, table in splits.items():
            name = f"{config}-{split}.parquet"
            pq.write_table(table, folder / name)
            lines.append(f"  - {{split: {split}, path: {name}}}")
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))


def questions(count: int = 12) -> list[dict[str, Any]]:
    """Return questions with 2 to 6 options of unlike length, some with letters beyond ASCII."""
    texts = (
        "yes", "a β-barrel in the membrane", "the kinase domain", "αβγ", "no",
        "a helix that binds DNA in yeast cells and its partner",
    )  # fmt: skip
    made = []
    for number in range(count):
        size = 2 + number % 5
        options = [f"{texts[(number + at) % 6]} {at}" for at in range(size)]
        made.append(
            {
                "id": f"q{number}",
                "question": f"Which protein {'binds DNA ' * (number % 4)}in case {number}?",
                "options": options,
                "answer": (number * 7) % size,
            }
        )
    return made
