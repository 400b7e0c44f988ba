"""What the card of a dataset says: its sections, made from tables, `build.json` and a check.

`publish build` writes all that needs no more than the tables; `cards dataset` writes them again
for any folder, with plots and what a check found.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from hf_datasets.checks.report import Severity
from hf_datasets.publishing.citations import PLACE, citations
from hf_datasets.publishing.dataset_facts import licences_of, persons, sources_of
from hf_datasets.publishing.markdown import code, fenced, number_of, plain, size, table
from hf_datasets.task import TaskType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hf_datasets.checks.report import Finding, TaskReport
    from hf_datasets.publishing.dataset_facts import CardFacts

ORDER = (
    "summary", "numbers", "load", "tasks", "labels", "sizes", "licences", "about", "missing",
    "findings", "provenance", "uses", "citation", "content",
)  # fmt: skip
"""The sections as they follow each other."""
WEB = re.compile(r"https?://[\w./~%?=&#:-]+", re.ASCII)
SHELL_NAME = re.compile(r"[\w.-]+", re.ASCII)
MANY_CLASSES = 12
"""Of a task with more classes only their number is shown."""
MANY_FINDINGS = 60
"""A card lists no more findings than these; `publish check` shows all."""
FOLDED_FINDINGS = 12
"""More than these are folded away."""
CHECKED = "## What the checks found\n\n`publish check`: "


def written_sections(facts: CardFacts) -> dict[str, str]:
    """Return the sections that need no more than the facts, by name, without their marks."""
    found = {
        "numbers": _numbers(facts),
        "load": _load(facts),
        "tasks": _tasks(facts),
        "sizes": _sizes(facts),
        "licences": _licences(facts),
        "missing": "\n\n".join([*_partial(facts), *_published_sizes(facts)]),
        "provenance": "\n\n".join(_provenance(facts)),
        "uses": _uses(facts),
        "citation": _citation(facts),
    }
    return {name: text for name, text in found.items() if text}


def _numbers(facts: CardFacts) -> str:
    tables = facts.tables.values()
    types = Counter(task.type for one in tables for task in one.tasks)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in types.most_common())
    files = [file for one in tables for file in one.files]
    rows = [
        ("version", plain(facts.version) or "not stated"),
        ("licence", plain(facts.licence) or "not stated"),
        ("tables (configs)", f"{len(facts.tables):,}"),
        *([("tasks", f"{types.total():,} ({kinds})")] if kinds else ()),
        ("rows", f"{sum(one.size for one in tables):,}"),
        ("data", f"{number_of(len(files), 'file')}, {size(sum(file.bytes for file in files))}"),
    ]
    return table(("at a glance", ""), rows)


def _load(facts: CardFacts) -> str:
    config = facts.example
    tag = f"v{facts.version}" if facts.version else "main"
    printable = config.isprintable()
    shown = json.dumps(config, ensure_ascii=False) if printable else repr(config)
    python = [
        "from datasets import load_dataset",
        "",
        f'load_dataset("{PLACE}", {shown})  # the newest state',
        f'load_dataset("{PLACE}", {shown}, revision="{tag}")  # one version, always the same',
        "",
        "# With genezoo, which also works without a connection after the first time:",
        "import hf_datasets",
        "",
        f'hf_datasets.load_dataset("{PLACE}", {shown}, version="{tag}")',
    ]
    text = f"## How to load it\n\n{fenced(chr(10).join(python), 'python')}"
    if facts.tables[config].tasks and SHELL_NAME.fullmatch(config):
        command = (
            f"extract --model minilm --input {PLACE}@{tag} --out emb.parquet\n"
            if "genes" in facts.tables
            else ""
        ) + f"probe emb.parquet --tasks {PLACE}@{tag}/{config} --out results.parquet"
        text += f"\n\nTo score embeddings on it:\n\n{fenced(command, 'sh')}"
    return text


def _tasks(facts: CardFacts) -> str:
    rows = [
        (
            code(task.path.removeprefix(f"{facts.name}/")),
            task.type,
            f"{task.n:,}",
            _classes(task),
            balance(task),
            plain("; ".join(licences_of(facts, config)), 60),
        )
        for config, one in facts.tables.items()
        for task in one.tasks
    ]
    if not rows:
        return ""
    heads = ("task", "type", "entities", "classes", "balance", "licence")
    text = (
        "A task is a typed label column; an entity without a label (null) is not in it. In a "
        "multi-label task an empty list is an entity without any of the labels."
    )
    return f"## Tasks\n\n{table(heads, rows, [2])}\n\n{text}"


def _classes(task: TaskReport) -> str:
    if len(task.classes) <= MANY_CLASSES:
        return ", ".join(plain(name, 40) for name in task.classes)
    return f"{len(task.classes):,} classes"


def balance(task: TaskReport) -> str:
    """Say in a few words how a task's labels are distributed."""
    if task.range is not None:
        return f"{task.range.least:g} to {task.range.most:g}, median {task.range.median:g}"
    if not task.n or not task.classes:
        return "no labels"
    if task.type == TaskType.BINARY:
        name, count = list(task.classes.items())[-1]
        return f"{share(count, task.n)} {plain(name, 40)}"
    most = max(task.classes.items(), key=lambda item: item[1])
    least = min(task.classes.items(), key=lambda item: item[1])
    said = (
        f"largest {plain(most[0], 40)} ({share(most[1], task.n)}), "
        f"smallest {plain(least[0], 40)} ({share(least[1], task.n)})"
    )
    if task.type != TaskType.MULTI_LABEL:
        return said
    return (
        f"{sum(task.classes.values()) / task.n:.1f} each; {said}; none {share(task.empty, task.n)}"
    )


