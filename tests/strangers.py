"""What a stranger may hand in: for each reader a function that feeds it bytes, and bytes to start from.

`tests/test_strangers.py` feeds some, `tests/fuzz.py` a million. A reader may refuse, in one line and by one of twofold's
errors; anything else that comes out of it is a fault.
"""

from __future__ import annotations

import contextlib
import copy
import gzip
import io
import json
import os
import struct
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from helpers import random_dataset
from twofold import Network, Recipe, open_engine, save_model, tensor_file, train, write_idx
from twofold.checkpoints import Checkpoint
from twofold.checkpoints import file as checkpoint_file
from twofold.early_stopping import BestEpoch
from twofold.errors import TwofoldError
from twofold.saving import file as model_file

MEMORY = "/dev/shm"  # noqa: S108 - a file system in memory, and a folder of our own in it
HERE = tempfile.TemporaryDirectory(dir=MEMORY if os.path.isdir(MEMORY) else None)
PLACE = Path(HERE.name)


@dataclass(frozen=True)
class Reader:
    """One of the doors.

    Attributes
    ----------
    feed : callable
        Of bytes; what it raises but `TwofoldError` is a fault.
    seeds : callable
        Makes the bytes to start from.
    share : int
        How many of a thousand inputs go to it in a large run.
    """

    feed: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    share: int


def fed(reader: Reader, data: bytes) -> str:
    """Feed bytes; return the refusal, or "" if they are taken."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.feed(data)
    except TwofoldError as error:
        told = str(error)
        if "\n" in told or not told:
            raise AssertionError(f"a refusal that isn't one line: {told!r}") from error
        return told
    return ""


class Pieces:
    """Takes bytes apart into values, odd ones often."""

    ODD = (
        *(
            0,
            1,
            -1,
            2,
            3,
            10,
            256,
            2**31,
            2**63,
            2**64,
            -(2**64),
            10**30,
            True,
            False,
            None,
            "",
            "0",
            "nan",
            [],
            {},
            (1,),
        ),
        *(
            0.0,
            -0.0,
            0.5,
            1.0,
            1e-300,
            5e-324,
            1e308,
            float("inf"),
            float("-inf"),
            float("nan"),
            1e-8,
            0.999,
            [1, 2],
            b"a",
        ),
        *(
            "relu",
            "adam",
            "sgd",
            "cosine",
            "squared",
            "cross_entropy",
            "auto",
            "float32",
            "batch",
            "x" * 50,
            "\ud800",
            "\0",
        ),
        *(
            np.float64(0.5),
            np.int64(3),
            np.array([1.0, 2.0]),
            np.nan,
            1j,
            (4, 3),
            [4, "3"],
            (2, 2.5, 2),
            ("relu", "tanh"),
        ),
    )

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def byte(self) -> int:
        self._place += 1
        return self._data[self._place - 1] if self._place <= len(self._data) else 0

    def left(self) -> int:
        return len(self._data) - self._place

    def value(self):
        kind = self.byte()
        if kind < 160:
            return copy.copy(self.ODD[kind % len(self.ODD)])  # lists are changed by whoever gets them
        if kind < 190:
            return self.byte() - 128
        if kind < 220:
            return struct.unpack("<d", bytes(self.byte() for _ in range(8)))[0]
        return self.text()

    def text(self) -> str:
        return bytes(self.byte() for _ in range(self.byte() % 12)).decode("utf-8", "surrogateescape")

    def words(self, names: list[str], most: int = 4) -> dict:
        return {names[self.byte() % len(names)]: self.value() for _ in range(self.byte() % most + 1)}


def in_memory(module, data: bytes, call: Callable[[], object]) -> None:
    """Let a reader of files read these bytes, without a file."""
    original = module.read_bytes
    module.read_bytes = lambda _path: data
    try:
        call()
    finally:
        module.read_bytes = original


def feed_idx(data: bytes) -> None:
    from twofold.data.idx import parse_idx

    parse_idx(data, "a")


def feed_packed_idx(data: bytes) -> None:
    """Bytes after gzip's first two; or, if they begin with a Z, packed here."""
    from twofold.data.idx import parse_idx

    parse_idx(gzip.compress(data[1:], 1) if data[:1] == b"Z" else b"\x1f\x8b" + data, "a")


