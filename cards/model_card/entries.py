"""The numbers in the Hub's own forms: `.eval_results/*.yaml`, and `model-index` as fallback.

`.eval_results` has one value for each task of a benchmark, and a family is a task there
(`eval.yaml` of `publish push` names them); it has no field for a metric, which stands in the
notes. https://huggingface.co/docs/hub/eval-results
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cards.model_card.head import TOOL, to_yaml
from cards.names import metric_name, number, percent, plain
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from huggingface_hub import EvalResult, EvalResultEntry

    from cards.model_card.homes import Home, Place
    from cards.model_card.results import FamilyResult, ModelResults

FOLDER = ".eval_results"
DIGITS = 4
"""Decimals of a published value: fewer than its interval is wide."""
METRIC_IDS = {"auroc": "roc_auc", "spearman": "spearmanr"}
"""Our name of a metric → that of huggingface.co/metrics."""
SIGNED = re.compile(
    rb"# Written by genezoo \(cards model\), sha256=([0-9a-f]{64})[^\n]*\n(.*)", re.DOTALL
)
REMARK = "Replaced by the next run; put other results into a file of their own."


@dataclass(frozen=True)
class Origin:
    """Where readers find more about the numbers."""

    url: str | None = None
    name: str | None = None
    date: str | None = None
    """When the model was scored, ISO 8601; None: the Hub takes the commit's date."""


@dataclass(frozen=True)
class Published:
    """Families with a place on the Hub, and those without."""

    entries: Mapping[str, Sequence[EvalResultEntry]]
    """Path in the repository → its entries."""
    index: Sequence[EvalResult]
    left_out: tuple[str, ...]
    """What has no entry in `.eval_results`, and why."""
    datasets: frozenset[str]


def publishable(results: ModelResults, homes: Mapping[Place, Home], origin: Origin) -> Published:
    """Return the model's results as the Hub's records."""
    found: dict[tuple[str, str], FamilyResult] = {}
    index, left_out, homeless = [], [], dict[str, list[str]]()
    for one in sorted(results.families, key=_preference):
        home = homes.get((one.family.dataset, one.revision))
        if home is None:
            homeless.setdefault(one.family.dataset, []).append(plain(one.family.config))
            continue
        index.append(_indexed(one, home, origin))
        first = found.setdefault((home.id, one.family.config), one)
        if first is not one:
            left_out.append(
                f"{plain(one.family.config)}, {described(one)}: a task there has one value, and "
                f"this one has {described(first)}"
            )
    for dataset, configs in homeless.items():
        left_out.append(
            f"{', '.join(dict.fromkeys(configs))} of {plain(dataset)}: the results do not name one "
            "commit on the Hub; state it with --dataset-id org/name@revision, or "
            "probe --tasks org/name"
        )
    entries: dict[str, list[EvalResultEntry]] = {}
    for (dataset, _), one in sorted(found.items()):
        path = f"{FOLDER}/{TOOL}-{dataset.replace('/', '--')}.yaml"
        home = homes[one.family.dataset, one.revision]
        entries.setdefault(path, []).append(_entry(one, home, origin))
    datasets = frozenset(home.id for home in homes.values())
    return Published(entries, index, tuple(left_out), datasets)


def _preference(one: FamilyResult) -> tuple[bool, bool, str, str, str]:
    """Sort first what speaks for its family: classification, by the standard protocol."""
    protocols = {trial.protocol for trial in one.trials}
    family = one.family
    return (
        family.metric != "auroc",
        protocols != {"standard"},
        family.config,
        family.metric,
        family.variant,
    )


def described(one: FamilyResult) -> str:
    """Return metric and condition of a family's mean."""
    return f"{metric_name(one.family.metric)}, {one.protocol}"


def notes(one: FamilyResult, home: Home) -> str:
    """Return what an entry's value is, in a line."""
    low, high = one.mean.interval or (None, None)
    sure = f", 95% interval {number(low)} to {number(high)}" if one.mean.interval else ""
    proof = f"; {home.proof}" if home.proof else ""
    return (
        f"{metric_name(one.family.metric)}, mean of {one.tasks}{sure}; {one.protocol}; coverage "
        f"{percent(one.mean.coverage)}; {TOOL}{proof}"
    )


def _entry(one: FamilyResult, home: Home, origin: Origin) -> EvalResultEntry:
    from huggingface_hub import EvalResultEntry

    return EvalResultEntry(
        dataset_id=home.id,
        task_id=one.family.config,
        value=round(one.mean.mean, DIGITS),
        dataset_revision=home.commit,
        date=origin.date,
        source_url=origin.url,
        source_name=origin.name,
        notes=notes(one, home),
    )


def _indexed(one: FamilyResult, home: Home, origin: Origin) -> EvalResult:
    from huggingface_hub import EvalResult

    metric = one.family.metric
    args: dict[str, Any] = {"tool": TOOL, "tasks": len(one.trials), "condition": one.protocol}
    if one.mean.interval:
        args["interval_95"] = [round(end, DIGITS) for end in one.mean.interval]
    if one.mean.coverage is not None:
        args["coverage"] = round(one.mean.coverage, DIGITS)
    return EvalResult(
        task_type="probing",
        task_name=f"{plain(one.family.config)}, from frozen embeddings",
        dataset_type=home.id,
        dataset_name=home.id.partition("/")[2],
        dataset_config=one.family.config,
        dataset_revision=home.commit,
        metric_type=METRIC_IDS.get(metric, metric),
        metric_name=f"{metric_name(metric)}, mean of {one.tasks}",
        metric_value=round(one.mean.mean, DIGITS),
        metric_args=args,
        source_name=origin.name,
        source_url=origin.url,
    )


def signed_yaml(entries: Sequence[EvalResultEntry]) -> bytes:
    """Return an `.eval_results` file: a remark with the digest of what follows, then the YAML."""
    from huggingface_hub import eval_result_entries_to_yaml

    content = to_yaml(eval_result_entries_to_yaml(list(entries))).encode()
    digest = hashlib.sha256(content).hexdigest()
    return f"# Written by {TOOL} (cards model), sha256={digest}. {REMARK}\n".encode() + content


def require_unedited(content: bytes, where: str, *, replace: bool) -> None:
    """InputError for an `.eval_results` file that is not as we wrote it, without `replace`."""
    found = SIGNED.fullmatch(content.replace(b"\r\n", b"\n"))
    if replace or (found and hashlib.sha256(found[2]).hexdigest() == found[1].decode()):
        return
    message = (
        f"{where} was edited by hand; move what you want to keep into another file of that "
        "folder, then give --replace"
    )
    raise InputError(message)
