# `make demo` and `make test` set everything up by themselves; the rest is what CI and contributors run.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-all test-slow coverage lint wheel docs notebooks lab lab-test check release-check clean

demo: $(VENV)/ready
	$(BIN)/twofold demo

# Many processes import the same modules, and pytest rewrites the tests' assertions: compiled once, and kept.
unexport PYTHONDONTWRITEBYTECODE

# One process for each core, one thread in each.
PYTEST := $(BIN)/pytest -n auto --maxprocesses 8 --dist worksteal
COVERAGE :=

test: $(VENV)/ready
	$(BIN)/python tests/compile_ahead.py & $(PYTEST) -m "not slow" $(COVERAGE)

# Every triple of options, machine code compiled anew, kills, limits of memory: what takes too long for each change.
test-slow: $(VENV)/ready
	$(PYTEST) -m slow $(COVERAGE)

test-all: test test-slow

# What the tests reach, branches too; to trace it takes half as long again.
coverage:
	rm -f .coverage
	$(MAKE) test COVERAGE="--cov --cov-report= --cov-fail-under=0"
	$(MAKE) test-slow COVERAGE="--cov --cov-append --cov-report=term"

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The wheel, in an environment of its own, without PyTorch and with the source tree out of reach. What `make test` proves
# and the wheel can't change is left out: folders whose code needs nothing of PyTorch, and scikit-learn's checks.
NOT_OF_THE_WHEEL := --ignore=tests/plots --ignore=tests/solvers --ignore=tests/statistics --ignore=tests/tables \
  -k "not scikit_learn"

wheel: $(VENV)/ready
	rm -rf dist build/wheel
	$(BIN)/python -m build --wheel --outdir dist .
	mkdir -p build/wheel
	$(PYTHON) -m venv build/wheel/venv
	build/wheel/venv/bin/pip install --quiet --disable-pip-version-check "$$(ls dist/*.whl)[test]"
	here=$$(pwd); away=$$(mktemp -d); cp -r tests pyproject.toml README.md "$$away"; \
	cd "$$away" && { "$$here/build/wheel/venv/bin/python" tests/compile_ahead.py & \
	"$$here/build/wheel/venv/bin/python" -m pytest -n auto --maxprocesses 8 --dist worksteal \
	  -m "not slow" -p no:cacheprovider $(NOT_OF_THE_WHEEL) tests; }; \
	status=$$?; rm -rf "$$away"; exit $$status

# The site in build/site, both languages, and the lessons as executed notebooks in build/notebooks; needs no network.
docs: $(VENV)/docs-ready
	$(BIN)/python docs/build.py

notebooks: $(VENV)/docs-ready
	$(BIN)/python docs/build.py --notebooks

# The lab's page from its sources. The built page is committed, so that whoever installs the package needs no Node.js.
lab: web/node_modules
	cd web && npm run build

web/node_modules: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	touch $@

lab-test: web/node_modules $(VENV)/ready
	cd web && npm test && npm run e2e

check: lint test-all wheel

# A release as its users get it: from a clean clone, sdist and wheel, the wheel built from the sdist, installed where no
# source is in reach, with the README's examples and the demonstration run there.
release-check: $(VENV)/ready
	rm -rf build/release dist
	mkdir -p build/release
	git clone --quiet . build/release/clone
	cd build/release/clone && "$(CURDIR)/$(BIN)/python" -m build --outdir "$(CURDIR)/dist" .
	$(PYTHON) -m venv build/release/venv
	build/release/venv/bin/pip install --quiet --disable-pip-version-check -c constraints.txt \
	  "$$(ls dist/*.whl)[torch,test]"
	test "$$(build/release/venv/bin/twofold --version)" = "$$(sed -n 's/^## \([0-9.]*\).*/twofold \1/p' CHANGELOG.md | head -1)"
	away=$$(mktemp -d); tar -xzf dist/*.tar.gz -C "$$away" --strip-components 1; rm -rf "$$away/src"; \
	cd "$$away" && "$(CURDIR)/build/release/venv/bin/python" -m pytest -q -p no:cacheprovider tests/test_readme.py && \
	"$(CURDIR)/build/release/venv/bin/twofold" demo; status=$$?; rm -rf "$$away"; exit $$status

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[torch,dev]"
	touch $@

$(VENV)/docs-ready: $(VENV)/ready
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[torch,docs]"
	touch $@

clean:
	rm -rf $(VENV) build dist .coverage .mypy_cache .pytest_cache .ruff_cache
