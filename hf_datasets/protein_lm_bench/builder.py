"""Builder of `protein-lm-bench`: the questions of ProteinLMBench as one clean table."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import datasets

from hf_datasets.errors import InputError
from hf_datasets.files import cache_folder
from hf_datasets.protein_lm_bench.questions import Question, read_questions
from hf_datasets.sourced import SourcedBuilder
from hf_datasets.sources.fetch import locate
from hf_datasets.sources.labelled import Problems
from hf_datasets.sources.protein_lm_bench import SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from hf_datasets.build import BuildOptions

VERSION = "1.0.0"
CONFIG = "evaluation"
PUBLISHED = 944
"""Questions on the Hub, two of which have no right option."""
PAPER = """\
@article{shen-2024,
  title = {A fine-tuning dataset and benchmark for large language models for protein
    understanding},
  author = {Shen, Yiqing and others},
  journal = {arXiv preprint arXiv:2406.05540},
  year = {2024},
}
"""


class ProteinLMBenchContent:
    """The table of one build; SourceUnavailable if the questions cannot be had."""

    unavailable: ClassVar[dict[str, str]] = {}

    def __init__(self, options: BuildOptions) -> None:
        self.problems = Problems()
        self.files = locate(
            SOURCE,
            given=options.given,
            folder=options.folder,
            download=options.download,
            cache=cache_folder() / "sources",
        )

    @property
    def digest(self) -> str:
        """A sha256 over the source."""
        return hashlib.sha256(self.files["questions"].sha256.encode()).hexdigest()

    @cached_property
    def questions(self) -> list[Question]:
        """The questions, in the order of the file."""
        found = list(read_questions(self.files["questions"], self.problems))
        if not found:
            message = (
                f"{self.files['questions'].path} has no question of ProteinLMBench "
                f"({'; '.join(self.problems.counts) or 'it is empty'}); give the Hub's file"
            )
            raise InputError(message)
        return found

    def configs(self) -> list[str]:
        """Return the one table, if its questions can be read."""
        return [CONFIG] if self.questions else []

    def missing(self) -> dict[str, str]:
        """Return nothing: what is left out of the table is named in `build.json`."""
        return {}

    def record(self) -> dict[str, Any]:
        """Return what `build.json` says about the source and what was left out of it."""
        return {
            "sources": {
                SOURCE.name: {
                    "title": SOURCE.title,
                    "homepage": SOURCE.homepage,
                    "version": SOURCE.version,
                    "licence": SOURCE.licence,
                    "citation": SOURCE.citation,
                    "files": [file.record() for file in self.files.values()],
                }
            },
            "unavailable": {},
            "citation": PAPER,
            "configs": {CONFIG: {"sources": [SOURCE.name]}},
            "questions": {"rows": len(self.questions), "published": PUBLISHED},
            "left_out": {SOURCE.name: self.problems.record()},
        }

    def card(self) -> list[str]:
        """Return what the README says of this dataset beside what every card says."""
        counts = Counter(len(question.options) for question in self.questions)
        lines = [f"| {number} | {counts[number]:,} |" for number in sorted(counts)]
        table = ["## Options\n\n| options | questions |\n|---:|---:|", *lines, ""]
        odd = [
            f"- {why}: {count:,}, first {', '.join(self.problems.places[why])}"
            for why, count in sorted(self.problems.counts.items())
        ]
        noted = ["## Left out or odd\n", *odd, ""] if odd else []
        read = f"Of {PUBLISHED} published questions {len(self.questions):,} are here.\n"
        return [*table, read, *noted]


class ProteinLMBench(SourcedBuilder):
    """Multiple-choice questions on proteins, after ProteinLMBench (arXiv 2406.05540).

    `options` are bare texts, `answer` is an index into them. The re-lettered copy that goes round
    has at most six options a question and lacks those that its answers would need: the Hub's
    file is the original.
    """

    CONTENT = ProteinLMBenchContent
    VERSION = datasets.Version(VERSION)
    BUILDER_CONFIGS: ClassVar[list[datasets.BuilderConfig]] = [
        datasets.BuilderConfig(name=CONFIG, version=VERSION)
    ]

    def _info(self) -> datasets.DatasetInfo:
        text = datasets.Value("string")
        return datasets.DatasetInfo(
            features=datasets.Features(
                {
                    "id": text,
                    "question": text,
                    "options": datasets.List(text),
                    "answer": datasets.Value("int32"),
                    "explanation": text,
                    "source": text,
                }
            )
        )

    def _split_generators(
        self, dl_manager: datasets.DownloadManager
    ) -> list[datasets.SplitGenerator]:
        del dl_manager  # sources/fetch.py resumes, bounds and records what it downloads
        self.content.configs()  # what cannot be read is an error here, and in one line
        # "train", as on the Hub, though nothing is to be trained on it.
        return [datasets.SplitGenerator(name="train")]

    def _generate_tables(self) -> Iterator[tuple[int, pa.Table]]:
        import pyarrow as pa

        rows = [asdict(question) for question in self.content.questions]
        yield 0, pa.Table.from_pylist(rows, schema=self.info.features.arrow_schema)
