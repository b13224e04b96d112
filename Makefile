# The first target that runs makes .venv, with exactly the versions in uv.lock.
UV := $(shell command -v uv || echo .uv/bin/uv)
LOCAL_UV := $(filter .uv/bin/uv,$(UV))
PYTHON := .venv/bin/python
READY := .venv/.made-from-lock
PEERS := .venv-peers/.made
# Without what Python keeps of its compilations, each process compiles TensorFlow's files anew.
unexport VIRTUAL_ENV UV_PROJECT_ENVIRONMENT PYTHONDONTWRITEBYTECODE

# A file of tests for each processor, in the order of tests/conftest.py, and each with one thread;
# four at most, since a process that trains takes two gigabytes.
TESTS := OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 $(PYTHON) -m pytest \
  --numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

.PHONY: help quick book pdf test test-browser mutants random-sets kills breaks bad-input load lab sweep bench bench-runs reproduce peers check audit clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

book: $(READY)  ## run the chapters and typeset them: _build/html/index.html
	@$(PYTHON) -m tools.book build
	@echo "The book: $(CURDIR)/_build/html/index.html"

pdf: $(READY)  ## the same, and print it as one PDF that its front page links to; takes a Chromium
	@$(PYTHON) -m tools.book pdf

test: $(READY)  ## run all tests but the browser's, then the chapters
	@$(TESTS)
	@$(PYTHON) -m tools.book execute

quick: check  ## in a minute: make check, and each test that is not marked slow
	@$(TESTS) -m "not slow"

# Times are measured last, when no other test runs.
test-browser: $(READY)  ## test the built book as a reader uses it, in the system's Chromium
	@$(PYTHON) -m pytest -n2 tests/browser --ignore tests/browser/test_measured.py
	@$(PYTHON) -m pytest tests/browser/test_measured.py

mutants: $(READY)  ## the part of make test that plants mistakes in the mathematics: a test must notice
	@$(TESTS) tests/library/test_mutants.py

random-sets: $(READY)  ## run chapter 6 with 200 sets of parameters drawn at random
	@VAE_LIB_RANDOM_SETS=200 $(TESTS) --dist=load tests/runs/test_random_parameters.py

kills: $(READY)  ## kill trainings and sweeps at 100 moments, evaluations, builds and reproductions at 10
	@VAE_LIB_KILLS=100 $(TESTS) -s tests/promises/test_kills.py -k killed

breaks: $(READY)  ## plant a mistake for each promise of the page promises.md: its test must notice
	@VAE_LIB_EVERY_BREAK=1 $(TESTS) tests/promises/test_breaks.py

bad-input: $(READY)  ## call functions with 17,000 odd arguments, and open 10,000 damaged files
	@VAE_LIB_CASES=12000 VAE_LIB_FILES=10000 $(PYTHON) -m pytest -q tests/promises/test_input.py tests/promises/test_files.py

# One after the other: seconds and memory are measured.
load: $(READY)  ## 2,000 runs in a report, 500 on a cluster, 100,000 pictures; the built book and 200 readers
	@VAE_LIB_LOAD=1 $(PYTHON) -m pytest -s tests/promises/test_load.py
	@VAE_LIB_READERS=200 $(PYTHON) -m pytest -s tests/browser/test_readers.py

lab: $(READY)  ## open your copies of the chapters in JupyterLab: my-chapters/
	@$(PYTHON) -m tools.copies
	@$(PYTHON) -m jupyterlab my-chapters/

sweep: $(READY)  ## run chapter 6 with other z_dim and seeds, and report: runs/report.html
	@$(PYTHON) -m vae_lib sweep --z-dim 1 2 5 10 20 50 100 --seeds 0 1 2 --out runs; \
	  status=$$?; $(PYTHON) -m vae_lib report runs; exit $$status

bench: $(READY)  ## measure how fast training is, beside other libraries: bench/results.json
	@$(PYTHON) -m bench

bench-runs: $(READY)  ## measure what many runs cost, and several machines: bench/many_runs.json
	@$(PYTHON) -m bench.many_runs

reproduce: $(READY)  ## train published models again, for days; stopped, it goes on: reproduction/*.json
	@$(PYTHON) -m reproduction

peers: $(PEERS)  ## install PyTorch and JAX for the benchmark, into .venv-peers

check: $(READY) $(LOCAL_UV)  ## check style, imports, types, the chapters' pairs and the lock file
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@said=$$(.venv/bin/lint-imports --no-cache --no-logo) || { echo "$$said"; exit 1; }
	@$(PYTHON) -m mypy
	@$(PYTHON) -m tools.pairs
	@$(UV) lock --check --quiet

audit: | $(LOCAL_UV)  ## ask osv.dev which of the versions in uv.lock have known vulnerabilities
	@$(UV) audit --frozen --preview-features audit-command

clean:  ## remove what was built and all caches; .venv stays
	@rm -rf _build .book .mypy_cache .pytest_cache .ruff_cache chapters/.ruff_cache
	@find . \( -name '.venv*' -o -name .uv \) -prune -o -name __pycache__ -prune -exec rm -rf {} +

# Without the stamp an environment is half made: it is made anew.
$(READY): uv.lock pyproject.toml | $(LOCAL_UV)
	@test -e $(READY) || rm -rf .venv
	@echo "Installing the versions in uv.lock into .venv …"
	@$(UV) sync --frozen --quiet
	@touch $(READY)

# Not with uv, whose lock file is for the book alone. pip's own settings hold: PyTorch has builds
# for the CPU only, much smaller, in an index of its own, and PIP_EXTRA_INDEX_URL can name it.
$(PEERS): bench/peers.txt | $(READY)
	@echo "Installing the versions in bench/peers.txt into .venv-peers …"
	@rm -rf .venv-peers && $(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet -r bench/peers.txt
	@touch $(PEERS)

.uv/bin/uv:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed, as python3: see https://www.python.org/downloads/." >&2; exit 1; }
	@echo "Installing uv into .uv …"
	@rm -rf .uv && python3 -m venv .uv && .uv/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r tools/uv.txt
