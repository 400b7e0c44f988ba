"""All files of a model's card, merged into what is there: a folder, or the model's repository."""

from __future__ import annotations

import dataclasses
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub.repocard_data import eval_results_to_model_index

from cards.model_card.entries import FOLDER, require_unedited, signed_yaml
from cards.model_card.head import TOOL, Index, read_card, with_index
from cards.model_card.readme import PLOT, section
from cards.model_card.section import with_section
from cards.names import plain
from cards.plots.model_card import profile_figure
from hf_datasets.publishing import markdown
from hf_datasets.publishing.remote import Content, Plan, download

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cards.model_card.entries import Origin, Published
    from cards.model_card.results import ModelResults
    from hf_datasets.publishing.remote import Remote

README = "README.md"
OURS = re.compile(rf"{re.escape(FOLDER)}/{TOOL}-[^/]*\.yaml")


@dataclass(frozen=True)
class ModelCard:
    """What we have to say about a model, before it meets what others said."""

    name: str
    section: str
    index: Index
    evaluations: Mapping[str, bytes]
    """Path → content of the `.eval_results` files."""
    plot: bytes
    """PNG."""

    def merged(self, old: Mapping[str, bytes], where: str, *, replace: bool) -> dict[str, bytes]:
        """Return the files of the card as they are to be; those that have it all are equal.

        Parameters
        ----------
        old
            The files of ours that are there, and the README.
        where
            The folder or repository, for messages.
        replace
            Whether to write over what was edited by hand inside what we wrote.

        Raises
        ------
        InputError
            A README that cannot be read or added to; edits in our section or files.

        """
        readme = f"{where}/{README}"
        new = f"# {markdown.plain(self.name)}\n".encode()
        card = read_card(old.get(README, new), readme)
        body = with_section(card.body, self.section, readme, replace=replace)
        card = with_index(dataclasses.replace(card, body=body), self.index, readme)
        for path, content in old.items():
            if path in self.evaluations:
                require_unedited(content, f"{where}/{path}", replace=replace)
        return {README: card.text.encode(), PLOT: self.plot, **self.evaluations}

    def kept(self, paths: Iterable[str]) -> list[str]:
        """Return those files of an earlier run of ours that are left as they are."""
        return sorted(p for p in paths if OURS.fullmatch(p) and p not in self.evaluations)


def make_card(results: ModelResults, published: Published, origin: Origin) -> ModelCard:
    """Return the card of a model; equal results give equal bytes."""
    index = eval_results_to_model_index(plain(results.name), list(published.index))
    return ModelCard(
        results.name,
        section(results, origin),
        Index(
            plain(results.name),
            index[0]["results"],
            published.datasets,
            origin.url,
        ),
        {path: signed_yaml(entries) for path, entries in published.entries.items()},
        _plot(results),
    )


def _plot(results: ModelResults) -> bytes:
    """Draw the model's profile: among the others, where its means are the same beside them."""
    board, name = results.board, results.model
    if results.comparable:
        board, name = results.everyone, results.name
    with tempfile.TemporaryDirectory() as folder:
        profile_figure(board, name, Path(folder) / "plot", formats=("png",))
        return (Path(folder) / "plot.png").read_bytes()


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return the README, the plot and our `.eval_results` files of a folder."""
    paths = [folder / README, folder / PLOT, *sorted((folder / FOLDER).glob(f"{TOOL}-*.yaml"))]
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.is_file()
    }


def read_repository(remote: Remote) -> dict[str, bytes]:
    """Return the README and our `.eval_results` files of a model's repository."""
    paths = [path for path in remote.files if path == README or OURS.fullmatch(path)]
    return {
        path: download(remote.name, str(remote.head), path, remote.kind).read_bytes()
        for path in paths
    }


def plan_push(card: ModelCard, remote: Remote, *, replace: bool) -> Plan:
    """Return the one commit that brings the card to the Hub; nothing if that has it all."""
    wanted = card.merged(read_repository(remote), remote.name, replace=replace)
    files = {path: Content(content) for path, content in wanted.items()}
    changed = {path: one for path, one in files.items() if not one.same(remote.files.get(path))}
    title = f"Probing results of {plain(card.name)}"
    text = f"Section of the model card, plot and {FOLDER}, written by {TOOL}: cards model."
    return Plan(title, text, changed, ())
