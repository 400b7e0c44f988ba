# The front door. Both goals set themselves up: a virtual environment in .venv, from the lock.
PYTHON ?= python3
BIN := .venv/bin
# One more than there are cores: tests of clusters and servers wait a good deal.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.PHONY: demo test lint faults setup lock clean

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "genezoo needs Python 3.11 or newer; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

# Four visible commands: the sample is built, embedded, probed, and shown.
demo: setup
	rm -rf demo
	$(BIN)/publish build gene-benchmark-sample --out demo/gene-benchmark-sample
	$(BIN)/extract --model minilm --input demo/gene-benchmark-sample --out demo/minilm.parquet
	$(BIN)/extract --model bag-of-words --input demo/gene-benchmark-sample --out demo/bag-of-words.parquet
	$(BIN)/extract --model random --input demo/gene-benchmark-sample --out demo/random.parquet
	$(BIN)/probe demo/minilm.parquet demo/bag-of-words.parquet demo/random.parquet --tasks demo/gene-benchmark-sample --out demo/results.parquet
	$(BIN)/cards leaderboard demo/results.parquet --out demo/site --tasks-from demo/gene-benchmark-sample

test: setup
	$(BIN)/pytest -n $(WORKERS) --dist loadfile

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/shellcheck --severity=style deploy/slurm.sh .ci/run
	$(BIN)/hadolint deploy/Containerfile

# Jobs on a cluster of network namespaces under random faults; half a minute each. Needs root.
RUNS ?= 50
FIRST ?= 0
faults: setup
	$(BIN)/python tests/fault_runs.py --runs $(RUNS) --first-seed $(FIRST) --table benchmarks/fault_runs.tsv

# Pins what is installed now; CUDA's own packages follow from torch and are left to it.
lock: setup
	$(BIN)/pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf .venv demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
