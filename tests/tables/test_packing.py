"""Packed tables: they train to the file of the table in memory, in whole chunks or not at all, and say what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from twofold.cli import main
from twofold.data import data_hash
from twofold.errors import FileFormatError, TwofoldError
from twofold.inspect.hard_rows import worst_rows
from twofold.inspect.importance import column_importance
from twofold.inspect.table_rows import TableRows
from twofold.saving import load_model
from twofold.tables import packing, read_table
from twofold.tables.column_inference import Choices
from twofold.tables.packed import open_packed
from twofold.tables.packing import Packing, pack_table

MEBIBYTE = 1 << 20


def columns(n: int, seed: int = 0) -> dict[str, object]:
    """Columns of all kinds, and two targets."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n).round(3)
    day = (np.datetime64("2020-01-01") + rng.integers(0, 900, n)).astype(str)
    number = z + np.where(rng.random(n) < 0.5, 1.0, 0.0)
    return {
        "z": pa.array(np.where(rng.random(n) < 0.1, np.nan, z), from_pandas=True),
        "color": np.array(["red", "green", "blue"])[rng.integers(0, 3, n)].tolist(),
        "code": [f"0{k}" for k in rng.integers(0, 9, n)],
        "yes": np.array(["yes", "no"])[rng.integers(0, 2, n)].tolist(),
        "day": day.tolist(),
        "amount": [f"{a:.2f} EUR" for a in rng.gamma(2, 100, n)],
        "w": rng.uniform(0.5, 2, n).round(2).tolist(),
        "y": [None if k % 50 == 7 else float(value) for k, value in enumerate(number.round(2))],
        "grade": (1 + (z > 0) + (number > 1)).tolist(),
    }


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("packing") / "all.csv"
    csv.write_csv(pa.table(columns(400)), path)
    return path


def how(target: str, **more) -> Packing:
    words = {"target": target, "settle": lambda *_: (Choices(pieces=4), 0.1), "numbered": lambda *_: {}}
    return Packing(**(words | more))


WORDS = {
    "numbers": ("--target", "y", "--drop", "grade"),
    "classes": ("--target", "grade", "--drop", "y"),
    "weights": ("--target", "y", "--weight", "w", "--drop", "grade"),
    "a part of the columns": ("--target", "y", "--features", "z,day", "--test-fraction", "0.3"),
    "kinds and gaps": ("--target", "y", "--kinds", "code=number", "--gaps", "red,1"),
}


@pytest.mark.parametrize("words", WORDS)
def test_a_packed_table_trains_to_the_file_of_the_table_in_memory(capsys, table, tmp_path, words):
    how_to = ("--epochs", "2", "--engine", "scratch")
    own = (*WORDS[words], "--validation-fraction", "0.1", "--no-refit", "--members", "1")
    memory, packed = tmp_path / "memory.safetensors", tmp_path / "packed.safetensors"
    assert main(["train", "mlp", str(table), *own, "--save", str(memory), *how_to]) == 0
    assert (
        main(["pack", str(table), "-o", str(tmp_path / "all.csv"), *WORDS[words], "--validation-fraction", "0.1"]) == 0
    )
    capsys.readouterr()
    assert main(["train", "mlp", str(tmp_path / "all.csv"), "--window", "0", "--save", str(packed), *how_to]) == 0
    assert packed.read_bytes() == memory.read_bytes()
    assert "test set, " in capsys.readouterr().out
    windows = ("--window", "100", *how_to)
    assert main(["train", "mlp", str(table), *own, "--save", str(memory), *windows]) == 0
    assert main(["train", "mlp", str(tmp_path / "all.csv"), "--save", str(packed), *windows]) == 0
    assert packed.read_bytes() == memory.read_bytes()


@pytest.mark.parametrize("words", ["numbers", "classes"])
def test_the_rows_of_a_packed_table_are_told_as_those_of_the_table_in_memory(capsys, table, tmp_path, words):
    folder, file, page = tmp_path / "packed", tmp_path / "m.safetensors", tmp_path / "r.html"
    assert main(["pack", str(table), "-o", str(folder), *WORDS[words]]) == 0
    results = ("--save", str(file), "--report", str(page))
    assert main(["train", "mlp", str(folder), "--epochs", "2", "--engine", "scratch", *results]) == 0
    model, packed = load_model(file), open_packed(folder)
    found = TableRows.of_packed(model, packed.problem().data.test, 1000)
    cells = read_table(table, text=["code"])
    whole = TableRows.of(model, cells.select([*found.cells.column_names, packed.target.name]))
    pairs = zip(found.X, found.y, strict=True)
    places = [np.flatnonzero((whole.X == X).all(axis=1) & (whole.y == y))[0] for X, y in pairs]
    rows = TableRows.of(model, whole.cells.take(places))
    np.testing.assert_array_equal(found.X, rows.X)
    np.testing.assert_array_equal(found.y, rows.y)
    assert column_importance(found) == column_importance(rows)
    own, others = ([(each.actual, each.predicted) for each in worst_rows(them)] for them in (found, rows))
    assert own == others
    again = packed.plan.encode(found.cells, model.dtype)[0]
    np.testing.assert_array_equal(again, found.X)  # cells say all that the codes do
    text = page.read_text(encoding="utf-8")
    assert "Rows of the packed test set, counted from 0" in text
    assert text.count("<figure>") >= 5
    assert "evenly spread" not in text


