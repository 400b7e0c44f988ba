"""Small files in the format of every origin, with a bad row in most of them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import tarfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PROTEIN = "ACDEFGHIKLMNPQRSTVWY"


def letters(seed: object, length: int, alphabet: str = "ACGT") -> str:
    """Return a sequence that depends on `seed` alone."""
    return "".join(random.Random(str(seed)).choices(alphabet, k=length))


def write(path: Path, text: str) -> None:
    """Write a text file, packed if its name ends in .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def table(
    path: Path, header: Iterable[str] | None, rows: Iterable[Iterable[object]], delimiter: str = ","
) -> None:
    """Write a delimited file."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    if header is not None:
        writer.writerow(header)
    writer.writerows(rows)
    write(path, stream.getvalue())


def fasta(path: Path, records: Iterable[tuple[str, str]]) -> None:
    """Write a FASTA file with lines of 60 letters."""
    lines = []
    for header, sequence in records:
        lines += [f">{header}", *(sequence[at : at + 60] for at in range(0, len(sequence), 60))]
    write(path, "\n".join(lines) + "\n")


def archive(path: Path, members: dict[str, str]) -> None:
    """Write a `.tar.gz`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as packed:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            packed.addfile(info, io.BytesIO(text.encode()))


def write_gue(root: Path) -> None:
    """The archive's layout for one data set, flat names for another, and a bad row."""
    for split, count in {"train": 24, "dev": 6, "test": 8}.items():
        rows = [(letters(("H3", split, n), 40), n % 2) for n in range(count)]
        table(root / f"GUE/EMP/H3/{split}.csv", ("sequence", "label"), rows)
    rows = [(letters(("0", n), 30), n % 2) for n in range(4)]
    rows += [("ACGT!", 1), ("ACGT", "maybe"), ("", 0)]  # type: ignore[list-item]
    table(root / "tf_mouse/0_test.csv.gz", ("sequence", "label"), rows)


def write_rna(root: Path) -> None:
    """nRC, DeepCRISPR, BEACON, APARENT, Optimus and toehold switches."""
    families = ("tRNA", "miRNA", "IRES")
    records = [(f"RF{n}_X {families[n % 3]}", letters(("nc", n), 70)) for n in range(30)]
    fasta(root / "nrc/dataset_Rfam_6320_13classes.fasta", [*records, ("RF_no_class", "ACGU")])
    tests = [(f"RF9{n}_X {families[n % 3]}", letters(("nct", n), 70)) for n in range(9)]
    fasta(root / "nrc/dataset_Rfam_2600_13classes_test.fasta", [*tests, ("RF_y alien", "ACGU")])
    track = "A" * 23
    guides = [
        f"chr1\t{n}\t{n + 22}\t+\t{letters(('g', n), 21)}GG\t{track}\t{track}\t{track}\t{track}\t"
        f"{n / 50}"
        for n in range(50)
    ]
    archive(
        root / "deepcrispr/crispr.tar.gz",
        {
            "paper_data2/ontar/hela.repisgt": "other\n",
            "paper_data2/ontar/hl60.repisgt": "\n".join([*guides, "chr1\t1\t2"]) + "\n",
        },
    )
    for split in ("train", "val", "test"):
        rows = [(n, letters(("apa", split, n), 50), n / 10, "x") for n in range(5)]
        table(root / f"beacon/Isoform/{split}.csv", ("", "seq", "isoform", "lib"), rows)
        marks = [
            [letters(("m", split, n), 51), *(int(n == k) for k in range(12))] for n in range(5)
        ]
        table(root / f"beacon/Modification/{split}.csv", None, [*marks, ["ACGT", *([0] * 12)]])
    states: list[tuple[object, ...]] = [
        (letters(("p", n), 30), n / 4, n / 8, n / 8) for n in range(4)
    ]
    states += [("ACGU", 1, 2), ("ACGU", "x", 1, 1)]
    table(root / "beacon/ProgrammableRNASwitches/test.csv", ("seq", "a", "b", "c"), states)


def write_native_rna(root: Path) -> None:
    """The same tasks as the origins before BEACON have them."""
    counts = [(letters(("a", n), 60), n, 10) for n in range(20)]
    table(
        root / "aparent/apa_general3_antimisprime_orig.csv",
        ("seq", "proximal_count", "total_count_vs_distal", "library"),
        [(*row, 1) for row in [*counts, (letters("a0", 60), 0, 0)]],
    )
    utrs = [(letters(("u", n), 30), n / 100, "random", 1000 - n, n) for n in range(130)]
    utrs += [(letters(("h", n), 30), n / 10, "human", 500 - n, n) for n in range(120)]
    utrs += [("ACGT", 1.0, "random", 1, 0)]
    table(
        root / "optimus/GSM4084997_varying_length_25to100.csv.gz",
        ("utr", "rl", "set", "total_reads", "extra"),
        utrs,
    )
    switches = [(letters(("s", n), 40), 2.0, n / 10, 0.1, n / 10 - 0.1) for n in range(10)]
    switches += [(letters("s?", 40), "", "", "", ""), (letters("s-", 40), 0.5, 1, 1, 0)]  # type: ignore[list-item]
    table(
        root / "toehold/Toehold_Dataset_Final_2019-10-23.csv",
        ("seq_SwitchOFF_GFP", "QC_ON_OFF", "ON", "OFF", "ON_OFF"),
        switches,
    )


