"""Figures that the documents quote are those that a benchmark printed and kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="the source tree is out of reach")


@pytest.fixture
def figures():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import figures

    yield figures
    sys.path.remove(str(ROOT / "benchmarks"))


PAGES = ("speed", "processes", "outgrowing", "dask", "tables", "lab")


@pytest.mark.parametrize("document", [*(f"docs/{page}.md" for page in PAGES), "README.md", "README.zh.md"])
def test_a_document_quotes_what_is_kept(figures, document):
    text = (ROOT / document).read_text(encoding="utf-8")
    assert document in figures.DOCUMENTS
    assert figures.update(document, text) == text
    assert "<!-- figures: " in text or figures.times_as_fast()[0] in text


def test_a_figure_that_was_typed_is_overwritten(figures):
    text = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    typed = text.replace(" | 1.00 |", " | 0.01 |", 1)
    assert typed != text == figures.update("docs/speed.md", typed)
    with pytest.raises(FileNotFoundError):
        figures.update("docs/speed.md", "<!-- figures: nothing -->\n<!-- end of figures -->")


def test_a_benchmark_that_was_never_run_leaves_word_how_to_run_it(figures, monkeypatch, tmp_path):
    monkeypatch.setattr(figures, "RESULTS", tmp_path)
    block = "<!-- figures: speedrun -->\n<!-- end of figures -->"
    assert "`python benchmarks/speedrun.py --save`" in figures.update("docs/speed.md", block)


def test_tables_fit_a_screen(figures, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    report = figures.Report("nothing", save=False)
    for path in sorted(figures.RESULTS.glob("*.json")):
        for table in figures.kept(path.stem)[1]:
            report.add(table)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("scikit-learn" in line for line in lines)


@pytest.mark.slow
@pytest.mark.torch
def test_the_checks_of_a_gpu_run_on_the_cpu_as_far_as_they_can():
    words = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), "--device", "cpu", "--checks-only"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no GPU here" in done.stdout
    assert "failed" not in done.stdout


@pytest.mark.torch
def test_the_model_of_a_step_on_hosts_is_that_of_the_page(figures):
    from several_hosts import PAYLOAD, Wire, seconds_of_step

    costs = {"compute": 8.0, "update": 1.0, "parameters": 1e6}
    assert seconds_of_step(1, Wire(1e6, 5.0), **costs) == 9.0
    assert seconds_of_step(4, Wire(8e6 / PAYLOAD, 0.5), **costs) == pytest.approx(2 + 1 + 1.5 + 7 * 0.5)
    assert seconds_of_step(4, Wire(1e99), crowd=2.0, **costs) == pytest.approx(2 * 3)
