"""Memory: what a table from a stranger takes is bounded by its size and its cells, and refused before it is taken."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from twofold import Model, Network, open_engine, save_model
from twofold.errors import DataError, FileFormatError
from twofold.tables import reading
from twofold.tables.column_inference import Choices
from twofold.tables.frames import MAX_COLUMNS
from twofold.tables.reading import read_table
from twofold.tables.table_plan import learn_table
from twofold.tables.targets import Target

pytestmark = pytest.mark.slow

MEBIBYTE = 1 << 20
LONG = "x" * MEBIBYTE
SMALL = 64 * MEBIBYTE  # allowed here, in place of 256 MiB: the same code, in less memory

DICTIONARY = {"dictionary_pagesize_limit": 1 << 22}  # or such a text would not be in one

# What is in a file is decoded by whoever reads it; each of these is a few kilobytes, and many times `SMALL` decoded.
BOMBS = {
    "one long text": (lambda: pa.table({"a": [LONG] * 500}), DICTIONARY),
    "one long text in two row groups": (lambda: pa.table({"a": [LONG] * 500}), DICTIONARY | {"row_group_size": 250}),
    "long texts that begin alike": (
        lambda: pa.table({"a": [LONG + str(k % 10) for k in range(200)]}),
        {"use_dictionary": False, "column_encoding": {"a": "DELTA_BYTE_ARRAY"}},
    ),
    "a constant": (lambda: pa.table({"a": np.zeros(10_000_000)}), {}),
    "nothing at all": (lambda: pa.table({"a": pa.nulls(10_000_000, pa.float64())}), {}),
    "constants in lists": (lambda: pa.table({"a": pa.array([np.zeros(5_000_000), np.zeros(5_000_000)])}), {}),
    "wide bytes": (lambda: pa.table({"a": pa.array([LONG.encode()] * 100, pa.binary(MEBIBYTE))}), {}),
}

PEAK = """
import resource, sys
from twofold.errors import DataError
from twofold.tables import reading
from twofold.tables.frames import MAX_COLUMNS
reading.MAX_ALWAYS_ALLOWED_BYTES = {allowed}
reading.MAX_UNPACKING_RATIO = 0
import pyarrow.csv, pyarrow.dataset, pandas

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    table = reading.read_table({path!r})
    print("read", table.nbytes, end=" ")
except DataError as error:
    print("refused", 0, end=" ")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def peak(path, allowed=SMALL) -> tuple[str, int, int]:
    """Read a table in a process of its own; return what came of it, its bytes, and those that it took."""
    script = PEAK.format(path=str(path), allowed=allowed)
    environment = os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    what, size, most = done.stdout.split()
    return what, int(size), int(most)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is counted otherwise there")
@pytest.mark.parametrize("where", ["file", "folder"])
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_file_that_decodes_to_far_more_than_its_size_is_refused_before_it_does(tmp_path, bomb, where):
    make, options = BOMBS[bomb]
    table = make()
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, compression="zstd", **options)
    assert path.stat().st_size < SMALL / 10
    what, _, most = peak(path if where == "file" else tmp_path)
    assert (what, most < 2 * SMALL) == ("refused", True), most


