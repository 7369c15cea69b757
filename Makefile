# Two commands do all: make run, make test. Nothing but Python 3.11+ and make is needed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
WORLD  ?= world
SCALE  ?= 0.02
SEED   ?= 1
PORT   ?= 8080
SERVE  ?= yes

.PHONY: run test install lint bench docs clean

run: install
	rm -rf $(WORLD)
	$(BIN)/steelyard example pearl $(WORLD) --scale $(SCALE) --seed $(SEED)
ifneq ($(SERVE),no)
	$(BIN)/steelyard serve $(WORLD)/guangdong --port $(PORT)
endif

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,lint]'
	touch $@

test: $(VENV)/.tested
	$(BIN)/python -m pytest -n auto --dist loadgroup $(PYTEST)

lint: $(VENV)/.tested
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/mypy

bench: install
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

docs: $(VENV)/.installed
	$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) $(WORLD)
