# make demo   installs, trains and tests on the offline data, and shows the result (under 8 minutes on two cores)
# make test   installs, lints, type-checks and runs all tests
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint format

demo: .venv/offline
	$(BIN)/python -m xltrobust.fit --config experiments/quickstart.yaml

# Two processes of one thread each: most tests are too small for two threads. A file's tests share what they set up.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: .venv/test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/offline: setup.cfg pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[offline]'
	touch $@

.venv/test: setup.cfg pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[offline,export,test]'
	touch $@ .venv/offline
