# Needs Python 3.11+, git and make; every target makes the environment that it uses.
# Another interpreter: make PYTHON=python3.12 test
PYTHON ?= python3
export PYTHON

PINS := pyproject.toml scripts/install $(wildcard requirements/*.txt)
SOURCES := $(shell find src -name '*.py')

.PHONY: help demo test test-slow test-loops lint format check bench docs test-lowest test-base

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

demo: .venv/ready ## the example and the local service: tasks run, a kill -9, recovery
	@"$(CURDIR)/.venv/bin/python" scripts/demo

test: .venv/ready ## the tests, on the newest FastAPI
	scripts/test

test-slow: .venv/ready ## the slow ones: kills, storms, fuzz, many processes
	scripts/test -m slow

test-loops: .venv/ready ## what runs on an event loop, on uvloop and with eager tasks
	scripts/test-loops

lint: .venv/ready ## ruff and the floors: the quick part of check
	scripts/lint

format: .venv/ready ## mend what ruff can mend
	scripts/format

check: .venv/ready ## lint, and mypy and pyright for every Python, version and changelog
	scripts/check

bench: .venv/ready ## ours against the peers, side by side
	scripts/bench

docs: .venv/ready ## the documentation, into site/
	scripts/docs

test-lowest: .venv-lowest/ready ## the tests, on the lowest versions that are allowed
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