def idx_seeds() -> list[bytes]:
    seeds = []
    for array in (np.arange(6, dtype=np.uint8), np.ones((2, 3, 2), dtype=np.float32), np.zeros((0, 4), dtype=np.int16)):
        write_idx(PLACE / "seed", array)
        seeds.append((PLACE / "seed").read_bytes())
    return seeds


def packed_seeds() -> list[bytes]:
    plain = idx_seeds()
    return (
        [gzip.compress(seed)[2:] for seed in plain]
        + [b"Z" + seed for seed in plain]
        + [gzip.compress(plain[0])[2:] * 2]
    )


def signed(data: bytes) -> bytes:
    """Give bytes the right length of header and the right sum, so that what comes after these checks is reached."""
    import hashlib

    end = data.find(b"}}}") + 3
    if end < 3 or len(data) < 8:
        return data
    header = data[8:end]
    data = len(header).to_bytes(8, "little") + header + data[end:].lstrip(b" ")
    place = tensor_file.SUM.search(data)
    if place is None:
        return data
    zeroed = data[: place.start(1)] + tensor_file.ZEROS + data[place.end(1) :]
    return zeroed.replace(tensor_file.ZEROS, hashlib.sha256(zeroed).hexdigest().encode(), 1)


def feed_signed(kind: str, read: Callable[[str], object]) -> Callable[[bytes], None]:
    """Feed a file of arrays: as it is if it begins with R, under the right sum if with S, else changes of a whole file.

    These are pairs of a path in its content and a value for it, see `changed`.
    """

    def feed(data: bytes) -> None:
        mode, rest = data[:1], data[1:]
        if mode == b"S":
            rest = signed(rest)
        elif mode != b"R":
            rest = changed(kind, Pieces(rest))
        in_memory(tensor_file, rest, lambda: read("a"))

    return feed


def changed(kind: str, pieces: Pieces) -> bytes:
    """Change values and arrays of a whole file, at random places, and write it again."""
    arrays, words = whole(kind)
    for _ in range(pieces.byte() % 3 + 1):
        if pieces.byte() % 3:
            change_word(words, pieces)
        else:
            change_array(arrays, pieces)
    path = PLACE / f"changed-{kind}"
    with contextlib.suppress(OSError):
        tensor_file.write_tensors(path, arrays, words, kind=kind)
    return path.read_bytes()


def whole(kind: str):
    path = PLACE / f"whole-{kind}"
    if not path.exists():
        path.write_bytes({"model": model_bytes, "checkpoint": checkpoint_bytes}[kind]())
    arrays, words = tensor_file.read_tensors(path, kind=kind, finite=False)
    return arrays, words


def change_word(place, pieces: Pieces) -> None:
    """Walk down the words and put something else somewhere."""
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = keys[pieces.byte() % len(keys)]
        if isinstance(place[key], dict | list) and place[key] and pieces.byte() % 4:
            place = place[key]
            continue
        action = pieces.byte() % 8
        if action == 0:
            del place[key]
        elif action == 1 and isinstance(place, dict):
            place[pieces.text()] = pieces.value()
        else:
            place[key] = pieces.value()
        return


def change_array(arrays, pieces: Pieces) -> None:
    names = sorted(arrays)
    name = names[pieces.byte() % len(names)]
    action = pieces.byte() % 6
    if action == 0:
        del arrays[name]
    elif action == 1:
        arrays[pieces.text() + str(pieces.byte())] = arrays[name]
    elif action == 2:
        arrays[name] = arrays[name].reshape(-1)[: pieces.byte()]
    elif action == 3:
        arrays[name] = arrays[name].astype(["bool", "uint8", "int64", "float32", "float64"][pieces.byte() % 5])
    elif arrays[name].size:
        flat = arrays[name].reshape(-1).copy()
        odd = np.array([np.nan, np.inf, -np.inf, 1e308, -1, 0])[pieces.byte() % 6]
        with np.errstate(all="ignore"):
            flat[pieces.byte() % flat.size] = odd if flat.dtype.kind == "f" else pieces.byte() % 2
        arrays[name] = flat.reshape(arrays[name].shape)
    else:
        arrays[name] = np.zeros(pieces.byte())


