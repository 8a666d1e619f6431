# Set-up and daily commands. `make help` lists them.
#
#   make demo                                 a sample library, rendered on the spot
#   make demo IMAGES="/path/to/photos"        your photos, read only
#   make demo IMAGES=... WEIGHTS=best.pt      your photos and your model

.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install --quiet --progress-bar on --timeout 60 --retries 10 -c constraints.txt
# A download of gigabytes that breaks off midway is begun again: pip itself tries again only what had not started.
# What was already downloaded is in its cache.
INSTALL = for try in 1 2 3; do $(PIP) $(1) && exit 0; [ $$try = 3 ] || { echo 'Trying again in 10 seconds.' >&2; sleep 10; }; done; exit 2
RUNTIME := $(VENV)/installed
DEV := $(VENV)/installed-dev
DEMO := build/demo
SAMPLE := $(DEMO)/.sample

# The recipes read these from the environment, so that a path may hold spaces.
IMAGES ?=
WEIGHTS ?=
PYTHON ?=
export IMAGES WEIGHTS PYTHON

.PHONY: help demo test check audit chaos fuzz fmt bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: $(RUNTIME) $(if $(IMAGES),,$(SAMPLE)) ## scan, detect, report bucks, gallery: on IMAGES=/path, else on a sample library
	@mkdir -p $(DEMO); \
	if [ -n "$$IMAGES" ]; then db=$(DEMO)/images.duckdb; else IMAGES=$(DEMO)/library; db=$(DEMO)/demo.duckdb; fi; \
	run() { \
		printf '\n$$ trailcam'; printf ' %s' "$$@"; printf '\n'; \
		$(VENV)/bin/trailcam "$$@"; code=$$?; \
		case $$code in 0|1) ;; *) exit $$code ;; esac; \
	}; \
	run scan --db $$db "$$IMAGES"; \
	if [ -n "$$WEIGHTS" ]; then run detect --db $$db --weights "$$WEIGHTS"; else run detect --db $$db; fi; \
	run report bucks --db $$db; \
	run gallery --db $$db -o $(DEMO)/gallery.html; \
	printf '\nThe photos, to look at in a browser: %s\n' "$$PWD/$(DEMO)/gallery.html"

# A process for each core, at most four: each holds PyTorch, about a gigabyte.
test: $(DEV) ## all tests, with coverage
	@$(PY) -m pytest -q -n auto --maxprocesses 4 --dist worksteal --cov --cov-report=term:skip-covered

check: $(DEV) ## what CI runs: lint, format, types, tests; writes nothing
	@echo '== ruff check'; $(PY) -m ruff check .
	@echo '== ruff format'; $(PY) -m ruff format --check .
	@echo '== mypy'; $(PY) -m mypy --strict
	@echo '== tests'; $(MAKE) test

bench: $(DEV) ## trailcam beside other programs: WEIGHTS=yolo11n.pt, 10 minutes; prints figures, keeps none
	@$(PY) benchmarks/peers.py --weights "$${WEIGHTS:?name a YOLO model: make bench WEIGHTS=yolo11n.pt}"

# Not part of check: it asks the Python advisory database over the internet. --strict: a package that could not
# be asked about is a failure, no silence.
audit: ## known holes in the versions of constraints.txt; needs the internet
	@test -x build/audit/bin/pip-audit || { python3 -m venv build/audit && build/audit/bin/pip install --quiet pip-audit; }
	@build/audit/bin/pip-audit --strict --no-deps --disable-pip -r constraints.txt

chaos: $(DEV) ## kills, full disks, vanished drives: 500 rounds (ROUNDS=, SEED=) against every command; an hour
	@mkdir -p build; $(PY) -m tests.chaos --rounds $${ROUNDS:-500} --seed $${SEED:-1} --results build/chaos.json

fuzz: $(DEV) ## broken bytes for every reader, 10 minutes each (SECONDS_EACH=); with atheris where it is installed
	@$(PY) -m tests.fuzz --seconds $${SECONDS_EACH:-600}

fmt: $(DEV) ## the only one that changes sources: sort imports, format
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

# The first of these that is new enough and can make an environment. PYTHON=... takes the choice over.
$(PY):
	@set -e; \
	for python in $${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do \
		if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Creating $(VENV) with $$("$$python" --version)"; \
			exec "$$python" -m venv $(VENV); \
		fi; \
	done; \
	echo "trailcam needs Python 3.11 or newer, with its venv module. Looked for: $${PYTHON:-python3 python3.13 python3.12 python3.11 python}." >&2; \
	echo "Install one (Debian, Ubuntu: python3 and python3-venv; macOS: brew install python@3.13)," >&2; \
	echo "or name one: make PYTHON=/path/to/python3.12 ..." >&2; \
	exit 2

$(RUNTIME): pyproject.toml constraints.txt | $(PY)
	@echo 'Installing trailcam and what it needs into $(VENV): PyTorch is large (6 GB on Linux), a few minutes'
	@$(call INSTALL,-e '.[video]')
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(PY)
	@echo 'Installing trailcam and its development tools into $(VENV): PyTorch is large (6 GB on Linux), a few minutes'
	@$(call INSTALL,-e '.[dev]')
	@touch $(RUNTIME) $@

$(SAMPLE): $(RUNTIME) $(wildcard trailcam/samples/*.py)
	@$(PY) -m trailcam.samples $(DEMO)/library
	@touch $@