def write_dna_numbers(root: Path) -> None:
    """DeepSTARR: FASTA and a table in the same order, one row of it broken."""
    for split, count in {"Train": 8, "Val": 3, "Test": 4}.items():
        records = [(f"chr2L_{n}_+_peak", letters(("ds", split, n), 249)) for n in range(count)]
        fasta(root / f"deepstarr/Sequences_{split}.fa", records)
        lines = ["Dev_log2_enrichment\tHk_log2_enrichment\tx"]
        lines += [f"{n}.5\t-{n}.25\t0" for n in range(count)]
        if split == "Train":
            lines[2] = "1.5"
        write(root / f"deepstarr/Sequences_activity_{split}.txt", "\n".join(lines) + "\n")


def write_proteins(root: Path) -> None:
    """DeepFRI, DeepSol, TAPE and FLIP."""
    numbers = ("3.4.21.4", "2.7.7.-", "1.1.1.1")
    chains = {f"{n}ABC-A": numbers[n % 3] for n in range(6)} | {"7ABC-A": "3.4.21.4,2.7.7.-"}
    lines = ["### EC-numbers", "\t".join(numbers), "### PDB-chain\tEC-numbers"]
    lines += [f"{chain}\t{cell}" for chain, cell in chains.items()]
    lines += ["8ABC-A\t9.9.9.9", "9ABC-A\t"]
    write(root / "deepfri/nrPDB-EC_2020.04_annot.tsv", "\n".join(lines) + "\n")
    records = [(f"{chain} nrPDB_test", letters(chain, 90, PROTEIN)) for chain in chains]
    records += [("8ABC-A nrPDB_test", "MKV"), (f"{next(iter(chains))} nrPDB_test", "MKV")]
    fasta(root / "deepfri/nrPDB-EC_2020.04_test_sequences.fasta", records)
    for split, count in {"train": 12, "val": 4, "test": 6}.items():
        proteins = [letters(("sol", split, n), 50, PROTEIN) for n in range(count)]
        labels = [str(n % 2) for n in range(count)]
        write(root / f"deepsol/{split}_src", "\n".join(proteins) + "\n")
        write(root / f"deepsol/{split}_tgt", "\n".join(labels[: count - (split == "val")]) + "\n")
    for split, count in {"train": 10, "valid": 4, "test": 5}.items():
        shining = [
            {"id": n, "primary": letters(("f", split, n), 60, PROTEIN), "log_fluorescence": [n / 2]}
            for n in range(count)
        ]
        stable = [
            {"primary": letters(("st", split, n), 40, PROTEIN), "stability_score": [n / 4]}
            for n in range(count)
        ]
        shining += [{"id": 99, "primary": "MKV"}] if split == "test" else []
        write(root / f"tape/fluorescence_{split}.json", json.dumps(shining))
        write(root / f"scratch/stability_{split}.json", json.dumps(stable))
    archive(
        root / "tape/stability.tar.gz",
        {
            f"stability/stability_{split}.json": (
                root / f"scratch/stability_{split}.json"
            ).read_text()
            for split in ("train", "valid", "test")
        },
    )
    rows = [
        (letters(("t", n), 80, PROTEIN) + "*" * (n == 0), 40 + n, "test" if n > 11 else "train",
         "True" if n % 4 == 0 and n < 12 else "")
        for n in range(16)
    ]  # fmt: skip
    table(
        root / "flip/human_cell.csv",
        ("sequence", "target", "set", "validation"),
        [*rows, ("MKV", 1, "holdout", "")],
    )


def write_pairs(root: Path) -> None:
    """DeepAAI, NPInter, enhancers with promoters, and siRNA with repeated pairs."""
    antibodies = [letters(("ab", n), 60, PROTEIN) for n in range(12)]
    viruses = [letters(("v", n), 80, PROTEIN) for n in range(4)]
    rows = [
        (antibody, virus, (a + v) % 2, "unseen" if a >= 9 else "seen", a)
        for a, antibody in enumerate(antibodies)
        for v, virus in enumerate(viruses)
    ]
    header = ("antibody_seq", "virus_seq", "label", "split", "id")
    table(root / "deepaai/dataset_hiv_cls.csv", header, [*rows, ("MKV", "MKV", 1, "other", 0)])
    rnas = {f"n{n}": letters(("r", n), 50) for n in range(8)}
    proteins = {f"P{n}": letters(("pr", n), 50, PROTEIN) for n in range(8)}
    fasta(root / "npinter/sequence/NPinter_rna_seq.fa", rnas.items())
    fasta(root / "npinter/sequence/NPinter_protein_seq.fa", proteins.items())
    pairs = [f"{p}\t{r}\t{(i + j) % 2}" for i, p in enumerate(proteins) for j, r in enumerate(rnas)]
    write(root / "npinter/NPInter_pairs.txt", "\n".join([*pairs, "P0\tnowhere\t1", ""]))
    for ending, count in {"": 6, "_test": 3}.items():
        for part, length in {"enhancer": 90, "promoter": 60}.items():
            records = [(f"{part}{n}", letters((part, ending, n), length)) for n in range(count)]
            fasta(root / f"targetfinder/GM12878_{part}{ending}.fasta", records)
        labels = "\n".join(f"{n % 2}.0" for n in range(count))
        write(root / f"targetfinder/GM12878_label{ending}.txt", labels + "\n")
    target = letters("mrna", 300)
    guides = [(letters(("si", n), 21, "ACGU"), target, n) for n in range(20)]
    again = [(*guides[0][:2], 77.5), (guides[1][0], target, "")]
    table(
        root / "sirna/train_data.csv",
        ("siRNA_antisense_seq", "gene_target_seq", "mRNA_remaining_pct"),
        [*guides, *again],
    )


@pytest.fixture(scope="session")
def origins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a subfolder per source; `native` beside it has those that BEACON precedes."""
    root = tmp_path_factory.mktemp("origins")
    write_gue(root / "gue")
    for make in (write_rna, write_dna_numbers, write_proteins, write_pairs):
        make(root)
    write_native_rna(root / "native")
    return root
