# What people and CI both call. `make` alone lists it.
#
# Nothing is needed but Python 3.11 to 3.13 with venv: uv goes into .bootstrap, all else into .venv.

PYTHON ?= python3
UV := .bootstrap/bin/uv
# Named, or uv would install into an environment that the caller has activated.
INTO := --python .venv/bin/python
TOOLS := .bootstrap/.made
RUN_SET := .venv/.synced-run
DEV_SET := .venv/.synced-dev
RING := not processes and not browser
WHOLE := (processes or browser) and not chaos
CHAOTIC := chaos and processes
QUICK := $(RING) and not postgres and not thorough

# Certificates that an administrator installed count, as they do for pip on most systems.
export UV_SYSTEM_CERTS ?= true
# The Python that was asked for is the one that is used; uv would fetch another.
export UV_PYTHON_DOWNLOADS := never

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-all check chaos soak bench clean lock

help:
	@echo 'make run     start Runyard here; ARGS="--workers 0" and the like go to "runyard up"'
	@echo 'make test    the tests, in ten minutes; TESTS=tests/backend for some'
	@echo 'make test-all   those that vary what others hold, too'
	@echo 'make check   format, lint, types and the quick tests'
	@echo 'make chaos   every goal of reliability with its full counts, about an hour; CHAOS=tests/chaos/test_handover.py for some'
	@echo 'make soak    half an hour of work, and whether memory, files and the log stay flat; RUNYARD_SOAK_MINUTES for others'
	@echo 'make bench   the measurements; BENCH=benchmarks/start.py for one'
	@echo 'make lock    make the lock files again from pyproject.toml'
	@echo 'make clean   remove what was installed and built here; your runs and data stay'

run: $(RUN_SET)
	@exec .venv/bin/runyard up $(ARGS)

test: $(DEV_SET)
	@bash tests/install_chromium.sh
ifdef TESTS
	.venv/bin/python -m pytest $(TESTS)
else
	.venv/bin/python -m pytest -n auto --maxprocesses 4 -m "$(RING) and not full"
	# Each starts whole Runyards and mostly waits for them: a few files at a time.
	.venv/bin/python -m pytest -n 3 --dist loadfile -m "$(WHOLE) and not full"
	# Apart: in a process whose browser tests leave an event loop running, these can start none of their own.
	.venv/bin/python -m pytest -n 3 --dist loadfile -m "$(CHAOTIC) and not full"
endif

test-all: $(DEV_SET)
	@bash tests/install_chromium.sh
	.venv/bin/python -m pytest -n auto --maxprocesses 4 -m "$(RING)"
	.venv/bin/python -m pytest -n 3 --dist loadfile -m "$(WHOLE)"
	.venv/bin/python -m pytest -n 3 --dist loadfile -m "$(CHAOTIC)"

check: $(DEV_SET)
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/basedpyright
	.venv/bin/python -m pytest -n auto --maxprocesses 4 -m "$(QUICK)"

chaos: $(DEV_SET)
	@.venv/bin/python -m tests.chaos $(CHAOS)

soak: $(DEV_SET)
	@.venv/bin/python -m tests.chaos tests/chaos/test_soak.py

bench: $(DEV_SET)
	@.venv/bin/python -m benchmarks $(BENCH)

lock: $(TOOLS)
	$(UV) pip compile pyproject.toml --python .bootstrap/bin/python --universal --generate-hashes --no-emit-index-url --no-header \
		--extra worker --quiet -o requirements.lock
	$(UV) pip compile pyproject.toml --python .bootstrap/bin/python --universal --generate-hashes --no-emit-index-url --no-header \
		--extra worker --extra dev -c requirements.lock --quiet -o requirements-dev.lock
	# The service's image has no torch.
	$(UV) pip compile pyproject.toml --python .bootstrap/bin/python --universal --generate-hashes --no-emit-index-url --no-header \
		-c requirements.lock --quiet -o requirements-api.lock

clean:
	rm -rf .venv .bootstrap .pytest_cache .ruff_cache .hypothesis build dist test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is removed before its work begins and made when all of it is done: what failed is done again.
$(TOOLS): requirements-uv.txt
	@command -v $(PYTHON) >/dev/null || { echo "Runyard needs Python 3.11 to 3.13, and there is no $(PYTHON): install it or name another with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo "Runyard needs Python 3.11 to 3.13, and $(PYTHON) is $$($(PYTHON) -c 'import platform; print(platform.python_version())'): name another with PYTHON=python3.12 or the like."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Runyard needs Python's venv module: install the package python3-venv."; exit 1; }
	@rm -rf .bootstrap
	@$(PYTHON) -m venv .bootstrap
	@.bootstrap/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements-uv.txt
	@touch $@

# The development set holds the run set, so it counts as both.
$(RUN_SET): requirements.lock pyproject.toml $(TOOLS)
	@rm -f $(RUN_SET) $(DEV_SET)
	@[ -x .venv/bin/python ] || $(UV) venv --quiet --clear --python .bootstrap/bin/python .venv
ifeq ($(TORCH),cpu)
# Untried: the CPU builds of torch come from an index of their own, with other hashes than the lock's.
	UV_TORCH_BACKEND=cpu $(UV) pip install $(INTO) --no-verify-hashes --compile-bytecode -c requirements.lock -e '.[worker]'
else
	@echo 'Installing what requirements.lock names (about 5 GB, most of it torch with CUDA) ...'
	@$(UV) pip sync $(INTO) --require-hashes --compile-bytecode requirements.lock
	@$(UV) pip install $(INTO) --quiet --offline --no-deps -e .
endif
	@touch $@

$(DEV_SET): requirements-dev.lock requirements.lock pyproject.toml $(TOOLS)
	@rm -f $(RUN_SET) $(DEV_SET)
	@[ -x .venv/bin/python ] || $(UV) venv --quiet --clear --python .bootstrap/bin/python .venv
	@echo 'Installing what requirements-dev.lock names (about 5 GB, most of it torch with CUDA) ...'
	@$(UV) pip sync $(INTO) --require-hashes --compile-bytecode requirements-dev.lock
	@$(UV) pip install $(INTO) --quiet --offline --no-deps -e .
	@touch $(RUN_SET) $@
