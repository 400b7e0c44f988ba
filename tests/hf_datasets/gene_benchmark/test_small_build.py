"""All tasks, inputs and the command on a small world that has every source."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import datasets
import pytest
from gene_world import GENES, SYMBOLS, ensembl_id

from hf_datasets.__main__ import command
from hf_datasets.build import RECORD_FILE, BuildOptions, build_dataset, read_record
from hf_datasets.errors import InputError
from hf_datasets.gene_benchmark.builder import GeneBenchmark
from hf_datasets.gene_benchmark.tasks import CONFIGS, TASKS
from hf_datasets.registry import dataset_record
from hf_datasets.task import TaskType, tasks_of_table

if TYPE_CHECKING:
    from pathlib import Path

    from hf_datasets.gene_benchmark.builder import GeneBenchmarkContent

pytestmark = pytest.mark.usefixtures("_small_files")


def rows(content: GeneBenchmarkContent, config: str) -> dict[tuple[str, ...], dict[str, Any]]:
    """The rows of a config by key, class names for numbers."""
    features, table = content.table(config)
    key = [name for name in features if name in {"symbol", "symbol_a", "symbol_b", "disease_id"}]
    found = {}
    for row in table.to_pylist():
        for name, value in row.items():
            feature = getattr(features[name], "feature", features[name])
            if isinstance(feature, datasets.ClassLabel) and value is not None:
                row[name] = (
                    [feature.int2str(one) for one in value]
                    if isinstance(value, list)
                    else feature.int2str(value)
                )
        found[tuple(row[name] for name in key)] = row
    return found


def build(out: Path, sources: Path, *words: str) -> int:
    return command(
        ["build", "gene-benchmark", "--out", str(out), "--sources", str(sources),
         "--no-download", *words]
    )  # fmt: skip


def test_with_every_source_every_task_is_built(tiny_content: GeneBenchmarkContent) -> None:
    assert tiny_content.missing() == {}
    assert tiny_content.configs() == list(CONFIGS)
    for config in CONFIGS[1:]:
        features, table = tiny_content.table(config)
        built = {task.column: task.type for task in tasks_of_table("d", config, features)}
        assert built == {task.column: task.type for task in TASKS if task.config == config}
        key = table.column(0).to_pylist()
        assert key == sorted(key)


def test_folds_keep_families_and_the_genes_of_pairs_together(
    tiny_content: GeneBenchmarkContent,
) -> None:
    family = {key[0]: row["gene_family"] for key, row in rows(tiny_content, "genes").items()}
    for config in CONFIGS[1:]:
        found = rows(tiny_content, config)
        of_gene: dict[str, dict[str, set[int]]] = {"fold": {}, "fold_family": {}}
        for key, row in found.items():
            for column, genes in of_gene.items():
                if row[column] is not None:
                    for gene in key if config == "gene2gene" else key[:1]:
                        name = family.get(gene) if column == "fold_family" else None
                        genes.setdefault(name or gene, set()).add(row[column])
        for column, genes in of_gene.items():
            assert all(len(folds) == 1 for folds in genes.values()), (config, column)
    localization = rows(tiny_content, "localization").values()
    assert {row["fold"] for row in localization} == set(range(5))


def test_labels_follow_their_sources(tiny_content: GeneBenchmarkContent) -> None:
    localization = rows(tiny_content, "localization")
    assert localization[("NEW1",)]["blood_expression_cluster"] == "Class 0", "OLD1 is NEW1 now"
    assert ("OLD1",) not in localization
    assert ("ENSG00000999999",) not in localization
    assert ("NA",) in localization
    assert "Rare label" in localization[("GENE1",)]["subcellular_location"]
    assert localization[("GENE2",)]["rna_tissue_specificity_score"] == 2.5
    processes = rows(tiny_content, "biological-processes")
    assert processes[("GENE1",)]["prognosis_glioma"] == "prognostic favorable"
    assert processes[("GENE11",)]["pathways"] == ["Immune System", "Metabolism"]
    assert processes[("gag",)]["pathways"] == ["Immune System"]
    assert processes[("HLA-DRA",)]["hla_class"] == "class II"
    assert processes[("GENE1",)]["hla_class"] is None
    regulation = rows(tiny_content, "regulatory-functions")
    assert regulation[("GENE1",)]["transcription_factor"] == "yes"
    assert regulation[("GENE1",)]["notch1_targets"] == "target"
    genomic = rows(tiny_content, "genomic-properties")
    assert genomic[("GENE1",)]["dosage_sensitivity"] == "Dosage-sensitive TFs"
    assert genomic[("GENE40",)]["dosage_sensitivity"] is None, "it is in both lists"
    left_out = tiny_content.upstream.left_out
    assert left_out["n1_target: gene in both lists"] == ["GENE40"]
    assert left_out["n1_target: no approved symbol for the id"] == ["ENSG00000999999"]
    proteins = rows(tiny_content, "protein-properties")
    assert proteins[("GENE1",)]["uniprot_ptm"] == ["Zymogen"]


def test_pairs_are_there_once(tiny_content: GeneBenchmarkContent) -> None:
    pairs = {key: row["associated"] for key, row in rows(tiny_content, "gene2gene").items()}
    assert pairs == {
        ("GENE1", "GENE2"): "yes", ("GENE3", "GENE4"): "no", ("GENE5", "NEW1"): "yes",
    }  # fmt: skip
    scores = rows(tiny_content, "gene-disease")
    found = {key: row["association_score"] for key, row in scores.items()}
    assert found == {("GENE1", "EFO_1"): 0.5, ("GENE2", "EFO_1"): 1.0}
    left_out = tiny_content.upstream.left_out
    assert left_out["gene2vec: pair given with both labels"] == ["GENE6 GENE7"]
    features, _ = tiny_content.table("gene-disease")
    (task,) = tasks_of_table("d", "gene-disease", features)
    assert (task.key, task.type) == (("symbol", "disease_id"), TaskType.REGRESSION)


def test_inputs(tiny_content: GeneBenchmarkContent) -> None:
    genes = rows(tiny_content, "genes")
    assert sorted(genes) == sorted((symbol,) for symbol in SYMBOLS)
    first = genes[("GENE1",)]
    assert first["description"] == "GENE1: gene number 1. It does much."
    assert first["protein_sequence"] == "MKVC"
    assert (first["gene_family"], genes[("GENE9",)]["gene_family"]) == ("First family", None)
    assert (first["ensembl_gene_id"], first["uniprot_id"]) == (ensembl_id("GENE1"), "P00001")
    assert genes[("GENE2",)]["description"] == "GENE2: gene number 2"
    assert len(first["dna_window"]) == 20
    assert {row["paralog_cluster"] for row in genes.values()} == {"GENE1"}


def test_the_command_builds_all_of_it(
    tiny_folder: Path, tiny_genome: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "built"
    genome = ("--genome", str(tiny_genome), "--dna-window", "20")
    assert build(out, tiny_folder, *genome) == 0
    said = capsys.readouterr()
    assert "missing" not in said.err
    assert "gene-disease" in said.out
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert build(out, tiny_folder, *genome) == 0
    assert "unchanged" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    again = tmp_path / "again"
    assert build(again, tiny_folder, *genome) == 0
    for path in out.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (again / path.relative_to(out)).read_bytes()
    (out / "genes/train-00000-of-00001.parquet").write_bytes(b"broken")
    assert build(out, tiny_folder, *genome) == 0, "a damaged folder is built again"
    loaded = datasets.load_dataset(str(out), "genes", split="train")
    assert loaded[0]["symbol"] == "GENE1"
    record = read_record(out)
    assert (record["partial"], record["missing"]) == (False, {})
    assert record["sources"]["gene2vec"]["licence"] == "MIT"
    assert all(len(file["sha256"]) == 64 for file in record["sources"]["hgnc"]["files"])
    assert record["tasks"]["gene-benchmark/gene2gene/associated"]["size"] == 3
    assert str(tiny_folder) not in (out / RECORD_FILE).read_text()
    assert build(out, tiny_folder, "--genome", str(tiny_genome)) == 0, "another window"
    assert "wrote" in capsys.readouterr().err


def test_a_missing_source_leaves_its_tasks_out(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources, out = tmp_path / "sources", tmp_path / "built"
    shutil.copytree(tiny_folder, sources)
    for name in ("genecorpus", "gene2vec", "open_targets"):
        shutil.rmtree(sources / name)
    assert build(out, sources) == 1
    errors = capsys.readouterr().err.splitlines()
    assert [line.split()[2] for line in errors if line.startswith("missing: ")] == [
        "genecorpus", "gene2vec", "open_targets",
    ]  # fmt: skip
    record = read_record(out)
    assert record["partial"]
    assert len(record["missing"]) == 8
    readme = (out / "README.md").read_text()
    assert "## Partial build" in readme
    assert "config_name: gene2gene" not in readme
    assert not (out / "gene2gene").exists()
    assert build(out, sources) == 1, "unchanged, and still partial"
    assert build(out, sources, "--allow-partial") == 0
    parts = tiny_folder / "open_targets" / "associationByOverallDirect"
    given = [f"{name}={tiny_folder / name}" for name in ("gene2vec", "genecorpus")]
    given.append(f"open_targets={parts}")
    assert build(out, sources, *(word for one in given for word in ("--source", one))) == 0


def test_whoever_asks_for_all_of_it_gets_no_part(tiny_folder: Path, tmp_path: Path) -> None:
    sources, out = tmp_path / "sources", tmp_path / "built"
    shutil.copytree(tiny_folder, sources)
    shutil.rmtree(sources / "open_targets")
    options = BuildOptions(folder=sources, download=False, complete=True)
    with pytest.raises(InputError, match="cannot be built in full.*association_score"):
        build_dataset(dataset_record("gene-benchmark"), out, options)
    assert not out.exists()


def test_without_hgnc_names_stay_and_ids_are_not_guessed(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources, out = tmp_path / "sources", tmp_path / "built"
    shutil.copytree(tiny_folder, sources)
    shutil.rmtree(sources / "hgnc")
    assert build(out, sources) == 1
    record = read_record(out)
    assert set(record["missing"]) == {
        "gene-benchmark/genes",
        "gene-benchmark/biological-processes/hla_class",
        *(task.path for task in TASKS if "hgnc" in task.needs),
    }
    symbols = datasets.load_dataset(str(out), "localization", split="train")["symbol"]
    assert "OLD1" in list(symbols)
    assert capsys.readouterr().err.count("missing: ") == 1


def test_list_of_a_built_folder(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gene-benchmark"
    assert build(out, tiny_folder) == 0
    capsys.readouterr()
    assert command(["list", "--tasks", str(out), "--json"]) == 0
    tasks = {task["path"]: task for task in json.loads(capsys.readouterr().out)}
    assert len(tasks) == 75 + 293
    whole = tasks["gene-benchmark/localization/subcellular_location"]
    assert (whole["size"], whole["status"]) == (46, "built")
    assert "Rare label" in whole["classes"]
    derived = tasks["gene-benchmark/protein-properties/uniprot_ptm/Zymogen"]
    assert (derived["size"], derived["positives"]) == (46, 23)
    lacking = tasks["gene-benchmark/protein-properties/uniprot_ptm/Myristate"]
    assert lacking["status"] == "missing: no entity has this label in the files used"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sources", "/nowhere"], "no folder /nowhere"),
        (["--source", "hpa"], "is no NAME=FILE"),
        (["--source", "hpo=x"], "did you mean hpa"),
        (["--dna-window", "0"], "is no length"),
        (["--genome", "/nowhere.fa"], "no file /nowhere.fa"),
        (["--no-download", "--sources", "EMPTY"], "no source can be had"),
    ],
)
def test_bad_options_are_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    filled = [word.replace("EMPTY", str(tmp_path / "empty")) for word in words]
    assert command(["build", "gene-benchmark", "--out", str(tmp_path / "x"), *filled]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_dataset_without_sources_takes_none(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["build", "gene-benchmark-sample", "--out", str(tmp_path / "x")]
    assert command([*words, "--sources", str(tiny_folder)]) == 2
    assert "is built from no sources" in capsys.readouterr().err


def test_the_builder_works_on_its_own(tiny_folder: Path, tmp_path: Path) -> None:
    builder = GeneBenchmark(
        cache_dir=str(tmp_path), config_name="gene2gene", data_dir=str(tiny_folder)
    )
    builder.download_and_prepare()
    assert len(builder.as_dataset(split="train")) == 3
    assert GENES[0] in builder.as_dataset(split="train")["symbol_a"]
