# Every target makes what it needs first: .venv with the pinned packages, and a browser. See scripts/setup.sh.

ready := .venv/.ready
bin := .venv/bin
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help demo test check lint browser bench-browsergym clean

help:
	@echo "make demo     watch the bundled agent learn: three rounds over MiniWoB++ tasks, about ten minutes, no key"
	@echo "              make demo MODEL=openai/gpt-5-mini                                with a hosted model"
	@echo "              make demo MODEL=hosted_vllm/NAME BASE_URL=http://localhost:8000/v1   with your own server"
	@echo "make test     run the tests, those in a real browser included; those of the sandbox need bubblewrap and a container"
	@echo "              engine and are skipped without (as root: scripts/engine.sh start DIR gives you one)"
	@echo "make check    format, lint and types first, then the tests"
	@echo "make bench-browsergym   the side-by-side run against BrowserGym, in an environment of its own"
	@echo "make clean    remove .venv and what tools cached; runs/ stays"

demo: $(ready) browser
	$(bin)/agentkit demo $(if $(MODEL),--model '$(MODEL)') $(if $(BASE_URL),--base-url '$(BASE_URL)') $(ARGS)

test: $(ready) browser
	$(bin)/pytest $(ARGS)

check: lint test

lint: $(ready)
	$(bin)/ruff format --check .
	$(bin)/ruff check .
	$(bin)/mypy

browser: $(ready)
	@scripts/setup.sh browser

bench-browsergym: $(ready) browser
	$(bin)/python tests/benchmarks/browsergym/compare.py $(ARGS)

clean:
	rm -rf .venv .venv-* build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(ready): pyproject.toml constraints.txt scripts/setup.sh
	@scripts/setup.sh packages
