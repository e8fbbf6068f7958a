import gzip
import json
import re
import signal
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from twofold.data.tables import open_table, read_blocks
from twofold.errors import DataError, DataNotFoundError, FileFormatError, MissingDependencyError
from twofold.estimators.files import fit_file, read_moments
from twofold.solvers import DependentColumnsWarning, Moments, solve_least_squares, solve_moments

RANDOM = np.random.default_rng(0)
N = 5000
X = RANDOM.standard_normal((N, 3)) + np.array([0, 5, -2])
Y = X @ [1.0, -2.0, 0.5] + 3 + RANDOM.standard_normal(N)
W = RANDOM.uniform(0, 2, N)
COLUMNS = {"a": X[:, 0], "y": Y, "b": X[:, 1], "c": X[:, 2]}


def write(path, columns, rows=700):
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path, row_group_size=rows)
        return path
    separator = "\t" if path.suffix == ".tsv" else ","
    lines = [separator.join(columns)]
    lines += [separator.join(str(v) for v in row) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(params=["big.parquet", "one group.parquet", "big.csv", "big.tsv"])
def path(request, tmp_path):
    return tmp_path / request.param


def group_rows(path):
    return N if "one" in path.name else 700


def test_a_file_gives_what_memory_gives(path):
    write(path, COLUMNS, group_rows(path))
    calls = []
    found = fit_file(path, "y", progress=lambda rows, fraction: calls.append((rows, fraction)))
    whole = solve_least_squares(X, Y[:, None])
    assert found.table.features == ("a", "b", "c")
    np.testing.assert_allclose(found.solution.W, whole.W, rtol=1e-11)
    np.testing.assert_allclose(found.solution.b, whole.b, rtol=1e-11)
    assert calls[-1] == (N, 1.0)
    assert calls == sorted(calls)
    assert [item.name for item in found.summary().coefficients] == ["intercept", "a", "b", "c"]
    assert found.summary().target == "y"


def test_columns_weights_and_whole_numbers(path):
    write(path, {**COLUMNS, "w": W, "k": np.arange(N) % 7, "flag": np.arange(N) % 2 == 0}, group_rows(path))
    found = fit_file(path, "y", features=["k", "a"], weight="w", fit_intercept=False, penalty=2.0)
    table = np.column_stack([np.arange(N) % 7, X[:, 0]])
    whole = solve_least_squares(table, Y[:, None], W, fit_intercept=False, penalty=2.0)
    np.testing.assert_allclose(found.solution.W, whole.W, rtol=1e-10)


def test_pieces_computed_apart_merge_through_json(tmp_path):
    pieces = []
    for k in range(3):
        part = write(tmp_path / f"{k}.parquet", {name: values[k::3] for name, values in COLUMNS.items()})
        pieces.append(Moments.from_dict(json.loads(json.dumps(read_moments(open_table(part, "y")).to_dict()))))
    pieces[2].merge(pieces[0])
    pieces[2].merge(pieces[1])
    np.testing.assert_allclose(solve_moments(pieces[2]).W, solve_least_squares(X, Y[:, None]).W, rtol=1e-11)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_named_by_row_and_column(path, bad):
    b = X[:, 1].copy()
    b[1234] = bad
    write(path, {**COLUMNS, "b": b}, group_rows(path))
    wrong = rf"column 'b', row 1234 \(counted from 0\) is {bad}; drop the row or fill it$"
    if np.isnan(bad) and path.suffix != ".parquet":  # to pyarrow "nan" in a text is a number that is missing
        wrong = r"column 'b' has no number in row 1234; fill it or drop the row$"
    with pytest.raises(DataError, match=wrong):
        fit_file(path, "y")


def test_a_missing_number_is_named_by_row_and_column(tmp_path):
    path = tmp_path / "a.parquet"
    write(path, {"x": pa.array([1.0, None, 3.0]), "y": pa.array([1.0, 2.0, 3.0])}, 3)
    with pytest.raises(DataError, match=r"column 'x' has no number in row 1; fill it or drop the row$"):
        fit_file(path, "y")


@pytest.mark.parametrize("bad", [None, np.nan])
def test_a_row_is_counted_from_the_top_of_the_file_whichever_its_group(tmp_path, bad):
    path = write(tmp_path / "a.parquet", {"x": pa.array([1.0, 2.0, 3.0, 4.0, bad]), "y": pa.array(np.arange(5.0))}, 2)
    with pytest.raises(DataError, match=r"column 'x'(,| has no number in) row 4\b"):
        fit_file(path, "y")


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_packed_text_is_unpacked_while_it_is_read(tmp_path, suffix):
    plain = write(tmp_path / f"a{suffix}", COLUMNS)
    packed = tmp_path / f"a{suffix}.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    fractions = []
    found = fit_file(packed, "y", progress=lambda rows, fraction: fractions.append(fraction))
    np.testing.assert_array_equal(found.solution.W, fit_file(plain, "y").solution.W)
    assert fractions[-1] == 1.0


def test_a_name_that_ends_in_capitals_is_tab_separated_too(tmp_path):
    path = tmp_path / "A.TSV"
    path.write_text("x\ty\n1\t2\n2\t4\n4\t8\n")
    np.testing.assert_allclose(fit_file(path, "y").solution.W, [[2.0]], rtol=1e-15)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("x,y\n", {}, "column 'y' holds nothing where the file begins; expected numbers"),
        ("x,w,y\n1,0,2\n", {"weight": "w"}, "there is no row of positive weight; check that it is the file you meant"),
        ("x,x,y\n1,2,3\n", {}, "two columns are named 'x'; rename one"),
        ("x,y\n1,2\n", {"weight": "y"}, "column 'y' is asked for twice; it is a feature, the target or the weight"),
        (
            "x,y\n1,2\n",
            {"features": ["x", "y"]},
            "column 'y' is asked for twice; it is a feature, the target or the weight",
        ),
    ],
)
def test_texts_that_cannot_be_fitted(tmp_path, text, options, message):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=re.escape(f"a.csv: {message}") + "$"):
        fit_file(path, "y", **options)


