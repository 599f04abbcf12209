# Each target is one script in scripts/, which does the same without make.
PORT ?= 8501
ARGS ?=
export PORT

.DEFAULT_GOAL := help
.PHONY: help run demo tour compare test test-slow lint bench screenshots clean

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1 ~\2/p' Makefile | awk -F'~' '{printf "%-18s %s\n", $$1, $$2}'

run: ## Start the dashboard and the collector on http://127.0.0.1:8501 (PORT=… for another port)
	@sh scripts/run.sh $(ARGS)

demo: ## Run LangGraph applications to look at, for five minutes (ARGS="--seconds 0 --pace 20")
	@sh scripts/demo.sh $(ARGS)

tour: ## A chatbot before and after tuning, side by side (ARGS=--keep: for the dashboard to show)
	@sh scripts/tour.sh $(ARGS)

compare: ## Compare InMemory, SQLite, Redis, PostgreSQL and MongoDB on throwaway servers (ARGS="--turns 50")
	@sh scripts/compare.sh $(ARGS)

test: ## Lint, types, and all tests but the slow ones (ARGS="-k name")
	@sh scripts/test.sh $(ARGS)

test-slow: ## The long fault runs
	@sh scripts/test.sh --slow $(ARGS)

lint: ## ruff and mypy
	@sh scripts/lint.sh

bench: ## Measure; results as JSON in build/ (ARGS=--quick)
	@sh scripts/bench.sh $(ARGS)

screenshots: ## Take the pictures of README and docs anew (ARGS="costs alerts")
	@sh scripts/screenshots.sh $(ARGS)

clean: ## Remove .venv and everything generated here; measured data stays
	@sh scripts/clean.sh
