"""The network of any checkpoint in transformers' layout: ours where it is one, else transformers'.

BERT, RoBERTa and their kin, and decoders like Llama, run packed on our transformer; all others
through transformers. What would run, but wrongly, is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from extractors.backbones.network import PackedNetwork, pick_device, pick_dtype
from extractors.backbones.stock import StockNetwork, load_stock
from extractors.backbones.transformer import Shape, load
from extractors.encoders import bert, decoder
from extractors.encoders.llama_names import LlamaNames
from extractors.weights import Weights
from hf_datasets.errors import InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from extractors.checkpoints import Checkpoint
    from extractors.model import ModelRecord, Settings

ROBERTAS = ("roberta", "xlm-roberta", "camembert")
"""BERTs whose positions start after the padding id."""
BUFFERS = r"position_ids$|pooler\.|^lm_head\."
OTHER_KEYS = ("d_model", "pre_layer_norm", "alibi_starting_size", "add_bias_fnn")
"""Keys by which upstream's own code is known, by the types that transformers would take for it."""
TYPES_WITH_OTHERS = ("bert", "esm", "esmc")


def open_network(
    checkpoint: Checkpoint, record: ModelRecord, settings: Settings
) -> PackedNetwork | StockNetwork:
    """Load the model of a checkpoint's folder on the device and in the type asked for.

    InputError for a configuration that transformers does not know or would run wrongly, and for
    tensors that are missing or have no place.
    """
    raw = checkpoint.json("config.json")
    _refuse_other_code(raw, record)
    config = _config(checkpoint, raw)
    device = pick_device(settings.device)
    dtype = pick_dtype(settings.dtype, device)
    found = _packed(checkpoint, config.to_dict(), causal=record.causal)
    if found is None:
        if record.causal is not None:
            config.is_causal = record.causal
        return load_stock(checkpoint.folder, config, device, dtype)
    shape, names, weights, unused, positions = found
    network = PackedNetwork(load(shape, names, device=device, dtype=dtype), device, dtype)
    weights.require_all_used(unused)
    network.positions = positions
    return network


def sees_back_only(network: PackedNetwork | StockNetwork) -> bool:
    """Whether a row's first token sees nothing else, so that its vector says nothing."""
    return isinstance(network, PackedNetwork) and network.model.shape.causal


def _packed(
    checkpoint: Checkpoint, config: Mapping[str, Any], *, causal: bool | None
) -> tuple[Shape, Any, Weights, str, int | None] | None:
    """Return what our transformer needs to run it, and its longest row; None for another kind."""
    kind = config["model_type"]
    if kind == "bert" or kind in ROBERTAS:
        shape = bert.bert_shape(config)
        weights = Weights(checkpoint.files)
        unused = f"{bert.UNUSED}|{BUFFERS}"
        if kind == "bert":
            return shape, bert.BertNames(weights), weights, unused, shape.positions
        first = config["pad_token_id"] + 1
        shape = replace(shape, positions=shape.positions - first)
        return shape, RobertaNames(weights, first), weights, unused, shape.positions
    if (found := decoder.decoder_shape(config, causal=causal)) is not None:
        weights = Weights(checkpoint.files)
        window = decoder.attention_window(config)
        return found, LlamaNames(weights, "model."), weights, decoder.UNUSED, window
    return None


class RobertaNames(bert.BertNames):
    """Finds our parameters among `RobertaModel`'s tensors."""

    def __init__(self, weights: Weights, first: int) -> None:
        super().__init__(weights, "roberta.")
        self._first = first

    def __call__(self, name: str) -> torch.Tensor:
        """Return the tensor for one parameter of `Transformer`."""
        tensor = super().__call__(name)
        return tensor[self._first :] if name == "places" else tensor


def _refuse_other_code(config: Mapping[str, Any], record: ModelRecord) -> None:
    """InputError where upstream runs its own code, which transformers' class would not match."""
    kind = config.get("model_type")
    auto = config.get("auto_map")
    own = isinstance(auto, dict) and any(name.startswith("AutoModel") for name in auto)
    other = [key for key in OTHER_KEYS if kind in TYPES_WITH_OTHERS and config.get(key)]
    # A record that says how its decoder looks around knows all that its upstream's code does.
    if other or (own and record.causal is None):
        why = f"{', '.join(other)} in config.json" if other else "auto_map in config.json"
        message = (
            f"{record.name} runs on code of its own ({why}), which is not run here, and "
            f"transformers' {kind} would give other numbers; {_remedy(record)}"
        )
        raise InputError(message)


def _remedy(record: ModelRecord) -> str:
    """Name the registered model of the same repository, where there is one."""
    from extractors.registry import MODELS

    for known in MODELS.values():
        if known.hub_id == record.hub_id and known.name != record.name:
            return f"give --model {known.name}"
    return "`extract --list` shows the models that are written here"


def _config(checkpoint: Checkpoint, raw: Mapping[str, Any]) -> Any:  # noqa: ANN401  transformers has many
    """Return transformers' own configuration; InputError for a type that it does not know."""
    from transformers import CONFIG_MAPPING, AutoConfig

    kind = raw.get("model_type")
    if kind not in CONFIG_MAPPING:
        named = f"of type {kind!r}" if kind else "without model_type"
        message = (
            f"{checkpoint.folder} holds a model {named}, which this transformers does not know; "
            "`extract --list` shows the models that are written here"
        )
        raise InputError(message)
    try:
        return AutoConfig.from_pretrained(
            str(checkpoint.folder), local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        message = f"config.json of {checkpoint.folder} is no good: {one_line(error)[:200]}"
        raise InputError(message) from error
