"""Croissant metadata of a dataset folder: files with digests, tables with typed fields.

The format is that of MLCommons (https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html)
with the fields for responsible AI as far as anything is known. A table is a record set; one that
lies in several files is a record set for each, so that every file is checked by its digest. Class
names are record sets of their own.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hf_datasets.checks.report import Severity
from hf_datasets.publishing.citations import citations
from hf_datasets.publishing.dataset_facts import licences_of, persons
from hf_datasets.task import feature_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hf_datasets.checks.report import Finding
    from hf_datasets.publishing.dataset_facts import CardFacts, DataFile

CROISSANT = "croissant.json"
CONFORMS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
MOST_TABLES = 100
"""Tables that are described field by field; all files are listed."""
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
FORMATS = {
    ".parquet": "application/x-parquet",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".jsonl": "application/jsonlines",
}
"""Suffix → media type of the files that Croissant reads as tables."""
SPDX = {
    "apache-2.0": "Apache-2.0", "mit": "MIT", "cc0-1.0": "CC0-1.0", "cc-by-4.0": "CC-BY-4.0",
    "cc-by-3.0": "CC-BY-3.0", "cc-by-sa-3.0": "CC-BY-SA-3.0", "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0", "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
    "bsd-3-clause": "BSD-3-Clause", "gpl-3.0": "GPL-3.0-only", "odbl": "ODbL-1.0",
}  # fmt: skip
"""The Hub's name of a licence → that of SPDX."""


def croissant(
    facts: CardFacts,
    features: Mapping[str, Mapping[str, Any]],
    description: str,
    findings: Sequence[Finding] = (),
) -> dict[str, Any]:
    """Return the metadata, ready for JSON.

    Parameters
    ----------
    facts
        Tables and files, as the card has them.
    features
        Config → column → its feature of `datasets`.
    description
        What the dataset is, as plain text.
    findings
        What a check found: its errors and warnings become limitations.

    """
    ids = _Names()
    files = [file for one in facts.tables.values() for file in one.files]
    unique = {file.path: file for file in files}
    places = {path: ids.new(quote(path)) for path in unique}
    tables: list[dict[str, Any]] = []
    for config in list(facts.tables)[:MOST_TABLES]:
        tables += _tables(facts, config, features[config], places, ids)
    more = len(facts.tables) - MOST_TABLES
    note = f" Fields are those of the first {MOST_TABLES} tables; {more} have none here."
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": facts.name,
        "description": description + (note if more > 0 else ""),
        "conformsTo": CONFORMS,
        **_known(
            license=_licences(facts),
            version=facts.version,
            citeAs=citations(facts),
            keywords=["embeddings", "benchmark", "biology"],
        ),
        **_responsible(facts, findings),
        "distribution": [_file(file, places[path]) for path, file in unique.items()],
        "recordSet": tables,
    }


class _Names:
    """Names for nodes, each given once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, wanted: str) -> str:
        while wanted in self._taken:
            wanted += "_"
        self._taken.add(wanted)
        return wanted


def _known(**fields: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    return {name: value for name, value in fields.items() if value}


def _licences(facts: CardFacts) -> list[str]:
    found = dict.fromkeys(name for config in facts.tables for name in licences_of(facts, config))
    return [
        f"https://spdx.org/licenses/{SPDX[name.lower()]}.html" if name.lower() in SPDX else name
        for name in found
    ]


def _responsible(facts: CardFacts, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return what is known of origin, limits and persons."""
    sources: Mapping[str, Any] = facts.record.get("sources") or {}
    origin = [
        one.get("title", name) + (f" ({one['version']})" if one.get("version") else "")
        for name, one in sources.items()
    ]
    missing: Mapping[str, str] = facts.record.get("missing") or {}
    limits = [f"Not in this build: {path} ({why})" for path, why in missing.items()]
    limits += [
        f"{one.where}: {one.message}" for one in findings if one.severity is not Severity.NOTE
    ]
    plan = "A published version, a tag on the Hub, never changes; README.md lists the changes."
    said = persons(facts)
    fields = {
        "rai:dataCollection": f"Converted from {'; '.join(origin)}." if origin else "",
        "rai:dataUseCases": ["Measuring what embeddings hold, by probes on typed labels."],
        "rai:dataLimitations": limits,
        "rai:personalSensitiveInformation": [said[:1].upper() + said[1:]] if said else [],
        "rai:dataReleaseMaintenancePlan": plan if facts.version else "",
    }
    return {name: value for name, value in fields.items() if value}


