"""Arrays on disk: what was written comes back exactly, and nothing else is taken for it."""

from __future__ import annotations

import hashlib
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from twofold import tensor_file
from twofold.errors import (
    ChecksumError,
    DataError,
    DataNotFoundError,
    FileFormatError,
    NewerFormatError,
    SpecificationError,
)
from twofold.tensor_file import DTYPES, read_tensors, write_tensors

ARRAYS = {"W": np.arange(6.0).reshape(2, 3), "b": np.float32([1, 2]), "seen": np.array(3)}
METADATA = {"name": "größe", "numbers": [1, 2.5, None, True], "nested": {"a": {}}}


@pytest.fixture
def path(tmp_path):
    write_tensors(tmp_path / "a.safetensors", ARRAYS, METADATA, kind="model")
    return tmp_path / "a.safetensors"


def forge(path, header: bytes, data: bytes = b"") -> None:
    """Write a file of any header, under the right sum if it has a place for one."""
    blob = len(header).to_bytes(8, "little") + header + data
    blob = blob.replace(tensor_file.ZEROS, hashlib.sha256(blob).hexdigest().encode(), 1)
    path.write_bytes(blob)


def header_of(entries: dict | None = None, **changes) -> bytes:
    envelope = {"sha256": "0" * 64, "kind": "model", "schema": 1, "content": {}} | changes
    return json.dumps({"__metadata__": {"twofold": json.dumps(envelope)}} | (entries or {})).encode()


def entry(dtype="F64", shape=(2,), begin=0, end=16) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


@pytest.mark.parametrize("dtype", DTYPES.values())
def test_every_type_comes_back_bit_for_bit_from_any_layout(tmp_path, dtype):
    values = (np.arange(24) % 2).reshape(2, 3, 4).astype(dtype)
    arrays = {"c": values, "fortran": np.asfortranarray(values), "strided": values[:, ::2], "scalar": values[0, 0, 1]}
    arrays |= {"empty": values[:0], "swapped": values.astype(values.dtype.newbyteorder(">"))}
    write_tensors(tmp_path / "a", arrays, {}, kind="checkpoint")
    back, _ = read_tensors(tmp_path / "a", kind="checkpoint")
    assert set(back) == set(arrays)
    for name, array in back.items():
        assert (array.dtype.name, array.shape) == (dtype, np.shape(arrays[name]))
        np.testing.assert_array_equal(array, arrays[name], strict=name != "swapped")


def test_numbers_at_the_ends_of_their_range_come_back_exactly(tmp_path):
    floats = np.array([5e-324, np.nextafter(1, 2), -0.0, np.finfo(float).max])
    metadata = {"tiny": 5e-324, "third": 1 / 3, "large": 2**64 - 1}
    write_tensors(tmp_path / "a", {"a": floats}, metadata, kind="model")
    arrays, back = read_tensors(tmp_path / "a", kind="model")
    assert arrays["a"].tobytes() == floats.tobytes()
    assert back == metadata


def test_metadata_comes_back(path):
    assert read_tensors(path, kind="model")[1] == METADATA


def test_the_same_content_gives_the_same_bytes(path, tmp_path):
    write_tensors(tmp_path / "b", dict(reversed(ARRAYS.items())), METADATA, kind="model")
    assert (tmp_path / "b").read_bytes() == path.read_bytes()


def test_the_safetensors_library_writes_and_reads_the_same_bytes(tmp_path):
    from safetensors.numpy import load, save

    arrays = {f"{dtype}-ä\n\x01": np.arange(size).astype(dtype) for size, dtype in enumerate(reversed(DTYPES.values()))}
    arrays |= {"W": np.ones((2, 3)), "empty": np.ones((0, 2)), "one": np.float32(1), "B": np.ones(2)}
    write_tensors(tmp_path / "a", arrays, METADATA, kind="model")
    blob = (tmp_path / "a").read_bytes()
    header = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])
    assert save({name: np.asarray(array) for name, array in arrays.items()}, header["__metadata__"]) == blob
    for name, array in load(blob).items():
        np.testing.assert_array_equal(array, arrays[name])


def test_the_sum_is_that_of_the_file_with_zeros_in_its_place(tmp_path):
    total = write_tensors(tmp_path / "a", ARRAYS, METADATA, kind="model")
    blob = (tmp_path / "a").read_bytes()
    assert blob.count(total.encode()) == 1
    assert hashlib.sha256(blob.replace(total.encode(), b"0" * 64)).hexdigest() == total


def test_a_name_that_looks_like_the_sum_is_not_taken_for_it(tmp_path):
    decoy = '"sha256": "' + "0" * 64 + '"'
    write_tensors(tmp_path / "a", {decoy: np.ones(1)}, {decoy: decoy, "sha256": "0" * 64}, kind="model")
    arrays, metadata = read_tensors(tmp_path / "a", kind="model")
    assert (list(arrays), metadata) == ([decoy], {decoy: decoy, "sha256": "0" * 64})


