"""Any other model that transformers knows, run as it is: rows padded, or of equal length."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch

from hf_datasets.errors import InputError, one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from extractors.backbones.packing import Packing

HARMLESS = re.compile(
    r"pooler|position_ids$|inv_freq$|\.masked_bias$|attn\.bias$|^lm_head\.|^cls\."
)
"""Tensors that may be missing or left over without touching a hidden state."""
IN_A_LAYER = re.compile(r"(^|\.)(layers?|h|blocks?)\.\d+\.")
SAME = {torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
"""Largest difference, relative, between two runs of one row that do the same sums."""


class StockNetwork:
    """A transformers model behind the interface of our own networks."""

    def __init__(self, model: Any, device: torch.device, dtype: torch.dtype) -> None:  # noqa: ANN401  transformers has many
        self.model, self.device, self.dtype = model, device, dtype
        config = model.config.get_text_config()
        self.n_layers, self.width = int(config.num_hidden_layers), int(config.hidden_size)
        self.positions = _positions(model)
        """Longest row that it can read; None without a limit."""
        self._padding = config.pad_token_id or 0
        try:
            self.pads = self._ignores_padding()
        except RuntimeError as error:
            message = (
                f"{type(model).__name__} does not run in {str(dtype).removeprefix('torch.')} on "
                f"{device} ({one_line(error)[:100]}); try --dtype float32"
            )
            raise InputError(message) from error
        """Whether rows of different length are run together; else a row would see the padding."""

    def hidden(
        self, ids: torch.Tensor, packing: Packing, layers: Sequence[int]
    ) -> list[torch.Tensor]:
        """Return (tokens, width) after each of `layers`: 0 is the embeddings."""
        if self.pads or len(packing.runs) == 1:
            return self._padded(ids, packing.lengths, layers)
        pieces = [
            self._padded(ids[start : start + rows * length], [length] * rows, layers)
            for start, rows, length in packing.runs
        ]
        return [torch.cat(layer) for layer in zip(*pieces, strict=True)]

    def _padded(
        self, ids: torch.Tensor, lengths: Sequence[int], layers: Sequence[int]
    ) -> list[torch.Tensor]:
        """Run rows padded on the right to the longest; return their own tokens end to end."""
        longest = max(lengths)
        mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
        mask = mask.to(ids.device)
        padded = torch.full(mask.shape, self._padding, dtype=ids.dtype, device=ids.device)
        padded[mask] = ids
        between = any(layer < self.n_layers for layer in layers)
        out = self.model(input_ids=padded, attention_mask=mask.long(), output_hidden_states=between)
        return [
            (out.last_hidden_state if layer == self.n_layers else out.hidden_states[layer])[mask]
            for layer in layers
        ]

    @torch.inference_mode()
    def _ignores_padding(self) -> bool:
        """Whether a short row gives the same beside a longer one; FNet and others do not."""
        ids = torch.arange(14, device=self.device) % 7 + self._padding + 1
        ids %= self.model.get_input_embeddings().num_embeddings
        last = [self.n_layers]
        alone = self._padded(ids[:3], [3], last)[0].float()
        beside = self._padded(ids, [3, 11], last)[0][:3].float()
        largest = float(alone.abs().max())
        return float((alone - beside).abs().max()) <= SAME[self.dtype] * max(largest, 1e-6)


def _positions(model: torch.nn.Module) -> int | None:
    """Return how long a row can be for the table of absolute positions, if there is one."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            # RoBERTa's kin count from the row after the padding's.
            first = 0 if module.padding_idx is None else module.padding_idx + 1
            return module.num_embeddings - first
    return None


def load_stock(
    folder: Path,
    config: Any,  # noqa: ANN401  transformers has many
    device: torch.device,
    dtype: torch.dtype,
) -> StockNetwork:
    """Load a model through transformers, without any code of the checkpoint.

    Of an encoder with a decoder, the encoder. InputError when the files lack tensors of the
    model, which transformers would fill at random, or hold some that it has no place for.
    """
    from transformers import AutoModel, AutoModelForTextEncoding
    from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    encoder = config.model_type in MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES
    config.use_cache = False
    try:
        model, report = (AutoModelForTextEncoding if encoder else AutoModel).from_pretrained(
            str(folder),
            config=config,
            dtype=dtype,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:
        message = (
            f"transformers cannot load {folder}: {type(error).__name__}: "
            f"{one_line(error)[:200]}; give a whole checkpoint of a model that it knows"
        )
        raise InputError(message) from error
    missing = [name for name in report["missing_keys"] if not HARMLESS.search(name)]
    if missing:
        message = (
            f"{folder} lacks {len(missing)} tensors of its model ({shorten(sorted(missing), 3)}), "
            "which would be random; give a whole checkpoint"
        )
        raise InputError(message)
    whole = not (encoder and config.is_encoder_decoder)
    left = [
        name
        for name in report["unexpected_keys"]
        if IN_A_LAYER.search(name)
        and not HARMLESS.search(name)
        and (whole or not name.startswith("decoder."))
    ]
    if left:
        message = (
            f"{folder} has {len(left)} tensors that transformers' {type(model).__name__} has no "
            f"place for ({shorten(sorted(left), 3)}): another architecture under this name"
        )
        raise InputError(message)
    if config.is_encoder_decoder and not encoder:
        model = model.get_encoder()
    return StockNetwork(model.to(device).eval(), device, dtype)
