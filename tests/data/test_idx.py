import contextlib
import gzip
import hashlib
import itertools
import os
import re
import struct
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from twofold.data.idx import TYPE_CODES, parse_idx, read_idx, write_idx
from twofold.errors import DataError, DataNotFoundError, FileFormatError

AGAIN = "check that it is the file you meant, or download it again"
DTYPES = [np.dtype(name).newbyteorder("=") for name in TYPE_CODES.values()]


def header(code: int, *sizes: int) -> bytes:
    return struct.pack(f">HBB{len(sizes)}I", 0, code, len(sizes), *sizes)


def whole(text: str) -> str:
    return f"^{re.escape(text)}$"


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 3, 4), (0, 3), (1, 1, 1, 2)], ids=str)
@pytest.mark.parametrize("name", ["a.idx", "a.gz"])
def test_what_is_written_is_read_back(tmp_path, dtype, shape, name):
    values = (np.arange(np.prod(shape)) - 2).astype(dtype).reshape(shape)
    write_idx(tmp_path / name, values)
    array = read_idx(tmp_path / name)
    np.testing.assert_array_equal(array, values)
    assert array.dtype == dtype
    assert array.dtype.isnative
    assert array.shape == shape
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert array.flags.aligned
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_bytes_on_disk_are_the_formats(tmp_path):
    write_idx(tmp_path / "a", np.array([[1, -2]], dtype=np.int16))
    assert (tmp_path / "a").read_bytes() == bytes.fromhex("00000b02 00000001 00000002 0001 fffe")


def test_gzip_is_written_by_name_and_twice_the_same(tmp_path):
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, np.arange(9, dtype=np.uint8))
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == header(8, 9) + bytes(range(9))


def test_gzip_is_recognised_by_content_not_by_name(tmp_path):
    content = header(8, 2) + b"\x05\x06"
    (tmp_path / "plain.gz").write_bytes(content)
    (tmp_path / "packed.idx").write_bytes(gzip.compress(content))
    for name in ("plain.gz", "packed.idx"):
        np.testing.assert_array_equal(read_idx(str(tmp_path / name)), np.array([5, 6], dtype=np.uint8))


def test_arrays_in_any_order_and_byte_order_are_written(tmp_path):
    values = np.arange(6, dtype=">i4").reshape(2, 3)
    write_idx(tmp_path / "a", np.asfortranarray(values))
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), values.astype(np.int32))


@pytest.mark.parametrize("cuts", [(3,), (4, 8), (8,), (20, 21, 22), (2000,)], ids=str)
def test_gzip_files_of_several_members_are_read_whole(cuts):
    content = header(8, 3000) + bytes(i % 251 for i in range(3000))
    edges = [0, *cuts, len(content)]
    packed = b"".join(gzip.compress(content[a:b]) for a, b in itertools.pairwise(edges))
    assert parse_idx(packed, "a").tobytes() == content[8:]
    assert parse_idx(packed + bytes(512), "a").tobytes() == content[8:]


def test_zeros_after_a_member_are_padding_as_in_pythons_gzip():
    content = header(8, 3) + b"abc"
    packed = gzip.compress(content[:5], mtime=0) + bytes(70_000) + gzip.compress(content[5:], mtime=0) + bytes(9)
    assert gzip.decompress(packed) == content
    assert parse_idx(packed, "a").tobytes() == b"abc"


def test_a_later_member_may_be_longer_than_one_slice():
    noise = np.random.default_rng(0).integers(0, 256, 200_000, dtype=np.uint8).tobytes()
    packed = gzip.compress(header(8, 200_000)) + gzip.compress(noise)
    assert parse_idx(packed, "a").tobytes() == noise


def test_many_members_take_no_quadratic_time():
    packed = gzip.compress(header(8, 3) + b"abc") + gzip.compress(b"", mtime=0) * 100_000
    start = time.process_time()
    parse_idx(packed, "a")
    # 0.4 s; were all that follows copied at each member, it would be 100 GB.
    assert time.process_time() - start < 3