def test_every_changed_byte_is_refused(path):
    good = path.read_bytes()
    for place in range(len(good)):
        for flip in (0x01, 0x20, 0x80):
            path.write_bytes(good[:place] + bytes([good[place] ^ flip]) + good[place + 1 :])
            with pytest.raises(FileFormatError):
                read_tensors(path, kind="model")


def test_every_shorter_and_a_longer_file_are_refused(path):
    good = path.read_bytes()
    for size in range(len(good)):
        path.write_bytes(good[:size])
        with pytest.raises(FileFormatError):
            read_tensors(path, kind="model")
    path.write_bytes(good + b"\0")
    with pytest.raises(ChecksumError, match="it was changed after it was saved"):
        read_tensors(path, kind="model")


@settings(max_examples=60, deadline=None)
@given(
    npst.arrays(st.sampled_from(["<f8", "<f4", "<i8", "u1", "?"]), npst.array_shapes(min_dims=0, min_side=0)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
)
def test_whatever_can_be_written_can_be_read(tmp_path_factory, array, value):
    path = tmp_path_factory.mktemp("any") / "a"
    write_tensors(path, {"a": array}, {"value": value}, kind="model")
    arrays, metadata = read_tensors(path, kind="model", finite=False)
    assert arrays["a"].tobytes() == array.tobytes()
    assert arrays["a"].shape == array.shape
    assert metadata == {"value": value}


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=64) | st.binary(max_size=200).map(lambda text: b"{" + text))
def test_no_bytes_make_another_error(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("any") / "a"
    forge(path, text)
    with pytest.raises(FileFormatError):
        read_tensors(path, kind="model")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (header_of()[:-1] + b',"__metadata__":{}}', "the key '__metadata__' comes twice"),
        (header_of().replace(b'\\"schema\\"', b'\\"kind\\": 1, \\"schema\\"'), "the key 'kind' comes twice"),
        (
            header_of().replace(b'\\"content\\": {}', b'\\"content\\": {\\"a\\": {\\"b\\": 1, \\"b\\": 2}}'),
            "'b' comes twice",
        ),
        (header_of(content={"a": float("inf")}), "the number Infinity is not finite"),
        (header_of().replace(b"{}", b'{\\"a\\": 1e999}'), "the number 1e999 is not finite"),
        (header_of(content={"a": "\ud800"}), "surrogates not allowed"),
        (header_of().replace(b"{}", b'{\\"a\\": ' + b"9" * 5000 + b"}"), "has 5000 digits"),
        (b"{" + b'"a":{' * 100_000, "the header is not sound JSON: nested too deep"),
        (header_of().replace(b"{}", b"[" * 100_000), "the metadata is not sound JSON: nested too deep"),
        (b'{"a":' + b"[" * 100_000, "the header is not sound JSON: nested too deep"),
        (b"{\xff}", "the header is not sound JSON"),
        (b'{"a": 1', "the header is not sound JSON"),
        (b"{}", "not one of twofold's"),
        (b'{"__metadata__":{"format":"pt"}}', "not one of twofold's"),
        (b'{"__metadata__":[]}', "not one of twofold's"),
        (b'{"__metadata__":{"twofold":3}}', "not one of twofold's"),
        (b'{"__metadata__":{"twofold":"[]"}}', "the metadata is a JSON list; expected an object"),
        (header_of(kind="checkpoint"), "holds a 'checkpoint'; expected a 'model'"),
        (header_of(schema=2), r"written by a newer twofold \(schema 2; here up to 1 is read\); upgrade twofold"),
        (header_of(schema=True), "the schema is True; expected a whole number from 1"),
        (header_of(schema=0), "the schema is 0"),
        (header_of(schema=None), "the schema is None"),
        (header_of(content=[]), "expected sha256, kind, schema and content"),
        (header_of(more=1), "expected sha256, kind, schema and content"),
        (header_of(sha256="0"), "there is no SHA-256 sum in it"),
        (header_of(sha256=None), "there is no SHA-256 sum in it"),
    ],
)
def test_a_bad_header_is_refused_with_its_reason(tmp_path, header, message):
    forge(tmp_path / "a", header)
    with pytest.raises(FileFormatError, match=message) as error:
        read_tensors(tmp_path / "a", kind="model")
    assert "\n" not in str(error.value)
    assert str(tmp_path / "a") in str(error.value)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"a": entry("F16", (2,), 0, 16)}, "type 'F16'; expected one of BOOL, U8"),
        ({"a": entry([], (2,), 0, 16)}, "expected one of BOOL, U8"),
        ({"a": entry("F64", (-2,), 0, 16)}, r"shape \[-2\], which no array has"),
        ({"a": entry("F64", (2.0,), 0, 16)}, r"shape \[2.0\], which no array has"),
        ({"a": entry("F64", (0, 2**60), 0, 0)}, "which no array has"),
        ({"a": entry("F64", (1,) * 33, 0, 8)}, "which no array has"),
        ({"a": entry("F64", (2, 2), 0, 16)}, r"of shape \(2, 2\) has 16 bytes"),
        ({"a": entry() | {"data_offsets": [0, 8, 16]}}, "expected begin and end"),
        ({"a": entry() | {"data_offsets": "0"}}, "expected begin and end"),
        ({"a": {"dtype": "F64"}}, "not described by dtype, shape and data_offsets"),
        ({"a": entry() | {"code": "x"}}, "not described by dtype, shape and data_offsets"),
        ({"a": 3}, "not described by dtype, shape and data_offsets"),
        ({"a": entry(), "b": entry()}, "overlap or leave a gap"),
        ({"a": entry("F64", (1,), 8, 16)}, "overlap or leave a gap at byte 0"),
        ({"a": entry("F64", (1,), 0, 8)}, "take 8 bytes and 16 are there; the file is longer than it says"),
        ({"a": entry("F64", (3,), 0, 24)}, "take 24 bytes and 16 are there; the file is cut short"),
    ],
)
def test_arrays_that_do_not_fill_the_data_are_refused(tmp_path, entries, message):
    forge(tmp_path / "a", header_of(entries), bytes(16))
    with pytest.raises(FileFormatError, match=message):
        read_tensors(tmp_path / "a", kind="model")


