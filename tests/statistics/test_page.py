"""The page ``docs/statistics.md`` runs as it stands."""

import re
from pathlib import Path

import pytest

pytest.importorskip("formulaic")
pytest.importorskip("pandas")

import twofold.statistics

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
needs_page = pytest.mark.skipif(not PAGE.is_file(), reason="the source tree is out of reach")


@needs_page
def test_the_page_runs_and_prints_what_it_says(capsys):
    text, space = PAGE.read_text(), {}
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), space)  # noqa: S102 - our own page
    out = capsys.readouterr().out
    assert "Linear model: y ~ x * group" in out
    printed = text.split("prints\n\n```\n")[1].split("```")[0]
    assert out.endswith(printed)


@needs_page
@pytest.mark.parametrize("name", twofold.statistics.__all__)
def test_every_public_function_stands_on_the_page(name):
    if name != "FAMILIES":
        assert f"{name}" in PAGE.read_text()
    assert getattr(twofold.statistics, name)
