"""Builder of `protein-lm-dataset`: corpora for protein language models, read from their sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import datasets

from hf_datasets.protein_lm_dataset.configs import CONFIGS
from hf_datasets.protein_lm_dataset.record import DATASET
from hf_datasets.protein_lm_dataset.report import build_record, card_sections
from hf_datasets.protein_lm_dataset.stream import TRAIN, VALIDATION, ConfigStream
from hf_datasets.protein_lm_dataset.upstream import open_upstream
from hf_datasets.sourced import SourcedBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from hf_datasets.build import BuildOptions

VERSION = "1.0.0"


class ProteinCorpora:
    """What the sources give of one build; configs are read one after the other."""

    def __init__(self, options: BuildOptions) -> None:
        names = [source for config in CONFIGS.values() for source in config.sources]
        self.upstream = open_upstream(options, names)
        self.streams: dict[str, ConfigStream] = {}

    @property
    def digest(self) -> str:
        """A sha256 over the sources and options."""
        return self.upstream.digest()

    @property
    def unavailable(self) -> dict[str, str]:
        """Source that cannot be had → why."""
        needed = {name for one in CONFIGS.values() if not one.asked for name in one.sources}
        lacking = self.upstream.unavailable
        return {name: why for name, why in lacking.items() if name in needed}

    def configs(self) -> list[str]:
        """Return the configs whose sources are all there."""
        return [
            name
            for name, config in CONFIGS.items()
            if not self.upstream.unavailable.keys() & set(config.sources)
        ]

    def missing(self) -> dict[str, str]:
        """Return path of a config, or of a part of one, → why it is not there or not whole.

        What is wrong with the records of a source shows only when it has been read.
        """
        found = dict(self.upstream.missing)
        for name, config in CONFIGS.items():
            reasons = [self.unavailable[s] for s in config.sources if s in self.unavailable]
            faults = [f for s in config.sources for f in self.upstream.faults.get(s, ())]
            reasons += [reason for one in faults if (reason := one.reason())]
            if reasons:
                found[f"{DATASET}/{name}"] = "; ".join(reasons)
        return found

    def stream(self, name: str) -> ConfigStream:
        """Return the rows of a config, from its first one."""
        self.streams[name] = ConfigStream(CONFIGS[name], self.upstream)
        return self.streams[name]

    def record(self) -> dict[str, Any]:
        """Return what `build.json` says about sources and configs."""
        return build_record(self.upstream, self.streams)

    def card(self) -> list[str]:
        """Return the sections of the README."""
        return card_sections(self.upstream, self.streams, self.missing())


class ProteinLMDataset(SourcedBuilder):
    """Text about proteins, and questions on their sequences, for training language models.

    Built from the upstream databases after ProteinLMDataset (arXiv 2406.05540), with wordings of
    our own. Sequences stand between `<seq>` and `</seq>`, residues separated by spaces. Rows of
    like proteins (`cluster`) are all in `train` or all in `validation`.
    """

    CONTENT = ProteinCorpora
    VERSION = datasets.Version(VERSION)
    BUILDER_CONFIGS: ClassVar[list[datasets.BuilderConfig]] = [
        datasets.BuilderConfig(name=name, version=datasets.Version(VERSION)) for name in CONFIGS
    ]

    def _info(self) -> datasets.DatasetInfo:
        columns = CONFIGS[self.config.name].columns
        features = {name: datasets.Value(kind) for name, kind in columns.items()}
        return datasets.DatasetInfo(features=datasets.Features(features))

    def _split_generators(
        self, dl_manager: datasets.DownloadManager
    ) -> list[datasets.SplitGenerator]:
        del dl_manager  # sources/fetch.py resumes, bounds and records what it downloads
        self._stream = self.content.stream(self.config.name)
        # In this order: the source is read once, for both.
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"split": split})
            for split in (TRAIN, VALIDATION)
        ]

    def _generate_tables(self, split: str) -> Iterator[tuple[int, pa.Table]]:
        yield from enumerate(self._stream.tables(split))
