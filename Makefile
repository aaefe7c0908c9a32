# `make run` and `make test` need only Python 3.11 or later and make. Targets with real engines need Java 17 and Maven.

PYTHON ?= python3
PORT ?= 8000
WS_PORT ?= 8001
DEMO_FILE ?= .chalice/local/demo.json
ENGINE ?= embedded
DATA_DIR ?= .chalice/local/data
N ?= 10000
SSO ?=
SSO_PORT ?= 8004
SEED ?= 1
EXAMPLES ?= 10
PHASES ?= examples,coverage,fuzzing,stateful
export PORT WS_PORT DEMO_FILE ENGINE DATA_DIR SSO SSO_PORT SWEEP

bin := .venv/bin
installed := .venv/installed
installed_dev := .venv/installed-dev
installed_browser := .venv/installed-browser
installed_fuzz := .venv/installed-fuzz
installed_agents := .venv/installed-agents
installed_bench := .venv/installed-bench
# Versions are pinned in constraints.txt, so a newer pip is not needed.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests start hundreds of processes, and each compiles all modules if none may keep them.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run federation-demo test fuzz chaos test-browser test-engines test-compared test-image test-mcp-conformance test-scim test-clients test-agents check format openapi clients widget docs console constraints package release deploy rollback diff stage bench bench-host doctor knative container-run clean

help: ## Show this help
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 22

run: $(installed) ## Start the whole system with demo data (PORT, WS_PORT, DEMO_FILE, ENGINE, DATA_DIR, SSO)
	@exec $(bin)/chalice local --port $(PORT)

federation-demo: $(installed) ## Start two desks that connect and share a task (takes half a minute)
	@$(bin)/python -m infra.federation_demo

test: check ## Run all checks, then all tests
	$(bin)/pytest

test-browser: $(installed_browser) ## Test the console in Chromium, and in Firefox and WebKit where installed
	$(bin)/pytest --numprocesses 0 -r s tests/browser

test-image: $(installed_dev) ## Check the files of the image, and carry out its steps without Docker
	$(bin)/pytest --numprocesses 0 tests/image

test-scim: $(installed_dev) ## Run the conformance suite of SCIM against a desk
	$(bin)/pytest -n 0 -s tests/system/test_scim.py

test-clients: $(installed_browser) ## Test clients, widget and the command fluxden against a desk (needs Node.js 20 or later)
	$(bin)/pytest -n 0 tests/clients tests/clients/served

test-agents: $(installed_dev) $(installed_agents) ## Test the examples of docs/agents.md with their SDKs and a fake model
	$(bin)/pytest -n 0 tests/agent_kits

test-mcp-conformance: $(installed_dev) ## Run the conformance suite of the Model Context Protocol (needs npx)
	$(bin)/python -m tests.mcp_conformance

fuzz: $(installed_fuzz) ## Call every operation with generated input (SEED, EXAMPLES, PHASES)
	$(bin)/python -m tests.fuzz --seed $(SEED) --examples $(EXAMPLES) --phases $(PHASES)

test-engines: $(installed_dev) ## Run the tests on DynamoDB Local and ElasticMQ (needs Java 17 and Maven)
	$(bin)/pytest --engine=real

test-compared: $(installed_dev) ## Run all tests, and compare every answer of the embedded engine with moto's own
	$(bin)/pytest --engine=compared

chaos: $(installed_dev) ## Send N events while everything fails at times (N, SEED; SWEEP=whole: every fault at every call)
	$(bin)/python -m tests.chaos $(N) --seed $(SEED)
ifeq ($(SWEEP),whole)
	$(bin)/pytest tests/laws/test_faults.py tests/laws/test_worker_faults.py tests/laws/test_socket_faults.py tests/laws/test_isolation.py tests/laws/test_random_walks.py tests/federation/connections/test_no_oracle.py tests/personal_data/test_erasure.py
endif

check: $(installed_dev) ## Check format, lint, types, import rules and generated files
	$(bin)/ruff format --check .
	$(bin)/ruff check .
	$(bin)/mypy
	$(bin)/lint-imports
	$(bin)/python -m infra.openapi --check
	$(bin)/python -m infra.clients --check
	$(bin)/python -m infra.docs --check

format: $(installed_dev) ## Format the code and fix lint errors
	-$(bin)/ruff check --fix .
	$(bin)/ruff format .

openapi: $(installed_dev) ## Regenerate the OpenAPI documents, and the clients from them
	$(bin)/python -m infra.openapi

clients: $(installed_dev) ## Regenerate what the clients have of the OpenAPI documents (needs Node.js 20 or later)
	$(bin)/python -m infra.clients

widget: ## Build the inbox widget for pages of a company (needs Node.js 20 or later)
	cd clients/typescript && npm ci --ignore-scripts && npm run --silent widget

docs: $(installed_dev) ## Regenerate the reference pages and the architecture picture in docs/
	$(bin)/python -m tests.support.store_call_counts
	$(bin)/python -m infra.docs

