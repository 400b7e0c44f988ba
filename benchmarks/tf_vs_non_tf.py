"""The main job on real biology: transcription factor or not, 2,765 genes, MiniLM.

    python benchmarks/tf_vs_non_tf.py DATA --out tf

DATA holds `humantfs/DatabaseExtract_v_1.01.csv.gz` (The Human Transcription Factors, Lambert
2018) and `ncbi_gene/Homo_sapiens.gene_info.gz` (NCBI). The script writes what a user would
write by hand, an input table and a task table, and then runs the public commands: MiniLM on
"symbol: full name" and on the symbol alone, and both probed on the same folds.

An independent sklearn run (raw vectors, C = 1, five stratified folds) gave AUROC
0.905 +- 0.009 and 0.835 +- 0.006: what `--protocol paper` has to agree with.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import subprocess
import sys
from pathlib import Path

import datasets

TASK = "tf/transcription-factors/transcription_factor"
MODELS = {"full-name": "description", "symbol-alone": "symbol"}
CARD = """---
configs:
- config_name: transcription-factors
  version: 1.0.1
  data_files:
  - {split: train, path: transcription-factors.parquet}
---
# Transcription factor or not (Lambert 2018)
"""


def full_names(data: Path) -> dict[str, str]:
    """Return NCBI's full name of every symbol; genes named NA stay genes."""
    names: dict[str, str] = {}
    with gzip.open(data / "ncbi_gene/Homo_sapiens.gene_info.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            official, plain = row["Full_name_from_nomenclature_authority"], row["description"]
            names.setdefault(row["Symbol"], plain if official == "-" else official)
    return names


def write_tables(data: Path, out: Path) -> None:
    """Write `genes.tsv` (what is embedded) and the dataset folder `tf` (what is asked)."""
    names = full_names(data)
    path = data / "humantfs/DatabaseExtract_v_1.01.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        judged = {row["HGNC symbol"]: row["Is TF?"].lower() for row in csv.DictReader(lines)}
    (out / "tf").mkdir(parents=True, exist_ok=True)
    # 51 symbols have been renamed since 2018 and have no name here: the symbol has to do.
    texts = {
        symbol: f"{symbol}: {names[symbol]}" if symbol in names else symbol for symbol in judged
    }
    body = "".join(f"{symbol}\t{text}\n" for symbol, text in texts.items())
    (out / "genes.tsv").write_text("symbol\tdescription\n" + body, encoding="utf-8")
    label = datasets.ClassLabel(names=["no", "yes"])
    features = datasets.Features(
        {"symbol": datasets.Value("string"), "transcription_factor": label}
    )
    columns = {"symbol": list(judged), "transcription_factor": list(judged.values())}
    encoded = [label.str2int(answer) for answer in columns["transcription_factor"]]
    table = datasets.Dataset.from_dict(
        {"symbol": columns["symbol"], "transcription_factor": encoded}, features=features
    )
    table.to_parquet(out / "tf/transcription-factors.parquet")
    (out / "tf/README.md").write_text(CARD, encoding="utf-8")


def run(*words: object) -> None:
    """Run one of our commands, visibly."""
    command = [sys.executable, "-m", *map(str, words)]
    print("$", *command[2:], flush=True)
    subprocess.run(command, check=True)


def main() -> None:
    """Prepare the tables, extract twice, probe under both protocols, show the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("tf-benchmark"))
    arguments = parser.parse_args()
    out: Path = arguments.out
    write_tables(arguments.data, out)
    embeddings = [out / f"{name}.parquet" for name in MODELS]
    for path, column in zip(embeddings, MODELS.values(), strict=True):
        run("extractors", "--model", "minilm", "--input", out / "genes.tsv", "--column", column,
            "--name", f"minilm-{path.stem}", "--out", path)  # fmt: skip
    for protocol in ("paper", "standard"):
        run("probes", *embeddings, "--tasks", out / "tf", "--protocol", protocol,
            "--out", out / f"{protocol}.parquet")  # fmt: skip
    run("cards", "leaderboard", out / "paper.parquet", "--out", out / "site")


if __name__ == "__main__":
    main()
