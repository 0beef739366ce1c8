# The two commands of the README are `make demo` and `make test`; both set everything up first, in .venv.
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python

# What a program imports is compiled once, not at each of the many starts of a test run.
unexport PYTHONDONTWRITEBYTECODE

# One worker for each processor that this process may use; a worker that runs out of tests takes some of another's.
PYTEST := $(BIN)/pytest -n auto --dist worksteal

.PHONY: demo test quick coverage shuffle check bench docs dist lock pictures clean

demo: .venv/run.stamp
	@$(BIN)/lineament demo

test: .venv/dev.stamp debian
	@$(PYTEST)

# For the inner loop.
quick: .venv/dev.stamp
	@$(PYTEST) tests/unit

# Tracing makes every test slower, so that make test does without.
coverage: .venv/dev.stamp debian
	@$(PYTEST) --cov --cov-report=term:skip-covered

# In a random order; the seed is printed.
shuffle: .venv/dev.stamp debian
	@$(PYTEST) -p randomly

check: .venv/dev.stamp
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/bench.stamp
	@$(BIN)/python -m bench

# The screenshots in docs/pictures.
pictures: .venv/dev.stamp debian
	@$(BIN)/python -m bench.screenshots --readme
	@$(BIN)/python -m bench.screenshots

# The documentation as a site, in site/; every link is checked.
docs: .venv/uv.stamp
	@test -x .venv/docs/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python .venv/docs
	@$(BIN)/uv pip install --quiet --python .venv/docs/bin/python --require-hashes -r requirements-docs.lock
	@NO_MKDOCS_2_WARNING=1 .venv/docs/bin/mkdocs build --quiet --strict
	@echo "The documentation is in site/index.html"

# Wheel and sdist, in dist/; each has to install into an empty environment and pass `lineament demo` there.
dist: .venv/uv.stamp
	@rm -rf dist
	@$(BIN)/uv build --quiet --python $(BIN)/python --out-dir dist
	@PYTHON=$(BIN)/python .ci/dist

lock: .venv/uv.stamp
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-header --no-emit-index-url -p 3.11 pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url -p 3.11 pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url -p 3.11 --group docs -c requirements-dev.lock -o requirements-docs.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url -p 3.11 pyproject.toml --group bench --no-emit-package dlib --no-emit-package face-recognition-models -c requirements-dev.lock -o requirements-bench.lock

clean:
	rm -rf .venv dist site lineament-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage

.venv/uv.stamp:
	@echo "Setting up .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	@touch $@

.venv/run.stamp: .venv/uv.stamp requirements.lock pyproject.toml hatch_build.py src/lineament/index/native/scan.c
	@$(UV) --require-hashes -r requirements.lock
	@$(UV) --no-deps -e .
	@touch $@

.venv/dev.stamp: .venv/run.stamp requirements-dev.lock
	@$(UV) --require-hashes -r requirements-dev.lock
	@touch $@

.venv/bench.stamp: .venv/dev.stamp requirements-bench.lock
	@$(UV) --require-hashes --no-deps -r requirements-bench.lock
	@touch $@

# The tests of the pages drive Debian's Chromium, those of deploy/ ask systemd and run nginx, those of keys use SoftHSM;
# what is missing is installed if we may. nginx is only unpacked: installing it would start a server.
.PHONY: debian
debian: .venv/nginx/unpacked
	@missing=$$(command -v chromium >/dev/null || echo chromium; command -v systemd-analyze >/dev/null || echo systemd; \
	command -v softhsm2-util >/dev/null || echo softhsm2); \
	[ -z "$$missing" ] || { \
	  echo "Installing for the tests:" $$missing; \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; \
	  else echo "Install what is missing: sudo apt-get install" $$missing >&2; exit 1; fi; }

.venv/nginx/unpacked:
	@mkdir -p $(@D)
	@cd $(@D) && { command -v /usr/sbin/nginx >/dev/null || { \
	  apt-get download -qq nginx 2>/dev/null || { apt-get update -qq && apt-get download -qq nginx; } && dpkg -x nginx_*.deb .; }; }
	@touch $@