def test_a_refusal_says_how_much_it_would_be(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_ALWAYS_ALLOWED_BYTES", SMALL)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [LONG] * 200}), path, compression="zstd", **DICTIONARY)
    with pytest.raises(DataError, match=r"a\.parquet: its cells are at least 201 MiB .* 64 MiB are allowed"):
        read_table(path)


def test_lists_are_left_where_they_are(tmp_path):
    pq.write_table(pa.table({"l": [["a"], None], "x": [1, 2], "s": [{"a": 1}, None]}), tmp_path / "a.parquet")
    table = read_table(tmp_path / "a.parquet")
    assert table.column_names == ["l", "x", "s"]
    assert table.column("x").to_pylist() == [1, 2]
    assert table.column("l").null_count == table.column("s").null_count == 2


def test_texts_come_back_whatever_their_encoding(tmp_path):
    words = ["a", None, "bc", "a"] * 100
    for encoding in ("PLAIN", "DELTA_BYTE_ARRAY", None):
        options = {"use_dictionary": False, "column_encoding": {"a": encoding}} if encoding else {}
        pq.write_table(pa.table({"a": words}), tmp_path / "a.parquet", row_group_size=150, **options)
        table = read_table(tmp_path / "a.parquet")
        assert table.column("a").to_pylist() == words
        assert table.schema.field("a").type == pa.string()


# Rows, how long a cell is, and how many columns: of one size, about 1 MB.
SHAPES = {"long": (250_000, 3, 1), "square": (500, 3, 500), "wide": (4, 3, 50_000), "one cell": (2, 500_000, 1)}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is counted otherwise there")
@pytest.mark.parametrize("shape", SHAPES)
def test_lines_take_memory_by_their_bytes_and_cells(tmp_path, shape):
    rows, length, columns = SHAPES[shape]
    names = ",".join(f"c{k}" for k in range(columns))
    line = ",".join(["1" * length] * columns)
    path = tmp_path / "a.csv"
    path.write_text("\n".join([names, *[line] * rows]))
    what, _, most = peak(path, allowed=1 << 28)
    assert what == "read"
    assert most < 40 * path.stat().st_size + 64 * MEBIBYTE + 8192 * columns, most


def test_a_zero_byte_anywhere_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" + b"x,1\n" * 50_000 + b"y\0z,2\n" + b"x,1\n")
    with pytest.raises(FileFormatError, match="not a table: it holds bytes that no text has"):
        read_table(path)


def test_a_file_of_a_million_columns_is_refused_at_once(tmp_path):
    path = tmp_path / "million.csv"
    path.write_text(",".join(f"c{k}" for k in range(1_000_000)) + "\n" + ",".join(["1"] * 1_000_000) + "\n")
    with pytest.raises(DataError, match=r"million\.csv: 1000000 columns; at most 100000 are read"):
        read_table(path)
    table = pa.table({f"c{k}": [1.0] for k in range(MAX_COLUMNS + 1)})
    pq.write_table(table, tmp_path / "wide.parquet")
    with pytest.raises(DataError, match="100001 columns; at most 100000 are read"):
        read_table(tmp_path / "wide.parquet")


# Rows whose features, at 4 bytes each, are several times what the process may take beyond what it has at the start.
LIMITED = """
import resource, sys
from pathlib import Path
import pyarrow.csv, pyarrow.dataset, pyarrow.parquet
from twofold.cli import main
from twofold.saving import load_model
from twofold.tables import read_table
from twofold.tables.problem import encoder_from_dict

model, file, output, most = *sys.argv[1:4], int(sys.argv[4])
trained = load_model(model)
plan, _ = encoder_from_dict(trained.encoder)
main(["predict", model, file.replace("all", "few"), "-o", output])
main(["evaluate", model, file.replace("all", "few")])
data = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (data * 1024 + most, resource.RLIM_INFINITY))
try:
    plan.encode(read_table(Path(file)), "float32")
except MemoryError:
    sys.exit(main(["predict", model, file, "-o", output]) or main(["evaluate", model, file]))
sys.exit("all features fit")
"""


def model_of_many_features(table: pa.Table) -> Model:
    plan = learn_table(table.drop_columns("y"), Choices(pieces=32))
    network = Network((len(plan.features), 8, 1), loss="squared")
    encoder = {"plan": plan.to_dict(), "target": Target("y", "regression").to_dict()}
    parameters = open_engine("scratch", network, dtype="float32").parameters()
    return Model(network=network, parameters=parameters, target="y", features=plan.features, encoder=encoder)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited otherwise there")
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_predict_and_evaluate_take_memory_for_a_block_of_rows_whatever_their_number(tmp_path, ending):
    n, most = 450_000, 192 * MEBIBYTE  # a few blocks, and what is read ahead while another program has the cores
    rng = np.random.default_rng(0)
    table = pa.table({f"x{k}": rng.normal(size=n).round(3) for k in range(10)} | {"y": rng.normal(size=n)})
    model = model_of_many_features(table.slice(0, 5000))
    assert n * model.network.inputs * 4 > 2.9 * most
    model_file = tmp_path / "model.safetensors"
    save_model(model_file, model)
    for name, part in (("few", table.slice(0, 50_000)), ("all", table)):
        (csv.write_csv if ending == "csv" else pq.write_table)(part, tmp_path / f"{name}.{ending}")
    file, output = tmp_path / f"all.{ending}", tmp_path / "out.parquet"
    words = [sys.executable, "-c", LIMITED, str(model_file), str(file), str(output), str(most)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert pq.read_metadata(output).num_rows == n