def a_run():
    network = Network((3, 4, 2), activation="tanh", normalization="batch")
    data = replace(random_dataset(network, 20), classes=("a", "b"))
    engine, recipe = open_engine("scratch", network), Recipe(epochs=2, batch_size=8, optimizer="adam")
    return network, data, engine, recipe, tuple(train(engine, data, recipe))


def model_bytes() -> bytes:
    from twofold.saving import Model

    _, data, engine, recipe, history = a_run()
    save_model(PLACE / "seed", Model.of(engine, data, recipe=recipe, history=history))
    return (PLACE / "seed").read_bytes()


def checkpoint_bytes() -> bytes:
    network, _, engine, recipe, history = a_run()
    best = BestEpoch(patience=3)
    best.see(engine, 1, 0.5)
    checkpoint = Checkpoint(
        network, recipe, {"train": "a" * 64}, {"init": "he"}, "float32", engine.state(), history, 20, 0.5, best
    )
    checkpoint_file.write_checkpoint(PLACE / "seed", checkpoint)
    return (PLACE / "seed").read_bytes()


def file_seeds(make: Callable[[], bytes]) -> Callable[[], list[bytes]]:
    changes = [bytes([5, 2, 1, place, 1, action, *b"\xdcabcd"]) for place in range(0, 12, 2) for action in (0, 1, 3)]
    arrays = [bytes([5, 1, 0, place, action, 3, 2]) for place in range(0, 12, 3) for action in range(6)]
    return lambda: [b"R" + make(), b"S" + make(), *changes, *arrays]


def feed_recipe(data: bytes) -> None:
    pieces = Pieces(data)
    recipe = Recipe(**pieces.words([item.name for item in fields(Recipe)]))
    assert 0 <= recipe.rate(pieces.byte(), pieces.byte() + 1) < np.inf


def feed_network(data: bytes) -> None:
    pieces = Pieces(data)
    words = {"widths": (4, 3, 2), **pieces.words([item.name for item in fields(Network)])}
    network = Network(**words)
    assert network.n_parameters > 0
    if network.n_parameters < 10_000:
        open_engine(
            "scratch", network, **pieces.words(["seed", "initialization", "sigma", "dtype", "device", "precision"])
        )


def feed_arrays(data: bytes) -> None:
    """Arrays of any kind at the border between a person and an engine."""
    from twofold.validation import check_block

    pieces = Pieces(data)
    network = Network((2, 3), loss=("cross_entropy", "squared", "sigmoid_cross_entropy", "huber")[pieces.byte() % 4])
    X, y, weight = (an_array(pieces, columns) for columns in (2, 3, 1))
    check_block(network, X, y, None if pieces.byte() % 2 else weight, dtype="float32")


def an_array(pieces: Pieces, columns: int):
    n = 3 if pieces.byte() % 8 else pieces.byte() % 4
    kind = (
        "float64",
        "float32",
        "int64",
        "uint8",
        "bool",
        "complex128",
        "object",
        "U3",
        "datetime64[D]",
        ">f8",
        "float16",
    )
    shape = ((n, columns), (n,), (n, 1, columns), (), (n, columns + 1))[max(0, pieces.byte() % 20 - 15)]
    if columns == 1:
        shape = shape[:1]
    if pieces.byte() % 16 == 1:
        return pieces.value()
    array = np.zeros(shape, dtype=kind[max(0, pieces.byte() % 20 - 9)])
    if array.size:
        with contextlib.suppress(TypeError, ValueError, OverflowError), np.errstate(all="ignore"):
            array.reshape(-1)[0] = pieces.value()
    return array[::-1] if shape and pieces.byte() % 2 else array


