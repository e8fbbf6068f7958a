"""The page on the model file is true: its code runs, and it names every array and field there is."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from twofold import Network, open_engine, save_model
from twofold.data.scaling import Scaling
from twofold.network import Layer
from twofold.saving import Model
from twofold.saving.file import KEYS

PAGE = Path(__file__).parents[2] / "docs" / "model-file.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the source tree is out of reach")


def test_its_code_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    engine = open_engine("scratch", Network((4, 5, 3)), dtype="float64")
    save_model("model.safetensors", engine)
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL))
    names: dict = {}
    exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102 - our own page
    assert capsys.readouterr().out.splitlines()[0] == "(4, 5)"
    np.testing.assert_array_equal(names["arrays"]["layers.1.W"], engine.parameters()[1].W)


def test_it_names_every_field_and_array():
    page = PAGE.read_text()
    missing = [name for name in KEYS if f"`{name}`" not in page]
    missing += [name for name in (field.name for field in fields(Layer)) if f"`layers.K.{name}`" not in page]
    missing += [name for name in (field.name for field in fields(Scaling)) if f"`scaling.{name}`" not in page]
    assert missing == []
    assert {field.name for field in fields(Model)} == KEYS | {"parameters", "scaling", "arrays"}