def share(count: int, of: int) -> str:
    """Return a share in per cent; what is there is never said to be none, nor a part all."""
    per_cent = 100 * count / of
    if 0 < per_cent < 0.1:  # noqa: PLR2004
        return "<0.1%"
    if 99.9 < per_cent < 100:  # noqa: PLR2004
        return ">99.9%"
    return f"{per_cent:.0f}%" if per_cent in {0.0, 100.0} else f"{per_cent:.1f}%"


def _sizes(facts: CardFacts) -> str:
    rows = [
        (
            code(config),
            ", ".join(map(code, one.key)) or "none",
            plain(split),
            f"{count:,}",
            number_of(len(one.columns), "column") if at == 0 else "",
            f"{number_of(len(one.files), 'file')}, {size(sum(f.bytes for f in one.files))}"
            if at == 0
            else "",
        )
        for config, one in facts.tables.items()
        for at, (split, count) in enumerate(one.rows.items())
    ]
    heads = ("config", "key", "split", "rows", "columns", "data of all splits")
    return f"## Tables\n\n{table(heads, rows, [3])}"


def _licences(facts: CardFacts) -> str:
    sources: Mapping[str, Any] = facts.record.get("sources") or {}
    if not sources:
        stated = f"All of it: {plain(facts.licence)}." if facts.licence else "None is stated."
        return f"## Licences\n\n{stated}"
    rows = []
    for config in facts.tables:
        titles = [plain(sources[name].get("title", name)) for name in sources_of(facts, config)]
        licences = "; ".join(map(plain, licences_of(facts, config))) or "not stated"
        rows.append((code(config), licences, ", ".join(titles) or "none named"))
    text = "Each table is under the licences of the sources it was made from."
    return f"## Licences\n\n{text}\n\n{table(('config', 'licences', 'sources'), rows)}"


def _partial(facts: CardFacts) -> Iterator[str]:
    """Yield what is not in the build, tasks with one reason together."""
    missing: Mapping[str, str] = facts.record.get("missing") or {}
    if not missing:
        return
    reasons: dict[str, list[str]] = {}
    for path, reason in missing.items():
        reasons.setdefault(str(reason), []).append(code(path.partition("/")[2] or path))
    lines = [f"- {', '.join(paths)}: {plain(reason, 600)}" for reason, paths in reasons.items()]
    yield "## Partial build"
    yield f"**{len(missing)} parts of the dataset are not in this build:**"
    yield "\n".join(lines)


def _published_sizes(facts: CardFacts) -> Iterator[str]:
    """Yield how sizes compare with those that a paper states."""
    tasks: Mapping[str, Any] = facts.record.get("tasks") or {}
    stated = {
        path: task
        for path, task in tasks.items()
        if task.get("published_size") is not None and task.get("size") is not None
    }
    if not stated:
        return
    rows = [
        (
            code(path.partition("/")[2]),
            plain(task.get("published", "")),
            f"{task['published_size']:,}",
            f"{task['size']:,}",
            f"{task['size'] - task['published_size']:+,}",
            plain(task.get("differs", ""), 300),
        )
        for path, task in stated.items()
        if task["size"] != task["published_size"]
    ]
    yield "## Sizes against the paper"
    if not rows:
        yield "Every task that states a size has it."
        return
    yield "Tasks that are not listed have the published size, or none was published."
    yield table(("task", "published as", "paper", "here", "difference", "why"), rows, [2, 3, 4])


