# make demo   learn Yin-Yang with first spikes, in under a minute, and draw what came out
# make test   the test suite
# make lint   style and types
# make docs   the site, into build/site/index.html
# make sanitize   tests of engine, models and hardware under the address and undefined-behaviour sanitizers (gcc)
#
# Each sets up its own virtual environment in .venv; needs Python >= 3.11, a C compiler and make.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# A test's name says what it does; its arguments are fixtures, need no types, and are wrong on purpose now and then.
TESTS_MAY := --allow-untyped-defs --allow-incomplete-defs --allow-untyped-calls --no-check-untyped-defs \
             --allow-subclassing-any --no-warn-return-any --no-warn-unused-ignores --disable-error-code arg-type --disable-error-code union-attr
# All at once: they are in no package, so each has a name of its own.
TESTS := $(filter-out %conftest.py reference/%,$(patsubst tests/%,%,$(wildcard tests/*.py tests/*/*.py tests/*/*/*.py)))

.PHONY: demo test lint types docs sanitize clean

demo: $(VENV)/.installed
	mkdir -p demo
	$(BIN)/eventsim run fast-and-deep --preset quick -o demo/quick.h5 --overwrite
	$(BIN)/eventsim show demo/quick.h5
	$(BIN)/eventsim plot demo/quick.h5 --what training -o demo/training.png
	$(BIN)/eventsim plot demo/quick.h5 --what raster -o demo/raster.png
	@echo "the file is demo/quick.h5, the plots are demo/training.png and demo/raster.png"

test: $(VENV)/.tested
	$(BIN)/python -P -m pytest

lint: $(VENV)/.linted types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(abspath $(BIN)):$$PATH" cython-lint eventsim models hardware io scenarios benchmarks

# The second finds the package already checked by the first: same options, same places to look.
types: $(VENV)/.linted
	cd tests && MYPYPATH=. ../$(BIN)/mypy --config-file ../pyproject.toml $(TESTS_MAY) -p eventsim
	@cd tests && MYPYPATH=. ../$(BIN)/mypy --config-file ../pyproject.toml $(TESTS_MAY) $(TESTS)

# Pages, gallery (its pictures are made by the build) and API reference; a warning is an error.
docs: $(VENV)/.documented
	MPLBACKEND=Agg OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -b html -q -W --keep-going docs build/site
	@echo "the site is build/site/index.html"

# Compiled into a folder of its own, which comes before the package that is installed. Leaks are not looked for:
# Python itself leaves memory behind. A finding ends the tests; the place in C is in build/sanitize/finding.*.
SANITIZED := build/sanitize
SANITIZED_TESTS ?= tests/engine tests/models tests/hardware
# The address sanitizer sees what the checks that are left out would see, and they are most of the time to compile.
# memcpy(NULL, NULL, 0) of empty arrays is meant (nonnull-attribute).
SANITIZER := -fsanitize=address,undefined \
             -fno-sanitize=null,alignment,object-size,pointer-overflow,vptr,nonnull-attribute \
             -fno-sanitize-recover=undefined -fno-omit-frame-pointer

sanitize: $(VENV)/.tested
	CFLAGS="$(SANITIZER)" LDFLAGS="$(SANITIZER)" \
	  $(BIN)/python setup.py --quiet build --build-base $(SANITIZED) --build-lib $(SANITIZED)/lib
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	  ASAN_OPTIONS=detect_leaks=0:log_path=$(abspath $(SANITIZED))/finding \
	  UBSAN_OPTIONS=print_stacktrace=1:log_path=$(abspath $(SANITIZED))/finding PYTHONPATH=$(SANITIZED)/lib \
	  $(BIN)/python -P -m pytest -p no:cacheprovider $(SANITIZED_TESTS)

clean:
	rm -rf $(VENV) build demo

# One stamp for each set of packages, so that the second time starts at once. Compiled sources are
# prerequisites, because an editable install does not notice that they have changed.
SOURCES := setup.py pyproject.toml $(foreach deep,*/ */*/ */*/*/,$(wildcard $(deep)*.pyx $(deep)*.pxd $(deep)*.h))

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "eventsim needs Python >= 3.11; name one with: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Compiled in the open, where it says how far it is; pip, which would be silent, then takes what is there.
$(VENV)/.built: $(VENV)/bin/python $(SOURCES)
	$(PIP) $$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])')
	$(BIN)/python setup.py --quiet build_ext --inplace
	touch $@

$(VENV)/.installed: $(VENV)/.built
	$(PIP) --no-build-isolation -e .
	touch $@

$(VENV)/.tested: $(VENV)/.built
	$(PIP) --no-build-isolation -e '.[test]'
	touch $@ $(VENV)/.installed

$(VENV)/.documented: $(VENV)/.built
	$(PIP) --no-build-isolation -e '.[docs]'
	touch $@ $(VENV)/.installed

$(VENV)/.linted: $(VENV)/.tested
	$(PIP) --no-build-isolation -e '.[quality]'
	touch $@
