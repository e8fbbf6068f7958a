"""The page ``docs/dask.md`` runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import twofold.dask

pytest.importorskip("dask.dataframe", reason="Dask is not installed: pip install 'twofold[dask]'")
PAGE = Path(__file__).parents[2] / "docs" / "dask.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="the source tree is out of reach")


def run(blocks, names):
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102 - our own page


@pytest.fixture
def ran(capsys, tmp_path, monkeypatch, here):
    """The page's text, its blocks, and the names that those before the cluster's have left."""
    monkeypatch.chdir(tmp_path)
    text, names = PAGE.read_text(encoding="utf-8"), {"__name__": "__main__"}
    made, used, cluster = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    run([made, used], names)
    assert capsys.readouterr().out == text.split("prints\n\n```\n")[1].split("```")[0]
    return cluster, names


def test_the_page_prints_what_it_says(ran):
    assert "LocalCluster" in ran[0]


@pytest.mark.slow
def test_its_cluster_gives_the_same_bits(ran):
    cluster, names = ran
    run([cluster], names)
    assert names["again"] is not names["model"]


@pytest.mark.parametrize("name", twofold.dask.__all__)
def test_every_public_function_stands_on_the_page(name):
    assert f"`{name}" in PAGE.read_text(encoding="utf-8")
