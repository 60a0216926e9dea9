# What can be made; `make` alone lists it. Everything is set up by the target that needs it.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --quiet --disable-pip-version-check --no-input

# How many processes of tests run beside each other; ARGS=-n0 runs them all in one.
TEST_PROCESSES ?= 3

# Containers often say that Python should keep no bytecode: then each of the hundreds of processes that tests start
# would compile the whole program anew.
unexport PYTHONDONTWRITEBYTECODE

# A stamp names the lock that was installed: it is set up again only where the lock has changed.
RUN_SET_UP := $(VENV)/set-up-$(shell cksum <requirements.lock | tr ' ' -)
TEST_SET_UP := $(VENV)/test-set-up-$(shell cksum <requirements-test.lock | tr ' ' -)

SHOTS ?= $(CURDIR)/.cache/screenshots

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test browser lint check-types lock migrations bench parked storm pages example faults oracle histories docs roles clean

help: ## list these targets
	@echo "returndesk: make what?"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/\1|\2/p' Makefile | awk -F'|' '{ printf "  %-12s %s\n", $$1, $$2 }'
	@echo "Variables: PYTHON=python3.12 (then \`make clean\` first), ONCE=1, ARGS='…', and those of docs/operations.md."

run: $(RUN_SET_UP) ## set up, start everything, run the sample returns, stay up; ONCE=1 ends after them
	@exec $(PY) -m returndesk up $(if $(ONCE),--once)

test: lint check-types ## set up the tests; style, types, import rules, all tests (ARGS='-k money' picks)
	@$(VENV)/bin/lint-imports
	@$(PY) -m returndesk.embedded.temporal_find
	@$(PY) -m pytest -n $(TEST_PROCESSES) --durations=10 $(ARGS)

browser: $(TEST_SET_UP) ## open every page in Chromium, and take its picture (SHOTS=folder, else .cache/screenshots)
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	  { echo "There is no Chromium here: install it (on Debian: apt install chromium-headless-shell)." >&2; exit 1; }
	@mkdir -p $(SHOTS) && RETURNDESK_SCREENSHOTS=$(SHOTS) $(PY) -m pytest tests/browser -n $(TEST_PROCESSES) --durations=10 $(ARGS)
	@echo "The pictures lie in $(SHOTS)."

lint: $(TEST_SET_UP) ## style, and the form of the code
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

check-types: $(TEST_SET_UP) ## types, strictly
	@$(PY) -m mypy

lock: ## pin what pyproject.toml asks for, with hashes
	@$(call need_python)
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	$(PYTHON) -m venv "$$tools" && "$$tools/bin/pip" install --quiet --disable-pip-version-check uv && \
	pin="$$tools/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header" && \
	$$pin pyproject.toml -o requirements.lock && \
	$$pin pyproject.toml --group test -o requirements-test.lock
	@echo "Pinned: requirements.lock, requirements-test.lock."

migrations: $(TEST_SET_UP) ## write the next migration from the tables: make migrations WORDS='what changed'
	@$(PY) -m returndesk.store.migrate revision "$(or $(WORDS),$(error Say what changed: make migrations WORDS='a column for …'))"

bench: $(TEST_SET_UP) ## measure complete returns a second (ARGS='--json')
	@$(PY) benchmarks/throughput.py $(ARGS)

parked: $(TEST_SET_UP) ## park 10,000 returns, kill the worker, touch some (ARGS='--returns 1000 --json')
	@$(PY) benchmarks/parked.py $(ARGS)

storm: $(TEST_SET_UP) ## let 10,000 deadlines pass at one instant (ARGS='--workers 2')
	@$(PY) benchmarks/storm.py $(ARGS)

pages: $(TEST_SET_UP) ## measure the desks' pages and exports over 100,000 returns (ARGS='--returns 10000 --database sqlite')
	@$(PY) benchmarks/pages.py $(ARGS)

example: $(TEST_SET_UP) ## run a real retailer's credit notes as returns: make example ARGS='FILE.csv.gz'
	@$(PY) examples/online_retail.py $(ARGS)

faults: $(TEST_SET_UP) ## kill every process at every step, and look that nothing is lost or doubled
	@$(PY) -m pytest tests/faults --durations=10 $(ARGS)

oracle: $(TEST_SET_UP) ## hold the calendar and the clocks against a count of another kind, a million times
	@$(PY) -m tests.oracle.campaign $(ARGS)

histories: $(TEST_SET_UP) ## record the golden histories anew, or those named in KINDS="…"
	@PYTHONPATH=.:tests $(PY) tests/replay/record.py $(KINDS)

docs: $(TEST_SET_UP) ## write docs/returns.md and docs/complaints.md anew, from what the program does
	@PYTHONPATH=.:tests:tests/contract $(PY) -m tests.guide.write

roles: $(RUN_SET_UP) ## print which role may call what, as the program itself has it
	@$(PY) -m returndesk roles

clean: ## remove the environment, the state folder and all caches of the checkout
	@rm -rf $(VENV) .state .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN_SET_UP): requirements.lock
	@$(call need_python)
	@$(call install,requirements.lock,returndesk,about a minute)
	@touch $@

$(TEST_SET_UP): requirements-test.lock
	@$(call need_python)
	@$(call install,requirements-test.lock,the tests,a minute or two)
	@touch $@ $(RUN_SET_UP)

# What there has to be before anything: said in a sentence, not in a traceback.
define need_python
command -v $(PYTHON) >/dev/null || \
  { echo "There is no $(PYTHON) here: install Python 3.11 or later, or say which one: make run PYTHON=…" >&2; exit 1; }; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
  { echo "$$($(PYTHON) --version) is too old: returndesk needs Python 3.11 or later. Say which one: make run PYTHON=python3.12" >&2; exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
  { echo "$$($(PYTHON) --version) has no venv or ensurepip: install it (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
endef

# A sound environment is kept, whichever Python made it: making it again on top would mix the two.
define install
echo "Setting up $(2) in $(VENV): $(3), once."; \
$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || \
  { echo "The environment $(VENV) could not be made: the lines above say why." >&2; exit 1; }; \
$(PIP) install --require-hashes -r $(1) || \
  { echo "The dependencies could not be installed: the lines above say why. Is there a network?" >&2; exit 1; }; \
echo "Set up: $$(grep -c '^[a-z0-9].*==' $(1)) pinned packages."
endef
