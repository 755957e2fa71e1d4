# Needs Python 3.11+, git and make; every target makes the environment that it uses.
# Another interpreter: make PYTHON=python3.12 test
PYTHON ?= python3
export PYTHON

PINS := pyproject.toml scripts/install $(wildcard requirements/*.txt)
SOURCES := $(shell find src -name '*.py')

.PHONY: help demo test check bench docs test-lowest test-base

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

demo: .venv/ready ## the example and the local service: tasks run, a kill -9, recovery
	@"$(CURDIR)/.venv/bin/python" scripts/demo

test: .venv/ready ## every test, on the newest FastAPI
	scripts/test

check: .venv/ready ## ruff, mypy, pyright, the floors, version and changelog
	scripts/check

bench: .venv/ready ## ours against the peers, side by side
	scripts/bench

docs: .venv/ready ## the documentation, into site/
	scripts/docs

test-lowest: .venv-lowest/ready ## every test, on the lowest versions that are allowed
	VENV=.venv-lowest scripts/test

test-base: .venv-base/ready ## what works without the extras, on a bare install
	VENV=.venv-base scripts/test tests/base

.venv/ready: $(PINS)
	scripts/install .venv
	@touch $@

.venv-lowest/ready: $(PINS)
	scripts/install .venv-lowest constraints-lowest test
	@touch $@

.venv-base/ready: $(PINS) $(SOURCES)
	scripts/install .venv-base constraints-base test .
	@touch $@