console: ## Rebuild the web console from infra/web (needs Node.js 20 or later)
	cd infra/web && npm ci --ignore-scripts && npm run build

constraints: ## Resolve all dependencies again into constraints.txt
	rm -rf .venv/resolve && $(PYTHON) -m venv .venv/resolve
	.venv/resolve/bin/pip install --quiet $(foreach each,browser fuzz bench,--requirement requirements-$(each).txt)
	(sed -n 1p constraints.txt && .venv/resolve/bin/pip freeze --exclude pip --exclude setuptools) > constraints.new
	mv constraints.new constraints.txt

package: $(installed_dev) ## Build zips and templates in build/ (PYTHON_VERSION=3.13, ARCHITECTURE=arm64)
	@$(bin)/python -m infra.package $(if $(PYTHON_VERSION),--python $(PYTHON_VERSION)) $(if $(ARCHITECTURE),--architecture $(ARCHITECTURE))

release: package ## Record the templates of a release, which later ones are compared with (NAME=)
	@$(bin)/python -m infra.release "$(NAME)"

deploy: stage package ## Deploy to AWS (STAGE=, PARAMETERS="Name=value …", OPTIONS=--at-once)
	@$(bin)/python -m infra.deploy up --stage $(STAGE) $(OPTIONS) $(PARAMETERS)

rollback: stage $(installed_dev) ## Bring the deployment before the last one back (STAGE=)
	@$(bin)/python -m infra.deploy rollback --stage $(STAGE)

diff: stage package ## Show what `deploy` would change (STAGE=, PARAMETERS=)
	@$(bin)/python -m infra.deploy diff --stage $(STAGE) $(PARAMETERS)

stage:
	@test -n "$(STAGE)" || { echo "STAGE is not set. Example: make deploy STAGE=prod"; exit 1; }

bench: package $(installed_bench) ## Measure CPU, cold starts, costs, growth and throughput, and write bench/results
	@for each in cpu cold_start warm functions costs growth throughput; do \
		echo "== $$each"; $(bin)/python -m bench.$$each || exit 1; \
	done
	@$(bin)/python -m bench.report

bench-host: $(installed_dev) ## Measure what one process of the container host holds, and what idle desks cost (STREAMS=500)
	@$(bin)/python -m bench.host $(STREAMS) && $(bin)/python -m bench.idle

doctor: $(installed) ## Check a running desk with a test event (URL=)
	@exec $(bin)/python -m infra.admin doctor $(if $(URL),--url $(URL))

knative: $(installed) ## Write build/knative.yaml: each function as a service that scales to zero (IMAGE=, HOST=)
	@$(bin)/python -m infra.knative $(if $(IMAGE),--image $(IMAGE)) $(if $(HOST),--host $(HOST))

container-run: $(installed) ## Serve on this machine with your own engines (PORT, WS_PORT, OPTIONS)
	@exec $(bin)/python -m infra.container --port $(PORT) --ws-port $(WS_PORT) $(OPTIONS)

clean: ## Remove everything that these targets created
	rm -rf .venv build infra/web/node_modules clients/typescript/node_modules clients/typescript/dist clients/typescript/build clients/widget/dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .chalice/local .chalice/deployments

$(installed): requirements.txt requirements-local.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Fluxden needs Python 3.11 or later. Set PYTHON to one.")'
	@test -x $(bin)/pip || { echo "Setting up .venv (once) …"; $(PYTHON) -m venv --clear .venv; }
	@$(bin)/pip install --quiet --requirement requirements-local.txt --constraint constraints.txt
	@touch $@

$(installed_dev): $(installed) requirements-dev.txt
	@$(bin)/pip install --quiet --requirement requirements-dev.txt --constraint constraints.txt
	@touch $@

$(installed_agents): requirements-agents.txt $(installed)
	@test -x .venv/agents/bin/pip || $(PYTHON) -m venv .venv/agents
	@.venv/agents/bin/pip install --quiet --requirement requirements-agents.txt
	@touch $@

$(installed_fuzz): $(installed_dev) requirements-fuzz.txt
	@$(bin)/pip install --quiet --requirement requirements-fuzz.txt --constraint constraints.txt
	@touch $@

$(installed_bench): $(installed_dev) requirements-bench.txt
	@$(bin)/pip install --quiet --requirement requirements-bench.txt --constraint constraints.txt
	@touch $@

$(installed_browser): $(installed_dev) requirements-browser.txt
	@$(bin)/pip install --quiet --requirement requirements-browser.txt --constraint constraints.txt
	@test -n "$$CHROMIUM" || command -v chromium > /dev/null || { \
		echo "Installing Chromium …"; \
		$(shell test "$$(id -u)" = 0 || echo sudo) apt-get update -qq; \
		$(shell test "$$(id -u)" = 0 || echo sudo) apt-get install -qq --yes --no-install-recommends chromium fonts-noto-cjk; }
	@touch $@
