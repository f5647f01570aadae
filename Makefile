# Each target sets up what it needs by itself; the second time that costs nothing.
PYTHON_RUN := .venv/bin/python

.PHONY: demo test test-all lint bench train clean

demo: ## play our own piece into a live show; ends with demo.mp4, demo.png and a table
	@scripts/setup.sh demo
	@$(PYTHON_RUN) demo/run.py

test: ## what CI runs: lint, types, and every test that is not slow
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory lint
	@$(PYTHON_RUN) -m pytest

test-all: ## the slow tests too
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory lint
	@$(PYTHON_RUN) -m pytest -m "slow or not slow"

lint:
	@$(PYTHON_RUN) -m ruff check .
	@$(PYTHON_RUN) -m ruff format --check -q .
	@$(PYTHON_RUN) -m mypy

bench: ## milliseconds stage by stage, torch beside ours where it is installed
	@scripts/setup.sh demo
	@.venv/bin/livemusviz bench

train: ## make the embedded model again from nothing; resumes after an interruption
	@scripts/setup.sh train
	@$(PYTHON_RUN) -m training.train
	@$(PYTHON_RUN) -m training.encode
	@$(PYTHON_RUN) -m training.export
	@$(PYTHON_RUN) -m training.grid
	@$(PYTHON_RUN) -m training.figures

clean:
	rm -rf .venv dist build out demo.mp4 demo.png demo.json demo.jsonl