def test_a_negative_weight_is_named(path):
    w = W.copy()
    w[77] = -1
    write(path, {**COLUMNS, "w": w}, group_rows(path))
    with pytest.raises(DataError, match=r"column 'w', row 77 \(counted from 0\) is -1"):
        fit_file(path, "y", weight="w")


def test_numbers_too_large_to_square_are_refused(tmp_path):
    path = write(tmp_path / "a.parquet", {"x": [1e200, 1.0], "y": [1.0, 2.0]})
    with pytest.raises(DataError, match=r"a\.parquet: numbers reach 1\.0e\+200; their squares must stay below 1e280"):
        fit_file(path, "y")


def test_dependent_columns_of_a_file_are_warned_of_by_name(tmp_path):
    path = write(tmp_path / "a.parquet", {**COLUMNS, "twice": 2 * X[:, 0]})
    with pytest.warns(DependentColumnsWarning, match=r"(a on twice|twice on a)"):
        fit_file(path, "y")


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(DataNotFoundError, match=r"none\.parquet: no such file; check the path$"):
        fit_file(tmp_path / "none.parquet", "y")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(FileFormatError, match=r"bad\.parquet: not a parquet table: "):
        fit_file(tmp_path / "bad.parquet", "y")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(FileFormatError, match=r"empty\.csv: not a csv table: "):
        fit_file(tmp_path / "empty.csv", "y")
    (tmp_path / "words.csv").write_text("x,y\n1,2\n" + "3,4\n" * 2_000_000 + "five,6\n")
    with pytest.raises(FileFormatError, match=r"words\.csv: damaged after row \d+: .*five"):
        fit_file(tmp_path / "words.csv", "y")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "z"}, "there is no column 'z'; the columns are a, y, b, c, name"),
        ({"target": "y"}, "column 'name' is not of numbers; name the columns to use as features"),
        ({"target": "name"}, "column 'name' is of string; expected numbers"),
        ({"target": "y", "features": ["a", "q"]}, "there is no column 'q'; the columns are a, y, b, c, name"),
    ],
)
def test_columns_that_cannot_be(tmp_path, options, message):
    path = write(tmp_path / "a.parquet", {**COLUMNS, "name": ["x"] * N})
    with pytest.raises(DataError, match=re.escape(message) + "$"):
        fit_file(path, **options)


def test_two_columns_of_one_name(tmp_path):
    table = pa.table([pa.array([1.0, 2.0]), pa.array([1.0, 3.0])], names=["y", "y"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"two columns are named 'y'; rename one$"):
        open_table(tmp_path / "a.parquet", "y")


def test_without_pyarrow_it_says_so(tmp_path, monkeypatch):
    path = write(tmp_path / "a.parquet", COLUMNS)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"^Parquet and CSV files need pyarrow"):
        open_table(path, "y")