def _file(file: DataFile, name: str) -> dict[str, Any]:
    kind = FORMATS.get(PurePosixPath(file.path).suffix.lower(), "application/octet-stream")
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": file.path,
        "contentUrl": file.path,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": kind,
        "sha256": file.sha256,
    }


def _tables(
    facts: CardFacts,
    config: str,
    features: Mapping[str, Any],
    places: Mapping[str, str],
    ids: _Names,
) -> Iterator[dict[str, Any]]:
    """Yield the record sets of one config, then those of its class names."""
    one = facts.tables[config]
    safe = quote(config, safe="")
    splits = ", ".join(f"{split}: {rows:,} rows" for split, rows in one.rows.items())
    read = [f for f in one.files if PurePosixPath(f.path).suffix.lower() in FORMATS]
    labels = {}
    for column, feature in features.items():
        typed = feature_type(feature)
        if typed and typed[1]:
            labels[column] = ids.new(f"{safe}/{quote(column, safe='')}/classes")
    for file in read:
        stem = PurePosixPath(file.path).stem
        name = ids.new(safe if len(read) == 1 else f"{safe}/{quote(stem, safe='')}")
        fields = {
            column: ids.new(f"{name}/{quote(column, safe='')}") for column in features
        }  # fmt: skip
        key = [{"@id": fields[column]} for column in one.key if column in fields]
        yield {
            "@type": "cr:RecordSet",
            "@id": name,
            "name": config if len(read) == 1 else f"{config}, {stem}",
            "description": f"Table {config} ({splits})."
            + (f" Part: {file.path}" if len(read) > 1 else ""),
            **_known(key=key),
            "field": [
                {
                    "@type": "cr:Field",
                    "@id": fields[column],
                    "name": column,
                    "description": _described(column, feature, labels.get(column)),
                    **_type(feature),
                    "source": {
                        "fileObject": {"@id": places[file.path]},
                        "extract": {"column": column},
                    },
                }
                for column, feature in features.items()
            ],
        }
    for column, name in labels.items():
        typed = feature_type(features[column])
        if typed:
            yield _classes(column, name, typed[1])


def _described(column: str, feature: Any, classes: str | None) -> str:  # noqa: ANN401  feature
    typed = feature_type(feature)
    if typed is None:
        return f"Column {column}."
    text = f"Task: {typed[0].value}. Null: the entity is not in the task."
    return f"{text} Numbers are classes of the record set {classes}." if classes else text


def _type(feature: Any) -> dict[str, Any]:  # noqa: ANN401  a feature of `datasets`
    """Return data type and array shape of a column."""
    shape: list[str] = []
    while (inner := getattr(feature, "feature", None)) is not None:
        shape.append(str(getattr(feature, "length", -1)))
        feature = inner
    array = {"isArray": True, "arrayShape": ",".join(shape)} if shape else {}
    return {"dataType": _scalar(str(getattr(feature, "dtype", ""))), **array}


def _scalar(dtype: str) -> str:
    if re.fullmatch(r"u?int\d+", dtype):
        return "sc:Integer"
    if re.fullmatch(r"float\d+", dtype):
        return "sc:Float"
    return {"bool": "sc:Boolean"}.get(dtype, "sc:Text")


def _classes(column: str, name: str, classes: Sequence[str]) -> dict[str, Any]:
    """Return the names of a task's classes as a record set."""
    number, text = f"{name}/number", f"{name}/name"
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": f"classes of {column}",
        "description": f"What the numbers in the column {column} stand for.",
        "dataType": "sc:Enumeration",
        "key": [{"@id": number}],
        "field": [
            {"@type": "cr:Field", "@id": number, "name": "number", "dataType": "sc:Integer"},
            {"@type": "cr:Field", "@id": text, "name": "name", "dataType": "sc:Text"},
        ],
        "data": [{number: at, text: one} for at, one in enumerate(classes)],
    }
