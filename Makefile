# Two commands do everything on a fresh machine with Python 3.11 and make:
#   make quickstart   install, then make a gated release of real text
#   make test         install, then run the tests

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Once, rather than in each of the processes that need the kernels first.
COMPILE := $(BIN)/python -c "from curation.warm_up import warm_up; warm_up()"
SOURCES := curation filters language_configs pipelines hub_upload

.PHONY: quickstart test test-all test-ci slurm lint docs format clean

quickstart: $(VENV)/.quickstart
	$(BIN)/curate quickstart --out quickstart

test: $(VENV)/.test lint
	$(BIN)/pytest -m "not slow and not soak" --numprocesses 2 --dist loadfile

# Tests wait for clusters and for what they have killed: three at a time keep two cores busy.
MANY := $(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

test-all: $(VENV)/.test lint slurm
	$(MANY)

# All that ends within forty minutes on two cores.
test-ci: $(VENV)/.test lint slurm
	$(MANY) -m "not soak"

# A real Slurm for the tests marked `slurm`, where Debian's packages can be installed; elsewhere these tests are skipped.
slurm:
	@if ! command -v sbatch > /dev/null && command -v apt-get > /dev/null && [ "$$(id -u)" = 0 ]; then \
		{ apt-get update --quiet && DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes slurm-wlm munge; } \
		|| echo "Slurm cannot be installed: its tests will be skipped" >&2; \
	fi

lint: $(VENV)/.test
	$(BIN)/ruff check $(SOURCES) tests benchmarks tools deploy
	$(BIN)/ruff format --check $(SOURCES) tests benchmarks tools deploy
	$(BIN)/mypy

docs: $(VENV)/.test
	$(BIN)/python tools/reference.py
	$(BIN)/mkdocs build --strict --site-dir build/site

format: $(VENV)/.test
	$(BIN)/ruff check --fix $(SOURCES) tests benchmarks tools deploy
	$(BIN)/ruff format $(SOURCES) tests benchmarks tools deploy

clean:
	rm -rf $(VENV) quickstart build *.egg-info .pytest_cache .mypy_cache .ruff_cache

# torch first and by itself: asked for by this exact version, a CPU build is taken where there is one.
$(VENV)/.torch: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) torch==2.13.0
	touch $@

$(VENV)/.quickstart: $(VENV)/.torch pyproject.toml
	$(INSTALL) --editable '.[demo]'
	$(COMPILE)
	touch $@

$(VENV)/.test: $(VENV)/.torch pyproject.toml tests/readers.txt
	$(INSTALL) --editable '.[test,lint]'
	$(INSTALL) --no-deps --requirement tests/readers.txt
	$(COMPILE)
	touch $@ $(VENV)/.quickstart
