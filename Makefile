# The door to everything. Needs Python 3.11 or newer with venv, and make; all else is fetched into .venv.
# What the door itself does is told on standard error, so that --json stays clean.
# Options are passed on: make demo ARGS="--headless --cases 100 --json", make test ARGS="-k router".

PYTHON ?= python3
ARGS ?=
# Processes that share the tests among them; with 0 they run in one. One more than cores: many tests wait for servers.
WORKERS ?= 3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
PYTEST = $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
MEMBERS := shared services/inference services/router services/review services/audit services/audit/verifier services/feedback deploy/local
PROJECTS := pyproject.toml $(MEMBERS:%=%/pyproject.toml)
# What installs waits for another that does so here; a second one in the middle of it found half of everything.
FLOCK := $(shell command -v flock)
ALONE := $(FLOCK:%=% Makefile)
# Versions and hashes come from the lock, for the members' build tools too; the members themselves are editable.
# Compiled at once: five services and every test process would compile the same libraries at their first start.
INSTALL := $(ALONE) $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python \
	--constraints requirements.lock --build-constraints requirements.lock $(MEMBERS:%=--editable %)
# Ours as well: five services start at once, and each would compile what they share.
COMPILE := $(BIN)/python -m compileall -q -j 0 -x node_modules $(MEMBERS)
CONSOLE := services/review/countersign_review/console/index.html
CONSOLE_SOURCES := $(shell find services/review/console -name node_modules -prune -o -type f -print 2>/dev/null) \
	$(wildcard shared/contracts/openapi/*.json)

# Without a home that can be written to, as in many containers, the tools keep what they fetch beside what they build.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export UV_CACHE_DIR ?= $(CURDIR)/$(VENV)/cache/uv
export npm_config_cache ?= $(CURDIR)/$(VENV)/cache/npm
export PIP_NO_CACHE_DIR ?= 1
endif

# Containers like to set this; then every service, started hundreds of times by the tests, compiles itself each time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo dev test ready unit check contracts console bench lock clean tools

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime $(CONSOLE) ## the whole system on this machine, with real loan applications arriving
	@$(BIN)/countersign demo $(ARGS)

dev: $(VENV)/.dev $(CONSOLE) ## the same without demo cases, restarted when a source file changes
	@$(BIN)/countersign dev $(ARGS)

test: ## everything: all tests on real parts, check beside them (about ten minutes on two cores)
	@$(MAKE) --no-print-directory --jobs 3 ready
	@status=0; $(MAKE) --no-print-directory check >$(VENV)/check.log 2>&1 & check=$$!; \
	$(PYTEST) $(ARGS) || status=1; wait $$check || status=1; cat $(VENV)/check.log; exit $$status

ready: $(VENV)/.dev $(CONSOLE) tools

unit: WORKERS = 2
unit: $(VENV)/.dev ## the quick tests: no sockets, seconds
	@$(PYTEST) tests/unit $(ARGS)

check: $(VENV)/.dev ## style, types and the laws of who may import whom
	@status=0; for tool in "ruff check ." "ruff format --check ." mypy lint-imports; do \
		echo "$$tool"; $(BIN)/$$tool || status=1; \
	done; exit $$status

contracts: $(VENV)/.dev ## write AsyncAPI, OpenAPI and .env.example again from their sources
	$(BIN)/python -m countersign_local.contracts

console: $(CONSOLE) ## the reviewers' console, built when its sources changed

bench: $(VENV)/.dev ## throughput, latency and memory on a real Kafka
	@$(BIN)/countersign bench $(ARGS)

lock: $(UV) ## write requirements.lock: names, versions, hashes, no addresses (ARGS=--upgrade: newer ones)
	$(UV) lock --quiet $(ARGS)
	$(UV) export --quiet --frozen --all-packages --all-groups --all-extras --no-emit-workspace \
		--no-header --no-annotate --output-file requirements.lock
	@! grep --quiet '://' requirements.lock

clean: ## remove what the targets above made here
	rm -rf $(VENV) services/review/console/node_modules services/review/countersign_review/console
	rm -rf .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(ALONE) sh -c "test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
		$(BIN)/python -m ensurepip --upgrade >/dev/null && $(BIN)/python -m pip install --quiet 'uv>=0.9,<1'"

$(VENV)/.runtime: requirements.lock $(PROJECTS) | $(UV)
	@echo "Installing what a running system needs into $(VENV) ..." >&2
	@$(INSTALL)
	@$(COMPILE)
	@touch $@

$(VENV)/.dev: requirements.lock $(PROJECTS) | $(UV)
	@echo "Installing what a running system and its tests need into $(VENV) ..." >&2
	@$(INSTALL) --group dev
	@$(COMPILE)
	@touch $@ $(VENV)/.runtime

$(CONSOLE): $(CONSOLE_SOURCES) | $(UV)
	@UV=$(UV) VENV=$(VENV) $(FLOCK:%=% services/review/console/package.json) deploy/local/build-console.sh >&2
	@touch $@

# Programs that some tests need. Root on Debian gets them; elsewhere those tests are skipped and counted by reason.
TOOLS := chromium-headless-shell:chromium-headless-shell promtool:prometheus java:default-jre-headless mvn:maven
tools:
	@missing=; for tool in $(TOOLS); do command -v $${tool%%:*} >/dev/null || missing="$$missing $${tool#*:}"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "Not on this machine:$$missing. Tests that cannot do without are skipped."; exit 0; fi; \
	echo "Installing$$missing ..."; \
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing; } \
		>/dev/null 2>&1 || echo "That did not work. The tests that need them are skipped."
