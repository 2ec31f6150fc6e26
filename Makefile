# `make demo` and `make test` do all of their own set-up. Only Python 3.11 or newer has to be there.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types layers pytest bench clean

demo: $(VENV)/.installed
	$(BIN)/ldpbench demo

test: $(VENV)/.installed-dev
	@$(MAKE) --no-print-directory lint types layers pytest

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

layers: $(VENV)/.installed-dev
	$(BIN)/lint-imports

pytest: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

bench: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/metrics.py
	$(BIN)/python benchmarks/dp_wiener.py
	$(BIN)/python benchmarks/simulation.py
	$(BIN)/python benchmarks/prepare.py
	$(BIN)/python benchmarks/train.py
	$(BIN)/python benchmarks/blurmap.py
	$(BIN)/python benchmarks/inference.py
	$(BIN)/python benchmarks/networks.py
	$(BIN)/python benchmarks/results.py
	$(BIN)/python -m benchmarks.pages

clean:
	rm -rf $(VENV) .venv-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build

# uv installs the same packages as pip in a fraction of the time; it comes from pip itself.
$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 3; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet 'uv>=0.5,<1'

$(VENV)/.installed: $(BIN)/uv pyproject.toml constraints.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(BIN)/uv pyproject.toml constraints.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev,perceptual,onnx,tensorboard]'
	@touch $@ $(VENV)/.installed
