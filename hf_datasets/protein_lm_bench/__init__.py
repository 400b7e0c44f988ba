"""ProteinLMBench (arXiv 2406.05540): multiple-choice questions on proteins."""
