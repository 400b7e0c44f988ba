"""The pages of a leaderboard site, as text; every name is escaped where it is written."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np
from markupsafe import Markup

from cards.colours import STEPS, domain, step
from cards.names import DASH, counted, listed, metric_name, percent, plain
from cards.notes import notes
from cards.origins import entry_origins, origins
from cards.page import (
    all_metrics,
    best,
    brief,
    coverage,
    family_title,
    labels,
    pretty,
    signed,
    soft,
    span,
    strip_at,
    typographic,
)
from cards.sentences import cautions, footing, grouping, lead, model_verdict, spread, summary
from cards.site.commands import reproduce
from cards.site.facts import Dataset, known_tasks, task_facts
from cards.site.payload import family_key
from cards.site.profiles import Field, against_others, strengths
from cards.site.slugs import model_page, slug, task_page
from cards.standing import letters
from hf_datasets import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cards.duels import Duels
    from cards.leaderboard import Entry, Leaderboard, TaskRow

TEMPLATES = Path(__file__).parent.parent / "templates"
NAMED = 3
"""So many beaten models are named in a line."""


class Pages:
    """Renders the pages of one site."""

    def __init__(
        self, board: Leaderboard, duels: Duels, title: str, datasets: Sequence[Dataset]
    ) -> None:
        self._board, self._duels, self._title = board, duels, title
        self._datasets = datasets
        self._known = known_tasks(board.sources)
        self._origins = origins(board.sources)
        self._variants = {row.trial: one.variant for one in board.families for row in one.rows}
        self._titles = {id(one): family_title(board, one) for one in board.families}
        self._fields = [Field(row.scores, row.metric) for row in board.rows]
        self._families = [Field(one.means, one.metric) for one in board.families]
        self._environment = _environment()
        self._environment.globals.update(
            board=board, title=title, version=__version__, choices=_choices(board),
            summary=summary(board), notes=notes(board), steps=range(STEPS + 1),
            place_of={entry.name: place for place, entry in enumerate(board.entries)},
        )  # fmt: skip

    def overview(self, picture: tuple[int, int]) -> str:
        """Return `index.html`: models and families; `picture` is the size of the plot."""
        board = self._board
        return self._render(
            "index.html",
            footing=footing(board),
            lead=lead(board),
            grouping=grouping(board),
            cautions=cautions(board),
            bests=[best(family.means) for family in board.families],
            picture=picture,
        )

    def tasks(self) -> str:
        """Return `tasks.html`: every task and every model."""
        models = [entry.name for entry in self._board.entries]
        return self._render(
            "tasks.html", matrix=[self._line(row, models) for row in self._board.rows]
        )

    def about(self) -> str:
        """Return `about.html`: how to read it all, and the provenance."""
        return self._render("about.html")

    def task_pages(self) -> Iterator[tuple[str, str]]:
        """Yield path and text of every task's page."""
        board = self._board
        sections: dict[str, list[dict[str, Any]]] = {}
        for index, row in enumerate(board.rows):
            sections.setdefault(row.trial.task, []).append(self._section(index, row))
        for task, found in sections.items():
            trial = found[0]["row"].trial
            yield task_page(task), self._render("task.html", "../", task=trial, sections=found)

    def model_pages(self) -> Iterator[tuple[str, str]]:
        """Yield path and text of every model's page."""
        for index, entry in enumerate(self._board.entries):
            yield model_page(entry.name), self._model(index, entry)

    def _render(self, name: str, root: str = "", **words: object) -> str:
        template = self._environment.get_template(f"site/{name}")
        return template.render(root=root, page=name, **words)

    def _line(self, row: TaskRow, models: Sequence[str]) -> dict[str, Any]:
        """Return a row of the matrix; its cells are many, and written without a template."""
        means = [one.mean for one in row.scores.values() if one.mean is not None]
        leaders = best(row.scores)
        cells = []
        for model in models:
            score = row.scores.get(model)
            if score is None or score.mean is None:
                cells.append(f'<td class="none">{DASH}</td>')
                continue
            part = score.coverage is not None and score.coverage < 1
            small = f'<span class="part">{percent(score.coverage)}</span>' if part else ""
            bold = " best" if model in leaders else ""
            text = typographic(score.mean)
            cells.append(f'<td class="s{step(score.mean, row.metric)}{bold}">{text}{small}</td>')
        return {
            "row": row,
            "page": task_page(row.trial.task),
            "variant": self._variants[row.trial],
            "best": max(means, default=None),
            "median": statistics.median(means) if means else None,
            "cells": Markup("".join(cells)),  # noqa: S704  numbers and our own classes
        }

    def _section(self, index: int, row: TaskRow) -> dict[str, Any]:
        """Return one condition of a task's page."""
        lines = self._lines(index, row)
        return {
            "row": row,
            "variant": self._variants[row.trial],
            "facts": task_facts(row.trial, self._known, self._datasets),
            "lines": lines,
            "verdict": _verdict(lines),
            "distribution": spread(row),
            "metrics": all_metrics(row),
            "labels": labels(row),
            "chart": _json(
                {
                    "metric": metric_name(row.metric),
                    "names": [plain(line["entry"].name) for line in lines],
                    "scores": [_short(line["score"].mean) for line in lines],
                    "low": [_short(line["interval"] and line["interval"][0]) for line in lines],
                    "high": [_short(line["interval"] and line["interval"][1]) for line in lines],
                }
            ),
        }

    def _lines(self, index: int, row: TaskRow) -> list[dict[str, Any]]:
        better, tested = self._duels.better[index], self._duels.tested[index]
        names = np.array(self._duels.models, dtype=object)
        found = []
        for place, entry in enumerate(self._board.entries):
            score = row.scores.get(entry.name)
            if score is None:
                continue
            beaten = list(names[better[place]])
            found.append(
                {
                    "entry": entry,
                    "score": score,
                    "interval": row.intervals[entry.name],
                    "better": len(beaten),
                    "beaten": listed(beaten, NAMED),
                    "worse": int(better[:, place].sum()),
                    "tested": bool(tested[place].any()),
                }
            )
        order = int(self._duels.sign[index])
        return sorted(found, key=lambda line: -order * (line["score"].mean or 0.0))

    def _model(self, index: int, entry: Entry) -> str:
        board = self._board
        strong, weak = strengths(board, self._fields, entry.name)
        profile = [
            {"family": family, "title": self._titles[id(family)], "mean": mean, "place": place}
            for family, field in zip(board.families, self._families, strict=True)
            if (mean := family.means.get(entry.name)) and (place := field.place(entry.name))
        ]
        tasks = [
            {
                "row": row,
                "score": row.scores[entry.name],
                "interval": row.intervals[entry.name],
                "place": place,
                "variant": self._variants[row.trial],
            }
            for row, field in zip(board.rows, self._fields, strict=True)
            if (place := field.place(entry.name))
        ]
        sides = [
            [{"row": board.rows[at], "place": self._fields[at].place(entry.name)} for at in one]
            for one in (strong, weak)
        ]
        return self._render(
            "model.html",
            "../",
            entry=entry,
            index=index,
            verdict=model_verdict(board, entry),
            profile=profile,
            strong=sides[0],
            weak=sides[1],
            against=against_others(board, self._duels, entry.name),
            tasks=tasks,
            origins=entry_origins(entry, self._origins),
            commands=reproduce(entry, board.sources),
            versions=_versions(board),
        )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        number=typographic, signed=signed, percent=percent, metric=metric_name, plain=plain,
        step=step, soft=soft, brief=brief,
    )  # fmt: skip
    environment.globals.update(
        counted=counted, strip_at=strip_at, span=span, family_title=family_title,
        coverage=coverage, pretty=pretty, domain=domain, letters=letters, slug=slug,
        model_page=model_page, task_page=task_page, family_key=family_key,
    )  # fmt: skip
    return environment


