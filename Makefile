# CityBrain. `make demo` shows it, `make test` proves it.
.DEFAULT_GOAL := help
.PHONY: help setup demo test quick check prove-guards bench pictures smoke smoke-embedded system-packages messages clean

PYTHON := .venv/bin/python
# Settings want a keyring, the name of a database and a message gateway (the demo has one), although mypy and makemessages use neither.
SCRATCH := scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	export CITYBRAIN_VAR="$$scratch" DATABASE_URL=postgresql:///unused CITYBRAIN_DEMO=1 && \
	$(PYTHON) -m citybrain.core.keyring make "$$scratch/keyring.json" >/dev/null
# A file's tests stay together, as its fixtures are shared.
WORKERS := -n auto --dist loadfile
PIP_INSTALL := $(PYTHON) -m pip install --disable-pip-version-check -qq

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1#/p' $(MAKEFILE_LIST) | awk -F '#' '{printf "make %-16s %s\n", $$1, $$2}'

setup: .venv/setup.stamp  ## make .venv with all requirements, runtime and development

demo: .venv/runtime.stamp  ## run a district that lives; RESIDENTS, DAYS, LIFE=off shape it, PORT, CITYBRAIN_VAR, DATABASE_URL, CELERY_BROKER_URL move it
	@exec $(PYTHON) -m citybrain.demo

test: system-packages setup  ## install what the tests need (apt, when root), run them all, end with a smoke run
	$(PYTHON) -m pytest $(WORKERS) -m "steady or not (browser or slow)"
	$(PYTHON) -m pytest -m "(browser or slow) and not steady"
	$(PYTHON) -m tests.smoke_embedded

quick: setup  ## run unit and integration tests, without browsers and slow ones
	$(PYTHON) -m pytest $(WORKERS) tests/unit tests/integration -m "not browser and not slow and not steady"

check: setup  ## lint, format, types, imports
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	$(SCRATCH) && .venv/bin/mypy
	.venv/bin/lint-imports

prove-guards: setup  ## plant each violation in a copy of the tree and see its guard turn red
	$(PYTHON) -m tests.repo.prove_guards

smoke: .venv/runtime.stamp  ## walk the whole chain over HTTP: make smoke BASE_URL=http://127.0.0.1:8000
	@$(PYTHON) -m citybrain.demo.smoke $(or $(BASE_URL),$(error say where: make smoke BASE_URL=http://127.0.0.1:8000))

bench: setup  ## measure, each figure beside its baseline: make bench [BASE_URL=…]
	$(PYTHON) -m bench $(if $(BASE_URL),--base-url $(BASE_URL))

pictures: setup  ## draw docs/pictures anew from a demo: make pictures [BASE_URL=…]
	$(PYTHON) -m tests.pictures $(if $(BASE_URL),--base-url $(BASE_URL))

smoke-embedded: setup  ## start the demo on free ports in a temporary folder, look at it, stop it
	$(PYTHON) -m tests.smoke_embedded

system-packages:
	@tests/system_packages.sh

messages: setup  ## collect English texts into citybrain/locale and compile the translations
	@$(SCRATCH) && \
	$(PYTHON) manage.py makemessages -l zh_Hans --no-obsolete --add-location file \
		-i .venv -i var -i tests -i bench -i 'static/vendor' && \
	$(PYTHON) manage.py compilemessages -l zh_Hans -i .venv

clean:  ## remove .venv and caches; var/ with keyring and demo data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/runtime.stamp: requirements.txt
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { \
		for python in python3.11 python3; do \
			$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
			echo "making .venv"; exec $$python -m venv --clear .venv; \
		done; \
		echo "CityBrain needs Python 3.11 or later with venv: apt-get install python3 python3-venv" >&2; exit 1; }
	@echo "installing what CityBrain runs on"
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

.venv/setup.stamp: requirements-dev.txt .venv/runtime.stamp
	@echo "installing what its tests need"
	@$(PIP_INSTALL) -r requirements-dev.txt
	@touch $@
