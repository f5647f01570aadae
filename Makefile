# Each target sets up what it needs by itself; the second time that costs nothing.
ifeq ($(OS),Windows_NT)
PYTHON_RUN := .venv/Scripts/python.exe
SETUP := powershell -ExecutionPolicy Bypass -File scripts/setup.ps1
else
PYTHON_RUN := .venv/bin/python
SETUP := scripts/setup.sh
endif

.PHONY: demo test test-all lint ruff types bench soak train clean

demo: ## play our own piece into a live show; ends with demo.mp4, demo.png and a table
	@$(SETUP) demo
	@$(PYTHON_RUN) demo/run.py

test: ## what CI runs: lint, types, and every test that is not slow
	@$(SETUP) test
	@$(MAKE) --no-print-directory lint
	@$(PYTHON_RUN) scripts/test.py

test-all: ## the slow tests too
	@$(SETUP) test
	@$(MAKE) --no-print-directory lint
	@$(PYTHON_RUN) scripts/test.py -m "slow or not slow"

lint: ruff types

ruff:
	@$(PYTHON_RUN) -m ruff check .
	@$(PYTHON_RUN) -m ruff format --check -q .

types: ## mypy as on each system: a name that only POSIX has is an error for win32
	@$(PYTHON_RUN) -m mypy --platform linux
	@$(PYTHON_RUN) -m mypy --platform darwin --cache-dir .mypy_cache/darwin
	@$(PYTHON_RUN) -m mypy --platform win32 --cache-dir .mypy_cache/win32

bench: ## milliseconds stage by stage, torch beside ours where it is installed
	@$(SETUP) demo
	@$(PYTHON_RUN) -m livemusviz bench

soak: ## ten minutes of faders, prompts and presets, then a table of what grew; SOAK=3h for longer
	@$(SETUP) test
	@$(PYTHON_RUN) benchmarks/soak.py $(or $(SOAK),10m)

train: ## make the embedded model again from nothing; resumes after an interruption
	@$(SETUP) train
	@$(PYTHON_RUN) -m training.train
	@$(PYTHON_RUN) -m training.encode
	@$(PYTHON_RUN) -m training.export
	@$(PYTHON_RUN) -m training.retext
	@$(PYTHON_RUN) -m training.export --run training/runs/third
	@$(PYTHON_RUN) -m training.refine --words training/runs/third/words.json
	@$(PYTHON_RUN) -m training.export --run training/runs/refined
	@$(PYTHON_RUN) -m training.grid
	@$(PYTHON_RUN) -m training.figures

clean:
	rm -rf .venv dist build out demo.mp4 demo.png demo.json demo.jsonl