GOOD = header(8, 2, 3) + bytes(6)
GZIPPED = gzip.compress(GOOD, mtime=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", f"a: the file is empty; {AGAIN}"),
        (b"\x00", f"a: the header ends after 1 of at least 8 bytes; {AGAIN}"),
        (b"\x00\x00\x08", f"a: the header ends after 3 of at least 8 bytes; {AGAIN}"),
        (GOOD[:4], f"a: the header ends after 4 of 12 bytes; {AGAIN}"),
        (GOOD[:11], f"a: the header ends after 11 of 12 bytes; {AGAIN}"),
        (b"P", f"a: not an IDX file: the first two bytes are 50 instead of 00 00; {AGAIN}"),
        (b"PK\x03\x04", f"a: not an IDX file: the first two bytes are 50 4b instead of 00 00; {AGAIN}"),
        (header(0x0A, 1), f"a: unknown IDX type code 0A (known: 08, 09, 0B, 0C, 0D, 0E); {AGAIN}"),
        (header(8), f"a: the header claims an array of zero dimensions; {AGAIN}"),
        (GOOD[:-1], f"a: the header claims 18 bytes, but there are 17; {AGAIN}"),
        (GOOD + b"\x00", f"a: the header claims 18 bytes, but there are 19; {AGAIN}"),
        (gzip.compress(GOOD[:-1], mtime=0), f"a: the header claims 18 bytes, but there are 17; {AGAIN}"),
        (gzip.compress(GOOD + b"\x00", mtime=0), f"a: the header claims 18 bytes, but there are at least 19; {AGAIN}"),
        (gzip.compress(b"", mtime=0), f"a: the header ends after 0 of at least 8 bytes; {AGAIN}"),
        (GZIPPED[:-1], f"a: the gzip data is cut off after {len(GZIPPED) - 1} bytes; download it again"),
        (GZIPPED[:2], "a: the gzip data is cut off after 2 bytes; download it again"),
        (
            GZIPPED[:-8] + b"\x00\x00\x00\x00" + GZIPPED[-4:],
            "a: damaged gzip data: Error -3 while decompressing data: incorrect data check; download it again",
        ),
        (
            GZIPPED + b"garbage",
            "a: damaged gzip data: Error -3 while decompressing data: incorrect header check; download it again",
        ),
    ],
)
def test_damage_is_told_in_one_line(content, message):
    with pytest.raises(FileFormatError, match=whole(message)):
        parse_idx(content, "a")


@pytest.mark.parametrize("sizes", [(2**32 - 1,) * 3, (2**32 - 1,) * 255, (10**6, 10**6)], ids=len)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_header_that_claims_terabytes_takes_no_memory(sizes, pack):
    content = pack(header(0x0E, *sizes) + bytes(100))
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match=r"^a: the header claims \d+ bytes, (but there are|more than) \d+"):
            parse_idx(content, "a")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_gzip_claim_beyond_what_deflate_can_hold_is_refused_by_its_numbers():
    content = gzip.compress(header(8, 10**6))
    message = f"a: the header claims 1000008 bytes, more than {len(content)} bytes of gzip can hold; {AGAIN}"
    with pytest.raises(FileFormatError, match=whole(message)):
        parse_idx(content, "a")


def test_a_gzip_bomb_is_unpacked_no_further_than_its_claim():
    content = gzip.compress(header(8, 10) + bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match="claims 18 bytes, but there are at least 19;"):
            parse_idx(content, "a")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", ["u1", "f8"])
