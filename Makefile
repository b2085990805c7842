# Two commands for the newcomer: `make run` to try the product, `make test` to check it.
PYTHON ?= python3.11
BIN := .venv/bin
BASE_URL ?=
PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help run test check messages lock clean

help: ## Say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: .venv/run.stamp ## Build the demonstration once and serve it (BASE_URL=http://192.168.1.5:8000 for phones)
	@$(BIN)/hailong run --port $(PORT) $(if $(BASE_URL),--base-url $(BASE_URL))

test: .venv/dev.stamp ## Install what tests need, a browser too, and pass them
	$(BIN)/python tests/browser/chromium.py
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: .venv/dev.stamp ## Style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

messages: .venv/dev.stamp ## Bring the catalogues up to date with the code
	$(BIN)/pybabel -q extract -F translations/babel.cfg -k _n --no-location --sort-output --omit-header --no-wrap -o translations/messages.pot .
	$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --no-wrap -i translations/messages.pot -d translations

lock: .venv/dev.stamp ## Choose versions anew, with hashes
	$(BIN)/uv pip compile -q pyproject.toml requirements/build.in --extra analysis --extra postgres --extra redis --extra cluster --extra reports --extra dev --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 -o requirements/dev.txt
	$(BIN)/uv pip compile -q pyproject.toml requirements/build.in --extra analysis --extra postgres --extra redis --extra reports --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 -c requirements/dev.txt -o requirements/run.txt

clean: ## Remove the environment (data in instance/ stays)
	rm -rf .venv

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run.stamp: .venv/bin/python requirements/run.txt pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: .venv/bin/python requirements/dev.txt pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
