"""Configs of the literature: abstracts, whole articles, and abstracts in two languages."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hf_datasets.command import progress
from hf_datasets.protein_lm_dataset.record import CorpusConfig, Row
from hf_datasets.protein_lm_dataset.wording import choose_wording
from hf_datasets.sources.abstract_pairs import read_pairs
from hf_datasets.sources.pmc import read_articles
from hf_datasets.sources.pubmed import read_abstracts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.protein_lm_dataset.upstream import Upstream
    from hf_datasets.sources.pubmed import Abstract

PUBMED, PMC, PAIRS = "pubmed", "pmc", "abstract-pairs"
LANGUAGES = {
    "en": ("English", "In English", "The English text"),
    "zh": ("\u4e2d\u6587", "\u4e2d\u6587\u6458\u8981", "\u4e2d\u6587\u6587\u672c"),
}
"""Language → headings."""


def abstracts(upstream: Upstream) -> Iterator[Abstract]:
    """Yield the abstracts of PubMed with a progress bar; say at the end what was left out."""
    used = upstream.file(PUBMED, "articles")
    with progress(None, "abstracts", f"reading {used.path.name}") as bar:
        for one in read_abstracts(used, partial(upstream.faults_of, PUBMED)):
            bar.update()
            yield one
    upstream.report(PUBMED)


def abstract_rows(upstream: Upstream) -> Iterator[Row]:
    """Yield a row an abstract."""
    for one in abstracts(upstream):
        yield {
            "id": one.pmid,
            "title": one.title,
            "text": f"{one.title}\n{one.text}",
            "language": one.language,
            "year": one.year,
        }


def article_rows(upstream: Upstream) -> Iterator[Row]:
    """Yield a row an article."""
    used = upstream.file(PMC, "articles")
    with progress(None, "articles", f"reading {used.path.name}") as bar:
        for one in read_articles(used, partial(upstream.faults_of, PMC)):
            bar.update()
            parts = [one.title, *([f"Abstract\n{one.abstract}"] if one.abstract else ())]
            parts += [f"{head}\n{text}" if head else text for head, text in one.sections]
            yield {
                "id": one.pmcid,
                "pmid": one.pmid,
                "title": one.title,
                "text": "\n\n".join(parts),
                "licence": one.licence,
            }
    upstream.report(PMC)


def pair_rows(upstream: Upstream) -> Iterator[Row]:
    """Yield a row a pair; half of the texts begin in Chinese."""
    used = upstream.file(PAIRS, "pairs")
    faults = upstream.faults_of(PAIRS, used)
    with progress(None, "pairs", f"reading {used.path.name}") as bar:
        for pair in read_pairs(used, faults):
            bar.update()
            said = {"zh": pair.zh, "en": pair.en}
            first = choose_wording(("zh", "en"), "order", pair.id)
            order = (first, "en" if first == "zh" else "zh")
            text = "\n".join(
                f"{choose_wording(LANGUAGES[one], 'heading', pair.id)}: {said[one]}"
                for one in order
            )
            yield {"id": pair.id, "zh": pair.zh, "en": pair.en, "text": text}
    upstream.report(PAIRS)


PUBMED_ABSTRACTS = CorpusConfig(
    name="pubmed-abstracts",
    kind="self-supervised",
    summary="title and abstract of an article in PubMed",
    licence="terms of the NLM; abstracts may be under copyright of their publishers",
    sources=(PUBMED,),
    columns=dict.fromkeys(("id", "title", "text", "language", "year"), "string"),
    texts=("text",),
    group="id",
    same=("text",),
    rows=abstract_rows,
)
PMC_FULL_TEXT = CorpusConfig(
    name="pmc-full-text",
    kind="self-supervised",
    summary="a whole article of PubMed Central without its tables, formulas and references",
    licence="each article's own, in the column `licence`",
    sources=(PMC,),
    columns=dict.fromkeys(("id", "pmid", "title", "text", "licence"), "string"),
    texts=("text",),
    group="id",
    same=("text",),
    rows=article_rows,
)
ABSTRACT_PAIRS = CorpusConfig(
    name="zh-en-abstracts",
    kind="self-supervised",
    summary="an abstract in Chinese and in English, one after the other",
    licence="as the owner of the given file says",
    sources=(PAIRS,),
    columns=dict.fromkeys(("id", "zh", "en", "text"), "string"),
    texts=("text",),
    group="id",
    same=("zh", "en"),
    rows=pair_rows,
    asked=True,
)
