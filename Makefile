# Every target prints its seconds; `make` alone prints this list.
SHELL := /bin/bash
PY := .venv/bin/python
export PYTHONPATH := platform:.
timed = @s=$$SECONDS; set -o pipefail; $(1); c=$$?; echo "$@: $$((SECONDS - s)) s"; exit $$c

.PHONY: help setup lint types floors test crash crash-ci simulate simulate-ci plant chaos chaos-ci hosts life drift drill bench bench-spine bench-probes bench-pages bench-streams browser axe screenshots soak demo demo-check docs migrations

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## a virtual environment with everything, at the tried versions
	$(call timed,python3 -m venv .venv && $(PY) -m pip install -q -c constraints.txt -e '.[dev]')

lint: ## ruff, format included
	$(call timed,.venv/bin/ruff check . && .venv/bin/ruff format --check .)

types: ## mypy, strict
	$(call timed,.venv/bin/mypy)

floors: ## imports go down
	$(call timed,.venv/bin/lint-imports)

test: ## the whole suite on real PostgreSQL and Valkey
	$(call timed,$(PY) -m pytest -n 2 --dist loadfile -q)

crash: ## kill and freeze workers at ten points of every kind of step, in both pools, on both databases
	$(call timed,$(PY) -m tests.crash.matrix $(ARGS))

crash-ci: ## a sample of it, drawn by the commit
	$(call timed,$(PY) -m tests.crash.matrix --ci)

simulate: ## the engine under a seeded scheduler, 1,500 seeds and 200 on PostgreSQL, and with each guard taken out
	$(call timed,$(PY) -m tests.simulate $(ARGS))

simulate-ci: ## some seeds, drawn by the commit
	$(call timed,$(PY) -m tests.simulate --seeds 40 --seeds-on-postgresql 16 --no-controls)

plant: ## faults planted in a copy of the engine: which test finds each, and how soon
	$(call timed,$(PY) -m tests.simulate.plant)

chaos: ## 1,000 deployments in a storm, and twelve other bad days with their promises
	$(call timed,$(PY) -m tests.chaos $(ARGS))

chaos-ci: ## two of the bad days
	$(call timed,$(PY) -m tests.chaos --brief)

hosts: ## workers on several machines: one cut off, one killed; throughput with 1, 2, 4 and 8
	$(call timed,$(PY) -m tests.hosts $(ARGS))

drift: ## what somebody changes on a target is found; 300 clean tenants show nothing
	$(call timed,$(PY) -m tests.drift.walk)

life: ## one tenant from its first day to its last
	$(call timed,$(PY) -m tests.life.walk)

drill: ## the server is gone: export, import elsewhere, deploy all, compare
	$(call timed,$(PY) -m tests.life.drill)

bench: ## the engine beside its peers, growth, waiting, latency, a slow API
	$(call timed,$(PY) -m benchmarks.peers_venv && $(PY) -m benchmarks.run all --full $(ARGS))

soak: ## half an hour of steady load: what grows
	$(call timed,$(PY) -m benchmarks.soak $(ARGS))

bench-spine: ## what a step costs us
	$(call timed,$(PY) -m benchmarks.spine)

bench-probes: ## what watching 3,000 services costs
	$(call timed,$(PY) -m benchmarks.probes)

bench-pages: ## every page over 1,000 tenants and 4 million log lines: time, queries, bytes
	$(call timed,$(PY) -m benchmarks.pages $(ARGS))

bench-streams: ## 200 open timelines: what they cost a plain request, and from commit to pixel
	$(call timed,$(PY) -m benchmarks.streams $(ARGS))

browser: ## the panel in a real browser, as people use it
	$(call timed,$(PY) -m pytest -q -m browser $(ARGS))

axe: ## axe-core on every page, light and dark, wide and narrow
	$(call timed,$(PY) -m tests.looks.axe $(ARGS))

screenshots: ## every page, light and dark, wide and narrow, into docs/screenshots
	$(call timed,$(PY) -m tests.looks.shots $(ARGS))

demo: ## everything on this machine
	$(PY) -m tenantry demo

demo-check: ## the same, until the sample tenants run
	$(call timed,$(PY) -m tenantry demo --check)

docs: ## the pages that are generated from the code
	$(call timed,$(PY) docs/generate.py)

migrations: ## migrations run up and down on both databases, without drift
	$(call timed,$(PY) -m pytest -q tests/house -k migrations)