def test_the_report_of_many_packed_rows_looks_at_some_of_them_and_says_so(capsys, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("twofold.cli.report.MAX_STORED", 60)
    page = tmp_path / "r.html"
    assert main(["train", "mlp", str(folder), "--epochs", "2", "--report", str(page), "--json"]) == 0
    every = open_packed(folder).sizes["test"]
    text = page.read_text(encoding="utf-8")
    assert f"On the test set, {every} rows that were not trained on" in text
    assert f"is of 60 rows, evenly spread over the {every}." in text


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("target", ["y", "grade"])
def test_a_table_in_chunks_has_each_row_once(table, tmp_path, monkeypatch, target, ending):
    path = tmp_path / f"all.{ending}"
    whole = csv.read_csv(table, convert_options=csv.ConvertOptions(column_types={"code": pa.string()}))
    if ending == "csv":
        path.write_bytes(table.read_bytes())
    else:
        pq.write_table(whole, path, row_group_size=70)
    monkeypatch.setattr(packing, "CHUNK_ROWS", 90)
    packed = pack_table(path, tmp_path / "packed", how(target, weight="w"), lambda _line: None)
    assert 80 < packed.learned <= 90
    rows = whole.filter(pa.compute.is_valid(whole.column(target)))
    assert packed.rows == rows.num_rows
    assert packed.dropped == whole.num_rows - rows.num_rows
    assert packed.sizes["test"] == pytest.approx(0.2 * rows.num_rows, abs=5)
    assert packed.sizes["validation"] == pytest.approx(0.08 * rows.num_rows, abs=5)
    problem = packed.problem(bend_target=False)
    parts = [problem.data.train, problem.validation, problem.data.test]
    X = np.concatenate([np.asarray(part.X) for part in parts])
    y = np.concatenate([np.asarray(part.y) for part in parts])
    w = np.concatenate([np.asarray(part.sample_weight) for part in parts])
    expected, _ = packed.plan.encode(rows, "float32")
    known = np.array(rows.column(target).to_pylist())
    known = known - 1 if target == "grade" else problem.data.scaling.targets(known[:, None])[:, 0]
    both = [np.column_stack(pair) for pair in ((X, y, w), (expected, known, np.array(rows.column("w"))))]
    for found in both:
        found[:] = found[np.lexsort(found.T)]
    np.testing.assert_array_equal(*both)


def test_the_range_of_the_target_is_that_of_all_rows_but_the_test_set(table, tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "CHUNK_ROWS", 60)
    packed = pack_table(table, tmp_path / "packed", how("y"), lambda _line: None)
    (scale,), problem = packed.scales, packed.problem()
    y = np.concatenate([np.asarray(part.y) for part in (problem.data.train, problem.validation)])
    own = y * scale.target_scale + scale.target_mean
    assert (scale.target_low, scale.target_high) == (pytest.approx(own.min()), pytest.approx(own.max()))


def test_quantiles_of_rows_that_are_drawn_are_near_those_of_all(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    x = np.sort(rng.exponential(size=40_000))  # a sorted file: its beginning is not like the rest
    pq.write_table(pa.table({"x": x, "y": x + rng.normal(size=len(x))}), tmp_path / "a.parquet")
    monkeypatch.setattr(packing, "CHUNK_ROWS", 5000)
    packed = pack_table(tmp_path / "a.parquet", tmp_path / "packed", how("y"), lambda _line: None)
    (plan,) = packed.plan.plans
    places = np.searchsorted(x, plan.knots[1:-1]) / len(x)
    np.testing.assert_allclose(places, [0.25, 0.5, 0.75], atol=np.sqrt(np.log(2 / 0.001) / (2 * 5000)))


def test_rows_of_a_class_that_was_not_learned_are_left_out(tmp_path, monkeypatch):
    cells = {"x": np.arange(400.0) % 7, "y": ["a", "b"] * 200}
    cells["y"][-1] = "rare"
    pq.write_table(pa.table(cells), tmp_path / "a.parquet")
    monkeypatch.setattr(packing, "CHUNK_ROWS", 50)
    packed = pack_table(tmp_path / "a.parquet", tmp_path / "packed", how("y", seed=3), lambda _line: None)
    assert (packed.target.classes, packed.rows, packed.dropped) == (("a", "b"), 399, 1)


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory):
    place = tmp_path_factory.mktemp("packed") / "packed"
    pack_table(table, place, how("y"), lambda _line: None)
    return place


def test_it_opens_as_it_was_written(folder):
    first, second = open_packed(folder), open_packed(folder)
    assert first == second
    assert data_hash(first.problem().data.train) == data_hash(second.problem().data.train)


def change(**fields):
    def changed(header: dict) -> dict:
        for name, value in fields.items():
            *path, last = name.split("__")
            place = header
            for key in path:
                place = place[key]
            place[last] = value
        return header

    return changed


DAMAGES = {
    "another format": (change(format="x"), "is not of a packed table"),
    "a newer version": (change(version=2), "version 2; this one reads 1: upgrade"),
    "a version that is none": (change(version=[1] * 99), r"version \[1, 1"),
    "more rows": (change(rows__train=10**9), "train.rows: has .* bytes; expected"),
    "rows below 0": (change(rows__train=-1), "rows must be counts"),
    "rows that are true": (change(rows__train=True), "rows must be counts"),
    "rows of no number": (change(rows__test="9"), "rows must be counts"),
    "no rows": (change(rows={}), "KeyError 'train'"),
    "no plan": (change(encoder={}), "not that of a table"),
    "a plan of something else": (change(encoder__plan=[]), "plan of a table must have"),
    "a column twice": (lambda h: change(encoder__plan__columns=h["encoder"]["plan"]["columns"][:1] * 2)(h), "twice"),
    "fewer columns": (lambda h: change(encoder__plan__columns=h["encoder"]["plan"]["columns"][:1])(h), "expected"),
    "a scale of 0": (lambda h: change(scales=[h["scales"][0] | {"target_scale": 0.0}])(h), "scales are positive"),
    "a scale that is no number": (lambda h: change(scales=[h["scales"][0] | {"target_mean": "a"}])(h), "finite"),
    "no scale": (change(scales=[]), "scales are positive"),
    "a strange scale": (change(scales=[{"a": 1.0}]), "TypeError"),
    "weights": (change(weighted=True), "expected"),
    "weights of no kind": (change(weighted="yes"), "true or false"),
    "a name that is none": (change(name=5), "must be text"),
    "notes that are none": (change(notes={"a": {"b": []}}), "TypeError"),
    "a list": (lambda _h: [], "is not of a packed table"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_header_that_can_not_be_is_refused_in_a_line(folder, tmp_path, damage):
    changed, message = DAMAGES[damage]
    copy(folder, tmp_path / "p")
    header = tmp_path / "p" / "packed.json"
    header.write_text(json.dumps(changed(json.loads(header.read_text()))))
    with pytest.raises(FileFormatError, match=message) as error:
        open_packed(tmp_path / "p")
    assert "\n" not in str(error.value)


def copy(folder, place) -> None:
    place.mkdir()
    for file in folder.iterdir():
        (place / file.name).write_bytes(file.read_bytes())


def test_files_that_are_cut_off_missing_or_damaged_are_refused(folder, tmp_path):
    copy(folder, tmp_path / "p")
    rows, header = tmp_path / "p" / "train.rows", tmp_path / "p" / "packed.json"
    rows.write_bytes(rows.read_bytes()[:-1])
    with pytest.raises(FileFormatError, match=r"train\.rows: has \d+ bytes; expected \d+: pack the table again"):
        open_packed(tmp_path / "p")
    rows.unlink()
    with pytest.raises(FileFormatError, match=r"train\.rows: is missing"):
        open_packed(tmp_path / "p")
    text = header.read_text()
    for content in (text[:-9], "", "\0", "[" * 100_000, text.replace('"version": 1', '"version": NaN')):
        header.write_text(content)
        with pytest.raises(FileFormatError):
            open_packed(tmp_path / "p")


def test_codes_that_can_not_be_are_refused_when_they_are_read(folder, tmp_path):
    copy(folder, tmp_path / "p")
    rows = tmp_path / "p" / "train.rows"
    rows.write_bytes(b"\xff" * rows.stat().st_size)
    samples = open_packed(tmp_path / "p").problem().data.train
    with pytest.raises(FileFormatError, match="packed rows are damaged"):
        samples.X[:5]


def test_what_is_there_already_stays_and_a_mistake_leaves_nothing(table, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(TwofoldError, match="there: is there already; remove it, or name another folder"):
        pack_table(table, tmp_path / "there", how("y"), print)
    cells = columns(60)
    cells["z"] = [*range(59), np.inf]
    csv.write_csv(pa.table(cells), tmp_path / "a.csv")
    with pytest.raises(TwofoldError, match=r"column 'z', row \d+ \(counted from 0\) is inf"):
        pack_table(tmp_path / "a.csv", tmp_path / "out", how("grade", drop=["y"]), print)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "there"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train softmax FOLDER", "FOLDER was packed for mlp; train mlp on it, or softmax on the table itself"),
        ("train mlp FOLDER --target z", "FOLDER was packed to predict 'y'; pack it for 'z'"),
        ("train mlp FOLDER --drop z", "FOLDER is packed already; leave out --drop, or pack the table with it"),
        ("train mlp FOLDER --members 3", "FOLDER is packed, and trains one network; leave out --members"),
        ("train mlp FOLDER --data digits", "give --data digits or the folder FOLDER, not both"),
        ("train mlp FOLDER --window -1", "window is -1; it must be an integer >= 0"),
        ("pack TABLE -o FOLDER", "which column of TABLE is to be predicted? name it with --target"),
        ("pack TABLE -o FOLDER --target y", "FOLDER: is there already; remove it, or name another folder"),
        ("pack TABLE -o NEW --target no", "TABLE: there is no column 'no'"),
        ("pack TABLE -o NEW --target y --test-fraction 1", "--test-fraction is 1.0; it must be at least 0"),
        ("pack nowhere.csv -o NEW --target y", "nowhere.csv: no such file; check the path"),
        ("pack TABLE -o no/where --target y", "no/where: there is no folder"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(capsys, table, folder, tmp_path, words, message):
    places = {"FOLDER": str(folder), "TABLE": str(table), "NEW": str(tmp_path / "new")}
    capsys.readouterr()
    assert main([places.get(word, word) for word in words.split()]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("twofold: ")]
    for name, place in places.items():
        message = message.replace(name, place)
    assert message.partition(": there is no folder")[0] in line


def test_a_table_that_does_not_fit_in_memory_is_told_to_be_packed(capsys, table, monkeypatch):
    def full(*_words, **_more):
        raise MemoryError("Unable to allocate 9 GiB")

    monkeypatch.setattr("twofold.cli.table_job.read_table", full)
    assert main(["train", "mlp", str(table), "--target", "y"]) == 2
    how_to = f"is packed first: twofold pack {table} --target y -o DIR, and train mlp DIR"
    assert how_to in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.torch
def test_two_processes_train_a_packed_table_to_the_file_of_one(folder, tmp_path):
    words = ["train", "mlp", str(folder), "--epochs", "2", "--slices", "2", "--window", "100", "--engine", "scratch"]
    together = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "twofold"]
    for name, how_to in (("one", ["-m", "twofold"]), ("two", together)):
        save = ["--save", str(tmp_path / name)]
        subprocess.run([sys.executable, *how_to, *words, *save], check=True, capture_output=True)
    assert (tmp_path / "two").read_bytes() == (tmp_path / "one").read_bytes()


LIMITED = """
import json, resource, sys
from twofold.cli import main, table_scores

table_scores.LINEAR_ROWS = 2000  # in memory for the linear model beside, as the window is for training
folder, small, most = sys.argv[1:3] + [int(sys.argv[3])]
words = ["--engine", "scratch", "--epochs", "2", "--window", "2000", "--hidden", "16", "--activation", "relu"]
main(["train", "mlp", small, *words, "--threads", "1"])
data = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (data * 1024 + most, resource.RLIM_INFINITY))
print("now")
sys.exit(main(["train", "mlp", folder, *words, "--threads", "1", "--json", "--window", sys.argv[4]]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited otherwise there")
def test_data_ten_times_the_memory_trains_to_the_score_of_data_in_memory(tmp_path):
    n, most = 130_000, 36 * MEBIBYTE
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(n, 24))
    cells = {f"x{k}": Z[:, k] for k in range(24)} | {"y": Z[:, 0] + np.sin(2 * Z[:, 1]) + 0.3 * rng.normal(size=n)}
    places = [tmp_path / name for name in ("all", "small")]
    settle = lambda *_: (Choices(pieces=32), 0.1)  # noqa: E731
    for place, table in zip(places, (pa.table(cells), pa.table(cells).slice(0, 3000)), strict=True):
        pq.write_table(table, f"{place}.parquet")
        packed = pack_table(place.with_suffix(".parquet"), place, how("y", settle=settle), lambda _line: None)
        if place.name == "all":
            assert packed.rows * len(packed.plan.features) * 4 > 10 * most
    environment = os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system"}

    def trained(limit: int, window: int) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-c", LIMITED, *map(str, places), str(limit), str(window)]
        return subprocess.run(words, capture_output=True, text=True, check=False, env=environment)

    def score(done: subprocess.CompletedProcess[str]) -> float:
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])["test"]["R2"]["value"]

    assert "not enough memory" in trained(most, 0).stderr  # the limit bites
    assert score(trained(most, 2000)) == pytest.approx(score(trained(1 << 40, 0)), abs=0.01)