def feed_states(data: bytes) -> None:
    """Dicts that JSON was made of: moments of least squares, an encoder's plan."""
    from twofold.estimators.table_encoder import TableEncoder
    from twofold.solvers.moments import Moments

    pieces = Pieces(data)
    kind = (Moments, TableEncoder)[pieces.byte() % 2]
    words = json.loads(state_words()[kind.__name__])
    for _ in range(pieces.byte() % 3 + 1):
        change_word(words, pieces)
    kind.from_dict(json.loads(json.dumps(words, default=str)))


def state_words() -> dict[str, str]:
    path = PLACE / "states"
    if not path.exists():
        import pandas as pd

        from twofold.estimators.table_encoder import TableEncoder
        from twofold.solvers.moments import Moments

        moments = Moments(2, 1)
        moments.add(np.random.default_rng(0).standard_normal((9, 2)), np.ones((9, 1)))
        frame = pd.DataFrame(
            {
                "size": np.linspace(1, 7, 30) ** 2,
                "kind": ["a", "b", None] * 10,
                "day": pd.date_range("2020-01-01", periods=30, freq="D").astype(str),
                "new": [True, False] * 15,
            }
        )
        states = {"Moments": moments.to_dict(), "TableEncoder": TableEncoder().fit(frame).to_dict()}
        path.write_text(json.dumps({name: json.dumps(state) for name, state in states.items()}))
    return json.loads(path.read_text())


def feed_table(name: str) -> Callable[[bytes], None]:
    def feed(data: bytes) -> None:
        from twofold.data.tables import open_table, read_blocks
        from twofold.tables.reading import read_table

        path = PLACE / f"table{name}"
        path.write_bytes(data)
        for block in both(lambda: read_blocks(open_table(path, "y"))):
            assert block.Z.shape[1] >= 2
        read_table(path)

    return feed


def both(call):
    """Let the other reader have its turn after a refusal."""
    try:
        yield from call()
    except TwofoldError:
        return


def csv_seeds() -> list[bytes]:
    return [
        *(
            b"x,y\n1,2\n3,4.5\n",
            b"x;y\n1,5;2\n3;4\n",
            b"x\ty\n1\t2\n",
            b'"a b",y\n"1\n2",3\n',
            b"x,y\n1,NA\n,2\n",
            b"x,x\n1,2\n",
        ),
        *(
            b"\xef\xbb\xbfx,y\n1,2\n",
            b"1,2\n3,4\n",
            b"x,y\r\n1,1e999\r\n",
            gzip.compress(b"x,y\n1,2\n"),
            b"x,y\n2020-01-01,1\n",
        ),
    ]


