# `make demo` and `make test` need Python 3.11+, pip and make; they set up everything else in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_TASK ?= examples/uphill
DEMO := demo-$(shell date +%Y%m%d-%H%M%S)

.PHONY: demo test check compiled slow nightly fuzz pages site format clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    set up, run the main job on $(DEMO_TASK) without any key, film native and winner side by side"
	@echo "make test    set up, lint, type-check, run the fast tests"
	@echo "make slow    the tests that train for real, and build and install the wheel"
	@echo "make nightly the tests that are too long for every change"
	@echo "make fuzz    random and mutated input at every door, 100 times longer than in the tests (FUZZ=1000: before a release)"
	@echo "make pages   write anew what is kept of our own texts: docs/commands.md, docs/api.md, tests/golden/"
	@echo "make site    the documentation as a site, in build/site; ends at a link that leads nowhere"
	@echo "make format  format the code"
	@echo "make clean   remove the virtual environment and caches"

demo: $(VENV)/.installed
	$(BIN)/autoreward run $(DEMO_TASK) --model grammar --candidates 4 --rounds 1 --finalist-seeds 1 --confirm-seeds 3 --episodes 10 --runs runs --name $(DEMO)
	$(BIN)/autoreward play $(DEMO) --side-by-side native winner --runs runs --to runs/$(DEMO)/film.webp
	@echo "look     $(BIN)/autoreward view --open"

test: check compiled
	@echo "==> fast tests, one file beside another on every core"
	@$(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder

check: $(VENV)/.installed-dev
	@echo "==> lint"
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "==> types"
	@$(BIN)/mypy

# Commands and workers start by the hundred, and workers write no bytecode: each would compile our modules anew.
compiled: $(VENV)/.installed-dev
	@$(BIN)/python -m compileall -q autoreward

slow: compiled
	@echo "==> slow tests, one file beside another on every core"
	@$(BIN)/python -m pytest -m "slow and not alone and not nightly" -n logical --dist loadfile --no-loadscope-reorder --durations=10
	@echo "==> slow tests that need the machine alone"
	@$(BIN)/python -m pytest -m "alone and not nightly" --durations=10 $$(grep -l 'mark\.alone' tests/test_*.py)

nightly: $(VENV)/.installed-dev
	@echo "==> tests that are too long for every change"
	@$(BIN)/python -m pytest -m nightly --durations=10

FUZZ ?= 100
fuzz: $(VENV)/.installed-dev
	@FUZZ=$(FUZZ) $(BIN)/python -m pytest tests/test_fuzz.py tests/test_markup.py -m "slow or not slow" -o timeout=0 --durations=5

pages: $(VENV)/.installed-dev
	@REWRITE=1 $(BIN)/python -m pytest tests/test_cards.py tests/test_cli.py tests/test_docs.py tests/test_json_lines.py tests/test_env_checks.py tests/test_grammar.py tests/test_roles.py
	@git status --short docs tests

# The theme is mended until May 2027 and says so at every build; the versions that constraints.txt names go on working.
site: $(VENV)/.installed-dev
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet -f site/mkdocs.yml
	@echo "build/site/index.html"

format: $(VENV)/.installed-dev
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

$(VENV)/.python:
	@command -v $(PYTHON) >/dev/null || { echo "autoreward needs Python 3.11 or newer; '$(PYTHON)' was not found. Try: make demo PYTHON=/path/to/python3"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "autoreward needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version). Try: make demo PYTHON=/path/to/python3.11"; exit 2; }
	@echo "==> making the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { echo "Could not make $(VENV): is the venv module installed (Debian: apt install python3-venv)?"; exit 2; }
	@touch $@

# torch first and pinned: an open range would take the newest one. TORCH_INDEX=ADDRESS names a further index, such as one with builds
# for CPUs alone.
$(VENV)/.installed: $(VENV)/.python pyproject.toml constraints.txt
	@echo "==> installing PyTorch and then autoreward: with PyTorch for CPUs 240 MB are downloaded once and take 1.2 GB, with CUDA about 4 GB more"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch || { echo "Could not install PyTorch: check the network connection and the free disk space, then run make again."; exit 2; }
	@echo "==> installing autoreward"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . || { echo "Could not install autoreward's dependencies: check the network connection, then run make again."; exit 2; }
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "==> installing the development tools"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs,box2d,mujoco,minigrid]' || { echo "Could not install the development tools: check the network connection, then run make again."; exit 2; }
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist
