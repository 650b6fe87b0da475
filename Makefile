# The only list of commands: people, hooks and CI call the same targets.

PYTHON ?= python3
# Where pip finds torch for `make run`. Empty: pip's own index; on Linux that holds the GPU build, several GB.
TORCH_INDEX ?=
TORCH ?= torch==2.13.0
# A directory with the four MNIST files; `make train` downloads them there when it is empty.
MNIST_DATA ?= data
# The folder of the model that `make run` serves and `make check` tries: a class in a file of its name, or a package in two
# halves with a pyproject.toml.
MODEL ?= models/mnist

RUN := .venv-run
DEV := .venv
UNIT := .venv-unit
PIP := -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt
INDEX := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
SERVICES := -e services/bridge -e services/pictures -e services/api -e services/worker -e services/embedded -e services/client
MODELS := $(foreach project,$(wildcard models/*/pyproject.toml),-e '$(dir $(project))[api,worker]')
MODEL_NAME := $(notdir $(MODEL:/=))
MODEL_PROJECT := $(wildcard $(MODEL)/pyproject.toml)
MODEL_NEEDS := $(addprefix --requirement ,$(wildcard $(MODEL)/requirements.txt))
ifneq ($(MODEL_PROJECT),)
MODEL_NEEDS := -e '$(MODEL)[api,worker]'
endif
MODEL_ENV := PYTHONPATH=$(MODEL)$${PYTHONPATH:+:$$PYTHONPATH}
MODEL_CLASS := $(if $(MODEL_PROJECT),$(MODEL_NAME)_model.predict,$(subst -,_,$(MODEL_NAME)))
# The tests of a model that is a folder of files; the options of this repository are not for them.
MODEL_TESTS := $(if $(MODEL_PROJECT),,$(wildcard $(MODEL)/test_*.py))
MODEL_PYTEST := --quiet --config-file /dev/null --rootdir '$(MODEL)' -p no:cacheprovider \
	--override-ini asyncio_mode=auto --override-ini asyncio_default_fixture_loop_scope=function
define CHECK_PYTHON
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "this needs Python 3.11 or later, and $(PYTHON) is not; name another, such as PYTHON=python3.12"; exit 1; }
endef
PROJECTS := $(wildcard services/*/pyproject.toml models/*/pyproject.toml)
# The packages of the models that are a folder of files.
REQUIREMENTS := $(wildcard models/*/requirements.txt)
CODE := services models training tests chaos benchmarks samples keda charts release lint

.DEFAULT_GOAL := help
.PHONY: help run new check unit quick test lint format train bench test-gpu bench-gpu chaos e2e e2e-quick manifests wheels version version-set clean plan servers cluster-tools

# What needs no torch, and of that what needs no server.
UNIT_PACKAGES := inference_bridge inference_pictures inference_api inference_client mnist_model.prepare
UNIT_SERVICES := -e services/bridge -e services/pictures -e services/api -e services/client $(foreach project,$(wildcard models/*/pyproject.toml),-e '$(dir $(project))[api]')
UNIT_TESTS := -m "not servers" tests/unit/test_imports.py tests/unit/bridge tests/unit/pictures tests/unit/api tests/unit/client \
	tests/unit/models/mnist/test_prepare.py tests/unit/models/mnist/test_steps.py tests/unit/models/mnist/test_morphology.py \
	tests/unit/release tests/contract
COVERAGE := --cov-report= $(UNIT_PACKAGES:%=--cov=%)
# Whole files, so that what a module starts is started once; each process has its own RabbitMQ and Redis.
SHARED := --numprocesses 2 --dist loadfile --no-loadscope-reorder
E2E := -m pytest --timeout 1200 --capture no --tb short
QUICK := tests/e2e/test_burst.py tests/e2e/test_busy_workers.py

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

run: $(RUN)/$(MODEL_NAME).installed  ## serve on http://127.0.0.1:8000 in one process, on the CPU, without RabbitMQ and Redis
	@$(RUN)/bin/python samples/make_pictures.py build/samples >/dev/null
	@exec env $(MODEL_ENV) INFERENCE_MODEL=$(MODEL_CLASS) $(RUN)/bin/python -m inference_embedded

new: $(RUN)/installed  ## make models/NAME, the folder of a new model; KIND=picture, tensor, text, json or file
	@$(RUN)/bin/python -m inference_worker new "$(NAME)" $(if $(KIND),--kind $(KIND))

check: $(RUN)/$(MODEL_NAME).installed  ## try the model of MODEL: its example, batches, bad inputs, times, tests
	@$(MODEL_ENV) $(RUN)/bin/python -m inference_worker check $(MODEL_CLASS) $(ARGS)
	@$(if $(MODEL_TESTS),$(MODEL_ENV) $(RUN)/bin/python -m pytest $(MODEL_PYTEST) $(MODEL_TESTS))

unit: $(UNIT)/installed  ## run the tests that need neither torch nor a server; ARGS=path::test runs one
ifneq ($(filter tests/%,$(ARGS)),)
	@$(UNIT)/bin/python -m pytest -m "not servers" $(ARGS)
else
	@$(UNIT)/bin/python -m pytest --numprocesses auto $(COVERAGE) $(UNIT_TESTS) $(ARGS)
	@echo "coverage, branches included: $$($(UNIT)/bin/coverage report --format total) % of $(UNIT_PACKAGES)"
endif

quick: $(UNIT)/checks  ## check style and types of what needs no torch, then make unit
	@$(UNIT)/bin/ruff format --check $(CODE)
	@$(UNIT)/bin/ruff check $(CODE)
	@$(UNIT)/bin/mypy $(UNIT_PACKAGES:%=--package %)
	@$(MAKE) --no-print-directory unit

test: plan $(DEV)/installed servers  ## run every test but those in a cluster, against a RabbitMQ and a Redis of its own
	@MNIST_DATA=$(abspath $(MNIST_DATA)) $(DEV)/bin/python -m pytest $(if $(filter tests/% models/%,$(ARGS)),,$(SHARED)) $(ARGS)

lint: $(DEV)/installed  ## check style, types and the habits of our prose
	@$(DEV)/bin/ruff format --check $(CODE)
	@$(DEV)/bin/ruff check $(CODE)
	@$(DEV)/bin/mypy
	@$(DEV)/bin/python lint/habits.py

format: $(DEV)/installed  ## format the code
	@$(DEV)/bin/ruff check --fix --quiet $(CODE)
	@$(DEV)/bin/ruff format $(CODE)

train: $(DEV)/installed  ## train the network, write its weights and the model card
	@$(DEV)/bin/python -m mnist_training.train --data $(MNIST_DATA) $(ARGS)

bench: plan $(DEV)/installed servers  ## measure throughput and latency on this machine
	@$(DEV)/bin/python -m benchmarks.bench $(ARGS)

test-gpu: $(DEV)/installed  ## test the worker on a GPU; skips where there is none
	@$(DEV)/bin/python -m pytest tests/gpu $(ARGS)

bench-gpu: $(DEV)/installed  ## measure the worker on a GPU, write docs/gpu.md
	@$(DEV)/bin/python -m benchmarks.gpu

chaos: plan $(DEV)/installed servers  ## inject every fault under load, write docs/reliability.md (about 75 minutes)
	@MNIST_DATA=$(abspath $(MNIST_DATA)) PYTHONPATH=models/voice $(DEV)/bin/python -m chaos $(ARGS)

e2e: $(DEV)/installed cluster-tools  ## test the chart in a kind cluster (KEEP=1 keeps it), write docs/scaling.md
	@$(DEV)/bin/python $(E2E) $(or $(ARGS),tests/e2e)
	@$(if $(ARGS),,$(DEV)/bin/python -m tests.e2e.page)

e2e-quick: $(DEV)/installed cluster-tools  ## the same, only scaling and workers that go
	@$(DEV)/bin/python $(E2E) $(QUICK)

manifests:  ## write keda/manifests from the chart (needs helm)
	@sh keda/manifests.sh

wheels:  ## build the wheels, install them apart from the checkout and run the unit tests against them
	@$(CHECK_PYTHON)
	@$(if $(TORCH_INDEX),PIP_EXTRA_INDEX_URL=$(TORCH_INDEX)) sh release/wheels.sh $(PYTHON) "$(TORCH)"

version:  ## print the version; fail where a file has another
	@$(PYTHON) release/version.py

version-set:  ## write the version V into every file that names it
	@$(PYTHON) release/version.py "$(V)"

cluster-tools:
	@sh tests/e2e/tools.sh

# Before anything is installed.
plan:
	@[ -e $(DEV)/installed ] || echo "$(DEV) is not there yet: pip will install requirements-dev.txt into it, with a torch of several GB if it is the GPU build"
	@sh tests/support/servers.sh --plan

servers:
	@sh tests/support/servers.sh

clean:  ## remove everything that was installed or built here
	rm -rf $(RUN) $(DEV) $(UNIT) build .pytest_cache .mypy_cache .ruff_cache .hypothesis

# pytest is for `make check`; serving needs no torchvision.
$(RUN)/installed: constraints.txt $(wildcard services/*/pyproject.toml)
	@$(CHECK_PYTHON)
	@echo "installing into $(RUN), once; this takes about a minute"
	@$(PYTHON) -m venv $(RUN)
	@$(RUN)/bin/python $(PIP) $(INDEX) "$(TORCH)" setuptools pytest pytest-asyncio
	@$(RUN)/bin/python $(PIP) --no-build-isolation $(SERVICES)
	@touch $@

# A model that needs torchvision gets the torch that belongs to it, whatever TORCH says.
$(RUN)/$(MODEL_NAME).installed: $(RUN)/installed $(wildcard $(MODEL)/pyproject.toml $(MODEL)/requirements.txt)
	@[ -d "$(MODEL)" ] || { echo "there is no folder $(MODEL); make new NAME=$(MODEL_NAME) makes it"; exit 1; }
	@$(if $(MODEL_NEEDS),$(RUN)/bin/python $(PIP) $(INDEX) --no-build-isolation $(MODEL_NEEDS))
	@touch $@

$(UNIT)/installed: constraints.txt requirements-unit.txt $(PROJECTS)
	@$(CHECK_PYTHON)
	@echo "installing into $(UNIT), once; this takes less than a minute"
	@$(PYTHON) -m venv $(UNIT)
	@$(UNIT)/bin/python $(PIP) --requirement requirements-unit.txt
	@$(UNIT)/bin/python $(PIP) --no-build-isolation $(UNIT_SERVICES)
	@touch $@

$(UNIT)/checks: $(UNIT)/installed
	@$(UNIT)/bin/python $(PIP) mypy ruff types-pika-ts
	@touch $@

$(DEV)/installed: constraints.txt requirements-unit.txt requirements-dev.txt training/pyproject.toml $(PROJECTS) $(REQUIREMENTS)
	@$(CHECK_PYTHON)
	@echo "installing into $(DEV), once; this takes a few minutes"
	@$(PYTHON) -m venv $(DEV)
	@$(DEV)/bin/python $(PIP) --requirement requirements-dev.txt $(REQUIREMENTS:%=--requirement %)
	@$(DEV)/bin/python $(PIP) --no-build-isolation $(SERVICES) $(MODELS) -e training
	@touch $@