@pytest.mark.parametrize("rows", [1, 300, 1000])
def test_blocks_are_as_short_as_asked_and_columns_lie_together_without_gaps(path, rows):
    write(path, COLUMNS, group_rows(path))
    tables = []
    for block in read_blocks(open_table(path, "y"), rows=rows):
        assert len(block.Z) <= rows
        assert block.Z.flags.f_contiguous
        assert block.start == sum(len(Z) for Z in tables)
        tables.append(block.Z.copy())
    np.testing.assert_array_equal(np.vstack(tables), np.column_stack([np.ones(N), X, Y]))


def long_file(path):
    """Write a file of 40 blocks."""
    rows = 40 << 14
    columns = {"x": np.arange(rows) % 1013.0, "y": np.arange(rows) % 977.0}
    return write(path, columns, rows if "one" in path.name else rows // 4)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals to a thread are POSIX")
@pytest.mark.parametrize("name", ["groups.parquet", "one group.parquet", "text.csv"])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_ends_all_threads_at_their_next_block(tmp_path, name, kind):
    path, told, before = long_file(tmp_path / name), [], threading.active_count()

    def progress(rows, _fraction):
        told.append(rows)
        time.sleep(0.01)
        if len(told) == 2:
            if kind is RuntimeError:
                raise RuntimeError("no more")
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    with pytest.raises(kind):
        fit_file(path, "y", progress=progress)
    assert threading.active_count() == before
    assert len(told) < 15


@pytest.mark.parametrize("rows", [700, N])
def test_a_file_damaged_in_the_middle_is_told_and_leaves_no_thread(tmp_path, rows):
    path, before = write(tmp_path / "a.parquet", COLUMNS, rows), threading.active_count()
    whole = bytearray(path.read_bytes())
    footer = pq.read_metadata(path)
    page = footer.row_group(footer.num_row_groups // 2).column(2).data_page_offset
    whole[page : page + 20] = b"\xff" * 20
    path.write_bytes(whole)
    with pytest.raises(FileFormatError, match=r"a\.parquet: damaged after row \d+: .*; mend it or fetch it again$"):
        fit_file(path, "y")
    assert threading.active_count() == before


def test_a_bad_row_leaves_no_thread(path):
    b = X[:, 1].copy()
    b[123] = np.inf
    write(path, {**COLUMNS, "b": b}, group_rows(path))
    before = threading.active_count()
    with pytest.raises(DataError, match="row 123 "):
        fit_file(path, "y")
    assert threading.active_count() == before


def test_of_a_long_row_group_only_what_is_next_is_in_memory(tmp_path):
    x, y = RANDOM.standard_normal((2, 64 << 14))
    pq.write_table(pa.table({"x": x, "y": y}), tmp_path / "a.parquet", row_group_size=len(x), use_dictionary=False)
    table = open_table(tmp_path / "a.parquet", "y")
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in read_blocks(table)]
    assert len(held) == 64
    assert max(held) < table.size / 4


def test_of_several_bad_rows_the_first_is_told_whichever_thread_comes_upon_one(tmp_path):
    y = Y.copy()
    y[[690, 710, 1410]] = np.inf
    path = write(tmp_path / "a.parquet", {**COLUMNS, "y": y})
    for _ in range(20):
        with pytest.raises(DataError, match="row 690 "):
            fit_file(path, "y")


def test_a_callback_may_fit_another_model(path):
    write(path, COLUMNS, group_rows(path))
    random = np.random.default_rng(0)
    table, targets = random.standard_normal((40_000, 2)), random.standard_normal((40_000, 1))
    found, alone = [], solve_least_squares(table, targets)
    assert alone.method == "gram"

    def fit():
        fit_file(path, "y", progress=lambda _rows, _fraction: found.append(solve_least_squares(table, targets)))

    thread = threading.Thread(target=fit, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    for inner in found:
        np.testing.assert_allclose(inner.W, alone.W, rtol=1e-12)
    assert found


def test_a_whole_number_that_no_double_is_is_refused_with_its_row(tmp_path):
    path = tmp_path / "a.parquet"
    whole = np.arange(100) + 2**53  # 2**53 itself is a double
    pq.write_table(pa.table({"x": whole, "y": np.arange(100.0)}), path, row_group_size=40)
    with pytest.raises(DataError, match=r"a\.parquet: column 'x', row 1 .* is 9007199254740993, which no double is"):
        fit_file(path, "y")
    pq.write_table(pa.table({"x": 2 ** np.arange(53, 63), "y": np.arange(10.0)}), path)
    assert fit_file(path, "y").moments.n == 10
