# make demo   swap a face in a small video, from nothing
# make ui     the page in a browser
# make train-demo   train every recipe for some steps, from nothing
# make test   run the tests, from nothing
# make check  lint and types
# make docs   the documentation as a site, in site/
# make bench  the benchmarks behind docs/performance.md

PYTHON ?= python3
VENV := .venv/bin/python

.PHONY: ui demo train-demo test check docs bench clean

demo: .venv/.installed
	$(VENV) examples/make_demo.py
	$(VENV) inference.py --source_paths demo/source.png --target_faces_paths demo/target_face.png \
	  --target_video demo/target.mp4 --out_video_name demo/result.mp4 --overwrite
	$(VENV) examples/contact_sheet.py demo/target.mp4 demo/result.mp4 demo/contact_sheet.png

ui: .venv/.installed-dev
	$(VENV) -m videoswap ui

train-demo: .venv/.installed-dev
	PYTHONPATH=. $(VENV) examples/train_demo.py

test: .venv/.installed-dev
	OMP_NUM_THREADS=1 $(VENV) -m pytest -n 2 --dist worksteal

check: .venv/.installed-dev
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy

docs: .venv/.installed-dev
	$(VENV) -m mkdocs build --strict --quiet

bench: .venv/.installed-dev
	$(VENV) benchmarks/exactness.py
	$(VENV) benchmarks/memory.py
	$(VENV) benchmarks/identity.py
	$(VENV) benchmarks/speed.py
	$(VENV) benchmarks/generator.py --threads 2

.venv/.installed: requirements.txt requirements-insightface.txt pyproject.toml scripts/install.py
	$(PYTHON) scripts/install.py
	touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	$(PYTHON) scripts/install.py --dev
	touch $@

clean:
	rm -rf demo site .pytest_cache .mypy_cache .ruff_cache