def test_the_forgeries_above_are_refused_for_their_faults_alone(tmp_path):
    forge(tmp_path / "a", header_of({"a": entry()}), bytes(16))
    arrays, metadata = read_tensors(tmp_path / "a", kind="model")
    assert (arrays["a"].tolist(), metadata) == ([0.0, 0.0], {})


def test_a_number_that_is_not_finite_is_refused_with_its_place_unless_asked_for(tmp_path):
    write_tensors(tmp_path / "a", {"W": np.array([[1.0, 2.0], [np.nan, 3.0]])}, {}, kind="model")
    with pytest.raises(FileFormatError, match=r"W\[1, 0\] is nan; expected finite numbers"):
        read_tensors(tmp_path / "a", kind="model")
    arrays, _ = read_tensors(tmp_path / "a", kind="model", finite=False)
    assert np.isnan(arrays["W"][1, 0])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(100), b"\x80\x04\x95" + bytes(100), b"\x93NUMPY" * 5])
def test_other_kinds_of_file_are_refused(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(FileFormatError, match="not a safetensors file"):
        read_tensors(tmp_path / "a", kind="model")


def test_a_header_that_claims_more_than_is_there_takes_no_memory(tmp_path):
    tracemalloc.start()
    try:
        for length in (10**6, 2**40, 2**64 - 1):
            (tmp_path / "a").write_bytes(length.to_bytes(8, "little") + b'{"a":1}')
            with pytest.raises(FileFormatError, match=f"the header claims {length} bytes"):
                read_tensors(tmp_path / "a", kind="model")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20


def test_reading_takes_a_few_times_the_file_in_memory(tmp_path):
    write_tensors(tmp_path / "a", {"W": np.ones(2**20)}, {}, kind="model")
    tracemalloc.start()
    try:
        read_tensors(tmp_path / "a", kind="model")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * (tmp_path / "a").stat().st_size


def test_no_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(DataNotFoundError, match="no such file"):
        read_tensors(tmp_path / "a", kind="model")
    with pytest.raises(DataError, match="cannot be read"):
        read_tensors(tmp_path, kind="model")


@pytest.mark.parametrize(
    ("arrays", "metadata", "message"),
    [
        ({"a": np.array(["text"])}, {}, "array 'a' has dtype <U4; expected one of bool"),
        ({"a": np.array([None])}, {}, "array 'a' has dtype object"),
        ({"__metadata__": np.ones(1)}, {}, "which safetensors keeps for itself"),
        ({"\udc80": np.ones(1)}, {}, "these arrays can't be written"),
        ({}, {"a": float("nan")}, "not fit for JSON"),
        ({}, {"a": {1, 2}}, "not fit for JSON"),
        ({}, {"a": np.float64(1) * np.ones(2)}, "not fit for JSON"),
        ({}, {"a": "\udc80"}, "not fit for JSON"),
        ({}, {"a": "x" * 2**24}, "at most 16777216 can be read back"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, arrays, metadata, message):
    with pytest.raises(SpecificationError, match=message):
        write_tensors(tmp_path / "a", arrays, metadata, kind="model")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_kind_is_refused(path):
    with pytest.raises(SpecificationError, match="did you mean 'model'"):
        read_tensors(path, kind="modle")


def test_a_flipped_bit_never_makes_a_file_look_newer(path):
    whole = path.read_bytes()
    place = whole.index(b'\\"schema\\": 1') + len(b'\\"schema\\": ')
    for bit in range(8):
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << bit
        path.write_bytes(spoilt)
        with pytest.raises(FileFormatError) as error:
            read_tensors(path, kind="model")
        assert not isinstance(error.value, NewerFormatError)
