import json
import os
import re
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from twofold import __version__
from twofold.data.nist import NIST_SETS, load_nist
from twofold.errors import DataNotFoundError, FileFormatError
from twofold.inspect import certify_peers
from twofold.inspect.certify import certify, correct_digits
from twofold.inspect.certify_peers import Peer

DATA = Path(os.environ.get("TWOFOLD_NIST_DIR", Path(__file__).parents[3] / "shared" / "data" / "nist-strd"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"NIST's sets are not in {DATA}")


@needs_data
def test_this_installation_has_thirteen_digits():
    found = certify(DATA)
    assert [row.name for row in found.rows] == list(NIST_SETS)
    assert found.least >= 13
    assert min(row.standard_errors for row in found.rows) >= 13
    assert found.libraries == {"twofold": __version__}


@needs_data
def test_peers_stand_beside_it_in_table_and_json(capsys):
    found = certify(DATA, peers=True, sets=["filip", "longley"])
    rows = {(row.name, row.library): row for row in found.rows}
    assert rows["filip", "scikit-learn"].coefficients < 1  # as measured when this was asked for: 0.0
    assert rows["longley", "statsmodels"].coefficients == pytest.approx(10.9, abs=1.5)
    assert rows["longley", "numpy"].standard_errors is None
    assert found.libraries["numpy"] == metadata.version("numpy")
    assert json.loads(json.dumps(found.to_dict()))["rows"][0]["library"] == "twofold"
    Console(width=80).print(found)
    shown = capsys.readouterr().out
    assert f"twofold {__version__}" in shown
    coefficients, errors = shown.split("The worst standard error")
    assert re.search(rf"longley[ │]+{rows['longley', 'twofold'].coefficients:.1f} ", coefficients)
    assert re.search(rf"longley[ │]+{rows['longley', 'twofold'].standard_errors:.1f} ", errors)
    assert "learn" in coefficients
    assert "learn" not in errors.partition("twofold 0")[0]  # which has none


@needs_data
def test_a_peer_that_fails_or_is_missing_is_no_peer(monkeypatch):
    def fail(_):
        raise np.linalg.LinAlgError

    missing = {"no_such_library": Peer(fail, "no.such.library"), "no_such": Peer(fail, "no_such", is_program=True)}
    monkeypatch.setattr(certify_peers, "PEERS", {"numpy": Peer(fail, "numpy"), **missing})
    found = certify(DATA, peers=True, sets=["norris"])
    assert found.rows[1].coefficients is None
    assert set(found.libraries) == {"twofold", "numpy"}


@needs_data
@pytest.mark.parametrize("name", ["R", "dask", "pyspark"])
def test_r_dask_and_spark_are_measured_where_they_are_installed(monkeypatch, name):
    peer = certify_peers.PEERS[name]
    if not peer.is_installed:
        pytest.skip(f"{name} is not installed")
    monkeypatch.setattr(certify_peers, "PEERS", {name: peer})
    found = certify(DATA, peers=True, sets=["longley", "noint1"])
    rows = [row for row in found.rows if row.library == name]
    assert min(row.coefficients for row in rows) > 6
    assert all(row.standard_errors is None for row in rows) == (name == "dask")
    assert found.libraries[name][0].isdigit()


@needs_data
@pytest.mark.skipif(not certify_peers.PEERS["R"].is_installed, reason="R is not installed")
def test_r_leaves_a_column_of_filip_out_and_so_has_no_answer(monkeypatch):
    monkeypatch.setattr(certify_peers, "PEERS", {"R": certify_peers.PEERS["R"]})
    found = certify(DATA, peers=True, sets=["filip"])
    assert found.rows[1].coefficients is None


def test_digits_are_those_of_the_worst():
    assert correct_digits(np.array([1.0, 2.0002]), ["1.0", "2.0"]) == pytest.approx(4, abs=1e-9)
    assert correct_digits(np.array([1e-20]), ["0.0"]) == 15
    assert correct_digits(np.array([1.0]), ["1.0"]) == 15
    assert correct_digits(np.array([np.nan]), ["1.0"]) == 0
    assert correct_digits(np.array([-5.0]), ["1.0"]) == 0


def test_folders_without_the_sets(tmp_path):
    with pytest.raises(DataNotFoundError, match=r"norris\.json: cannot be read; give the folder"):
        certify(tmp_path)
    (tmp_path / "norris.json").write_text("no")
    with pytest.raises(FileFormatError, match=r"norris\.json: not JSON: "):
        load_nist("norris", tmp_path)
    (tmp_path / "norris.json").write_text("{}")
    with pytest.raises(FileFormatError, match=r"norris\.json: not a certified set: "):
        load_nist("norris", tmp_path)