def parquet_seeds() -> list[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    seeds = []
    for columns in ({"x": [1, 2], "y": [1.5, 2.5]}, {"x": ["a", None], "y": [True, False]}, {"y": [[1], [2]]}):
        sink = io.BytesIO()
        pq.write_table(pa.table(columns), sink, compression="none")
        seeds.append(sink.getvalue())
    return seeds


OPTIONS = (
    *("--hidden", "--activation", "--loss", "--dropout", "--epochs", "--batch-size", "--learning-rate", "--optimizer"),
    *(
        "--momentum",
        "--weight-decay",
        "--clip-norm",
        "--schedule",
        "--warmup-epochs",
        "--decay-epochs",
        "--decay-factor",
    ),
    *(
        "--decay-rate",
        "--seed",
        "--init",
        "--sigma",
        "--engine",
        "--dtype",
        "--device",
        "--precision",
        "--threads",
        "--every",
    ),
    *(
        "--keep",
        "--every-seconds",
        "--normalization",
        "--ema-decay",
        "--label-smoothing",
        "--data",
        "--json",
        "--debug",
    ),
    *("--short-last-batch", "--help", "--version", "--nothing"),
)
VALUES = (
    *(
        "0",
        "1",
        "-1",
        "2",
        "0.5",
        "1e-300",
        "1e308",
        "1e999",
        "nan",
        "inf",
        "-inf",
        "",
        " ",
        "16,8",
        "16,,8",
        ",",
        "1e3",
        "x",
    ),
    *(
        "relu",
        "adam",
        "sgd",
        "cosine",
        "scratch",
        "float64",
        "cpu",
        "batch",
        "squared",
        "digits",
        "toy-animals",
        "18446744073709551616",
    ),
    *("relu,tanh", "he", "٣", "1_000", "0x10", "+1", "bfloat16", "cuda", "~", "/", "."),
)


def feed_command(data: bytes) -> None:
    """Words of the command line, as far as the data: what comes after is the engines' work."""
    from twofold.cli import job, main

    pieces = Pieces(data)
    words = ["train", ("linear", "softmax", "mlp", "")[pieces.byte() % 4]]
    while pieces.left() > 0 and len(words) < 12:
        words.append(OPTIONS[pieces.byte() % len(OPTIONS)])
        choice = pieces.byte()
        words.append(pieces.text().replace("\0", "") if choice > 200 else VALUES[choice % len(VALUES)])
    original = job.load_dataset
    job.load_dataset = _no_data
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
    finally:
        job.load_dataset = original
    assert code in (0, 2), (code, words)
    if code == 2 and "--debug" not in words:
        assert len(err.getvalue().splitlines()) == 1, (words, err.getvalue())


def _no_data(*_words, **_more):
    raise TwofoldError("as far as the data")


def feed_estimator(data: bytes) -> None:
    from twofold import LinearRegression, MLPClassifier, MLPRegressor

    pieces = Pieces(data)
    kind = (LinearRegression, MLPClassifier, MLPRegressor)[pieces.byte() % 3]
    words = pieces.words(sorted(kind().get_params()), most=2)
    words = {name: value for name, value in words.items() if name not in ("threads", "callbacks", "verbose", "max_fun")}
    if not (isinstance(words.get("random_state"), int) and 0 <= words["random_state"] < 2**32):
        words.pop("random_state", None)  # scikit-learn checks it, in NumPy's words
    if kind is not LinearRegression:
        words = {"hidden_layer_sizes": (2,), "max_iter": 1} | words
        if isinstance(words["max_iter"], int) and words["max_iter"] > 5:
            words["max_iter"] = 5
    X, y = np.random.default_rng(0).standard_normal((12, 2)), np.arange(12) % 2
    try:
        kind(**words).fit(X, y).predict(X)
    except MemoryError as error:  # as much as was asked for isn't there
        raise TwofoldError(f"not enough memory: {error}") from error
    except (TypeError, ValueError) as error:  # scikit-learn's own words about a parameter, such as random_state
        where = traceback.extract_tb(error.__traceback__)[-1].filename
        if isinstance(error, TwofoldError) or f"{os.sep}sklearn{os.sep}" not in where:
            raise
        raise TwofoldError(str(error).splitlines()[0]) from error


def few(*seeds: bytes) -> Callable[[], list[bytes]]:
    return lambda: [*seeds, bytes(range(0, 256, 3)), bytes(range(255, 0, -5))]


READERS: dict[str, Reader] = {
    "idx": Reader(feed_idx, idx_seeds, 310),
    "gzip": Reader(feed_packed_idx, packed_seeds, 200),
    "model": Reader(feed_signed("model", model_file.load_model), file_seeds(model_bytes), 60),
    "checkpoint": Reader(feed_signed("checkpoint", checkpoint_file.read_checkpoint), file_seeds(checkpoint_bytes), 50),
    "recipe": Reader(feed_recipe, few(b"\x01\x02\x03"), 150),
    "network": Reader(feed_network, few(b"\x01\x02\x03"), 100),
    "arrays": Reader(feed_arrays, few(b"\x01\x02\x03"), 90),
    "states": Reader(feed_states, few(b"\x01\x02\x03"), 15),
    "csv": Reader(feed_table(".csv"), csv_seeds, 12),
    "parquet": Reader(feed_table(".parquet"), parquet_seeds, 5),
    "command": Reader(feed_command, few(b"\x02\x05\x09"), 4),
    "estimator": Reader(feed_estimator, few(b"\x01\x02\x03"), 4),
}