@pytest.mark.parametrize("numbers", ["noise", "zeros"])
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_reading_takes_the_memory_of_the_array_and_little_else(tmp_path, dtype, numbers, name):
    n = 4_000_000 // np.dtype(dtype).itemsize
    values = np.random.default_rng(0).integers(0, 256 if numbers == "noise" else 1, n).astype(dtype)
    write_idx(tmp_path / name, values)
    tracemalloc.start()
    try:
        array = read_idx(tmp_path / name, update=hashlib.md5(usedforsecurity=False).update)
        assert 4_000_000 <= tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(array, values)


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GZIPPED,
        GZIPPED + bytes(100_000),
        GOOD + bytes(100_000),
        b"no IDX file" * 10_000,
        GZIPPED[:-1],
        gzip.compress(header(8, 10) + os.urandom(200_000)),
        GZIPPED + os.urandom(200_000),
    ],
    ids=["plain", "gzip", "padded", "too long", "another", "cut off", "bomb", "garbage"],
)
def test_a_checksum_sees_each_byte_of_a_file_once_also_of_one_that_is_refused(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    seen = []
    with contextlib.suppress(FileFormatError):
        read_idx(tmp_path / "a", update=seen.append)
    assert b"".join(seen) == content
    assert max(map(len, seen)) <= 1 << 16


@pytest.mark.parametrize("sizes", [(0, 2**32 - 1, 2**32 - 1, 2**32 - 1), (1,) * 65], ids=len)
def test_shapes_that_numpy_cannot_hold_are_refused(sizes):
    content = header(8, *sizes) + bytes(0 if 0 in sizes else 1)
    with pytest.raises(FileFormatError, match=r"^a: NumPy can hold no array of shape \([\d, ]+\): .*; check"):
        parse_idx(content, "a")


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    with pytest.raises(DataNotFoundError, match=whole(f"{tmp_path}/no: no such file; check the path")):
        read_idx(tmp_path / "no")
    with pytest.raises(
        DataError, match=whole(f"{tmp_path}: cannot be read: Is a directory; give a file that you may read")
    ):
        read_idx(tmp_path)


def test_permission_denied_is_told(tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")  # chmod would not stop root, who runs tests in containers

    (tmp_path / "a").touch()
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match="a: cannot be read: Permission denied; give a file that you may read"):
        read_idx(tmp_path / "a")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no /dev/zero here")
def test_an_endless_device_is_an_empty_file():
    with pytest.raises(FileFormatError, match="the file is empty"):
        read_idx("/dev/zero")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.array([1 + 2j]),
            "IDX has no type complex128; use astype: uint8, int8, int16, int32, float32, float64",
        ),
        (
            np.array([1], dtype=np.int64),
            "IDX has no type int64; use astype: uint8, int8, int16, int32, float32, float64",
        ),
        (np.uint8(3), "IDX holds 1 to 255 dimensions of fewer than 2**31; the shape is ()"),
        (
            np.empty((2**31, 0), np.uint8),
            "IDX holds 1 to 255 dimensions of fewer than 2**31; the shape is (2147483648, 0)",
        ),
    ],
    ids=["complex", "int64", "scalar", "long"],
)
def test_what_idx_cannot_hold_is_not_written(tmp_path, array, message):
    with pytest.raises(DataError, match=whole(f"{tmp_path}/a: {message}")):
        write_idx(tmp_path / "a", array)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(DataError, match="no/a: cannot be written: No such file or directory; choose a folder"):
        write_idx(tmp_path / "no" / "a", np.zeros(1, np.uint8))


def test_fashion_mnist_is_read_as_its_readme_describes_it():
    if "TWOFOLD_DATA" not in os.environ:
        pytest.skip("TWOFOLD_DATA is not set: it names the folder that holds fashion-mnist/")
    folder = Path(os.environ["TWOFOLD_DATA"]) / "fashion-mnist"
    images = read_idx(folder / "t10k-images-idx3-ubyte.gz")
    labels = read_idx(folder / "t10k-labels-idx1-ubyte.gz")
    assert images.shape == (10_000, 28, 28)
    assert images.dtype == labels.dtype == np.uint8
    # README of Fashion-MNIST: 10 classes, balanced: 1000 test images of each.
    np.testing.assert_array_equal(np.bincount(labels), np.full(10, 1000))
