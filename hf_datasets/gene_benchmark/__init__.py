"""gene-benchmark: the tasks of arXiv 2412.04075, built from their sources."""