def _choices(board: Leaderboard) -> dict[str, list[tuple[str, str]]]:
    """Return what the filters offer: (value, text)."""

    def offer(values: set[str]) -> list[tuple[str, str]]:
        return [(value, plain(value)) for value in sorted(values)]

    rows = board.rows
    families = {family_title(board, one) for one in board.families}
    return {
        "modality": offer({m for e in board.entries for m in e.info.modality.split(", ")}),
        "family": offer(families),
        "type": offer({row.trial.task_type for row in rows}),
        "protocol": offer({row.trial.protocol or "unknown" for row in rows}),
    }


def _verdict(lines: Sequence[dict[str, Any]]) -> str:
    """Say who wins a task, as far as the tests can tell."""
    if not lines:
        return "No model has a score."
    first = lines[0]
    name = plain(first["entry"].name)
    if len(lines) == 1:
        return f"{name} is the only model with a score."
    if not any(line["tested"] for line in lines):
        return f"{name} has the highest score; there is no test of the differences."
    unbeaten = [line for line in lines if line["tested"] and not line["worse"]]
    losing = len(lines) - len(unbeaten)
    if not losing:
        return f"{name} has the highest score, but no difference between models is significant."
    if len(unbeaten) == 1:
        beats = first["better"] if unbeaten[0] is first else 0
        return f"{name} wins: it is significantly better than {beats} of {len(lines) - 1} others."
    others = listed((line["entry"].name for line in unbeaten), 4)
    return (
        f"{name} has the highest score. No model is significantly better than any of these "
        f"{len(unbeaten)}: {others}."
    )


def _versions(board: Leaderboard) -> str:
    """Return the libraries that the result files name, in a line."""
    found: dict[str, str] = {}
    for source in board.sources:
        record = source.provenance if isinstance(source.provenance, dict) else {}
        versions = record.get("versions")
        if isinstance(versions, dict):
            found |= {str(name): str(version) for name, version in versions.items()}
    return ", ".join(f"{plain(name)} {plain(one)}" for name, one in sorted(found.items()))


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _json(data: object) -> Markup:
    """Return JSON for a data block: nothing in it can end the block."""
    text = json.dumps(data, separators=(",", ":"))
    return Markup(text.translate({ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}))  # noqa: S704
