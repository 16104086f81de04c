# make demo   installs, trains and tests on the offline data, shows the result, and where it lies among other seeds'
# make test   installs, lints, type-checks, builds the docs and runs all tests
# make docs   builds the documentation site into site/
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint format docs

demo: .venv/offline
	$(BIN)/python -m xltrobust.fit --config experiments/quickstart.yaml
	$(BIN)/python -m xltrobust.report.seeds docs/results/demo/seeds --place runs/quickstart

# Two processes of one thread each: most tests are too small for two threads. A file's tests share what they set up.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# Strict: a link that leads nowhere fails. (The variable: no advert for another tool.)
docs: .venv/test
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

format: .venv/test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/offline: setup.cfg pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[offline]'
	touch $@

.venv/test: setup.cfg pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[offline,export,slurm,docs,test]'
	touch $@ .venv/offline
