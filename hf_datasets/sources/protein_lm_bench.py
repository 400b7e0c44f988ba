"""ProteinLMBench: multiple-choice questions on proteins.

https://huggingface.co/datasets/tsynbio/ProteinLMBench, config `evaluation`: `question`, `options`
(a list of "option 1: …"), `answer` ("option 1") and `explanation`. A re-lettered copy goes round
too, JSON lines of `question` (with the options "A:…" in it), `label` and `summary`.
"""

from __future__ import annotations

from hf_datasets.sources.source import Source, SourceFile

SOURCE = Source(
    name="protein-lm-bench",
    title="ProteinLMBench",
    version="2024",
    licence="Apache-2.0",
    citation="Shen et al., ProteinLMDataset and ProteinLMBench, arXiv 2406.05540 (2024)",
    homepage="https://huggingface.co/datasets/tsynbio/ProteinLMBench",
    files=(
        SourceFile(
            key="questions",
            # The Hub's own Parquet copy of the config; the uploaded file has another layout.
            url="https://huggingface.co/datasets/tsynbio/ProteinLMBench/resolve/"
            "refs%2Fconvert%2Fparquet/evaluation/train/0000.parquet",
            local=("*.parquet", "*ProteinLMBench*.json*", "*.jsonl*", "*.json*"),
            max_bytes=50_000_000,
        ),
    ),
)