def findings_section(findings: Sequence[Finding], name: str) -> str:
    """Return what a check found, worst first, as a section of its own."""
    counts = Counter(finding.severity for finding in findings)
    total = ", ".join(f"{counts[one]} {one.value}s" for one in Severity)
    if not findings:
        return f"{CHECKED}nothing to report."
    rows = [
        (one.severity.value, code(one.where.removeprefix(f"{name}/")), plain(one.message, 300))
        for one in findings[:MANY_FINDINGS]
    ]
    more = len(findings) - len(rows)
    rest = f"\n\nAnd {more} more, which `publish check {PLACE}` shows." if more else ""
    shown = table(("", "where", "what"), rows)
    if len(rows) > FOLDED_FINDINGS:
        shown = _folded(f"All {len(rows)} of them" if not more else f"The first {len(rows)}", shown)
    return f"{CHECKED}{total}.\n\n{shown}{rest}"


def _provenance(facts: CardFacts) -> Iterator[str]:
    sources: Mapping[str, Any] = facts.record.get("sources") or {}
    yield "## Where it comes from"
    if sources:
        rows = [
            (
                _linked(source.get("title", name), source.get("homepage", "")),
                plain(source.get("version", "")) or "not stated",
                plain(source.get("licence", "")) or "not stated",
                plain(source.get("citation", ""), 300),
            )
            for name, source in sources.items()
        ]
        yield table(("source", "version", "licence", "please cite"), rows)
        files = [
            (plain(f"{name}/{file.get('name', '')}"), plain(file.get("date") or ""),
             f"{file.get('size') or 0:,}", f"`{file.get('sha256', '')}`")
            for name, source in sources.items()
            for file in source.get("files", [])
        ]  # fmt: skip
        yield _folded(
            f"The {number_of(len(files), 'source file')} with digests",
            table(("file", "dated", "bytes", "sha256"), files, [2]),
        )
    else:
        yield "Nothing is recorded of sources (there is no `build.json` that names any)."
    if stamp := facts.record.get("stamp"):
        made = [f"{plain(name)} {code(value)}" for name, value in stamp.items() if value]
        yield f"Made by `publish build` of genezoo with {', '.join(made)}."
    data = [
        (code(file.path), f"{file.bytes:,}", f"`{file.sha256}`")
        for one in facts.tables.values()
        for file in one.files
    ]
    yield _folded(
        f"The {number_of(len(data), 'data file')} with digests",
        table(("file", "bytes", "sha256"), data, [1]),
    )


def _linked(title: str, homepage: str) -> str:
    return f"[{plain(title)}]({homepage})" if WEB.fullmatch(homepage) else plain(title)


def _folded(title: str, text: str) -> str:
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>"


def _uses(facts: CardFacts) -> str:
    columns = {column for one in facts.tables.values() for column in one.columns}
    purposes = []
    if any(one.tasks for one in facts.tables.values()):
        purposes.append("measuring what embeddings of a model hold, by probes on typed labels")
    if {"question", "options"} <= columns or {"instruction", "label"} <= columns:
        purposes.append("asking language models (`probe --model`)")
    elif {"text", "output"} & columns:
        purposes.append("training language models")
    lines = [
        f"- Made for: {'; '.join(purposes) or 'reading beside the other tables'}.",
        "- Not made for: decisions about patients. A label says what its source said.",
    ]
    if {"fold", "fold_family"} & columns:
        named = [code(name) for name in ("fold", "fold_family", "split") if name in columns]
        lines.append(f"- Splits: the columns {', '.join(named)} deal out the rows for everybody.")
    elif "split" in columns or any(len(one.rows) > 1 for one in facts.tables.values()):
        lines.append("- Splits: as the tables state them.")
    elif any(one.tasks for one in facts.tables.values()):
        lines.append("- Splits: none is fixed; `probe` makes them from a seed, and records it.")
    if said := persons(facts):
        lines.append(f"- Persons: {said}")
    return "## Uses and limits\n\n" + "\n".join(lines)


def _citation(facts: CardFacts) -> str:
    return f"## Citation\n\n{fenced(citations(facts), 'bibtex')}"
