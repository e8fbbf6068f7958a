"""IDX files, the format of MNIST and its family: arrays of numbers behind a short header, gzip or not.

The layout, all big-endian::

    bytes       meaning
    2           zero
    1           type code: 08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64
    1           number of dimensions d, at least 1
    4 * d       the sizes, slowest-changing dimension first
    the rest    the numbers, in C order

References
----------
LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section "The IDX file format", 1998.
Gailly, Adler, "zlib technical details": deflate expands at most 1032:1.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from twofold.data.slices import Slices, Unpacked, Update
from twofold.errors import DataError, FileFormatError
from twofold.files import reading, replacing

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

TYPE_CODES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC = b"\x1f\x8b"
MAX_DEFLATE_RATIO = 1032
MAX_HEADER = 4 + 4 * 255
AGAIN = "check that it is the file you meant, or download it again"


def read_idx(path: str | os.PathLike[str], *, update: Update | None = None) -> Array:
    """Read an IDX file; whether it is gzip is seen from its first bytes, not from its name.

    It is read and unpacked slice by slice straight into the array, the only thing in memory that is large.

    Parameters
    ----------
    path : path
        The file.
    update : callable, optional
        Called with the bytes of the whole file, slice by slice, even if it is refused: a checksum's ``update``.

    Returns
    -------
    ndarray
        In the shape and type that the header names: native byte order, C-contiguous, writable.

    Raises
    ------
    DataNotFoundError
        There is no such file.
    FileFormatError
        The bytes are not an IDX file's, or not all of them are there; a header that claims more than the file
        can hold is refused before any memory is taken for it.
    DataError
        The file can't be read: a folder, permission denied.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_idx(f"{folder}/labels.gz", np.array([9, 0, 3], dtype=np.uint8))
    ...     read_idx(f"{folder}/labels.gz")
    array([9, 0, 3], dtype=uint8)
    """
    with reading(path) as (file, size):
        slices = Slices(file, size, update)
        try:
            return _parse(file, slices, path)
        except FileFormatError:
            slices.finish()
            raise


def parse_idx(content: bytes, source: str | os.PathLike[str]) -> Array:
    """Make an array of an IDX file's bytes.

    Parameters
    ----------
    content : bytes
        The whole file, gzip or not.
    source : path
        Where it came from, for error messages.

    Returns
    -------
    ndarray
        In the shape and type that the header names: native byte order, C-contiguous, writable.

    Raises
    ------
    FileFormatError
        As `read_idx`.

    Examples
    --------
    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 5]), "two labels")
    array([7, 5], dtype=uint8)
    """
    file = io.BytesIO(content)
    return _parse(file, Slices(file, len(content)), source)


def _parse(file: BinaryIO, slices: Slices, source: str | os.PathLike[str]) -> Array:
    """Read the header, make the array it claims if the file can hold that, and fill it."""
    if not slices.size:
        raise FileFormatError(f"{source}: the file is empty; {AGAIN}")
    packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    file.seek(0)
    content = Unpacked(slices, source) if packed else slices
    head = _take(content, MAX_HEADER)  # damage in there is told as such, before anything claimed is believed
    dtype, shape = _parse_header(head, source)
    start = 4 + 4 * len(shape)
    expected = start + math.prod(shape) * dtype.itemsize
    if packed and expected > MAX_DEFLATE_RATIO * slices.size:
        raise FileFormatError(
            f"{source}: the header claims {expected} bytes, more than {slices.size} bytes of gzip can hold; {AGAIN}"
        )
    if not packed and expected != slices.size:
        raise _wrong_length(source, expected, f"{slices.size}")
    try:
        array = np.empty(shape, dtype.newbyteorder("="))
    except ValueError as error:
        raise FileFormatError(f"{source}: NumPy can hold no array of shape {shape}: {error}; {AGAIN}") from error
    done = start + _fill(array, head[start:], content)
    if done < expected:
        raise _wrong_length(source, expected, f"{done}")
    if len(head) > expected or content.read(1):  # no further than one byte, so that a gzip bomb costs no memory
        raise _wrong_length(source, expected, f"at least {expected + 1}")
    return array if dtype.isnative else array.byteswap(inplace=True)


def _wrong_length(source: str | os.PathLike[str], expected: int, actual: str) -> FileFormatError:
    return FileFormatError(f"{source}: the header claims {expected} bytes, but there are {actual}; {AGAIN}")


def _fill(array: Array, first: bytes, content: Slices | Unpacked) -> int:
    """Put the first bytes and what follows into an array, as many as it holds, and return how many there were."""
    target = array.reshape(-1).view(np.uint8).data
    done = min(len(first), len(target))
    target[:done] = first[:done]
    while done < len(target) and (piece := content.read(len(target) - done)):
        target[done : done + len(piece)] = piece
        done += len(piece)
    return done


def _parse_header(head: bytes, source: str | os.PathLike[str]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    if head[:2] != b"\x00\x00"[: len(head)]:
        raise FileFormatError(
            f"{source}: not an IDX file: the first two bytes are {head[:2].hex(' ')} instead of 00 00; {AGAIN}"
        )
    if len(head) < 4:
        raise FileFormatError(f"{source}: the header ends after {len(head)} of at least 8 bytes; {AGAIN}")
    code, dimensions = head[2], head[3]
    if code not in TYPE_CODES:
        known = ", ".join(f"{known:02X}" for known in TYPE_CODES)
        raise FileFormatError(f"{source}: unknown IDX type code {code:02X} (known: {known}); {AGAIN}")
    if dimensions == 0:
        raise FileFormatError(f"{source}: the header claims an array of zero dimensions; {AGAIN}")
    if len(head) < 4 + 4 * dimensions:
        raise FileFormatError(f"{source}: the header ends after {len(head)} of {4 + 4 * dimensions} bytes; {AGAIN}")
    return np.dtype(TYPE_CODES[code]), struct.unpack_from(f">{dimensions}I", head, 4)


def _take(content: Slices | Unpacked, count: int) -> bytes:
    """Read so many bytes, or as many as there are."""
    taken = b""
    while len(taken) < count and (piece := content.read(count - len(taken))):
        taken += piece
    return taken


def write_idx(path: str | os.PathLike[str], array: Array) -> None:
    """Write an array as an IDX file, gzip if the name ends in ``.gz``; a file half written never bears the name.

    Parameters
    ----------
    path : path
        The file; its folder must exist. The same array gives the same bytes, gzip included.
    array : ndarray
        uint8, int8, int16, int32, float32 or float64, of 1 to 255 dimensions.

    Raises
    ------
    DataError
        The format has no such type or shape, or the file can't be written.

    Examples
    --------
    >>> write_idx("a", np.array([1 + 2j]))
    Traceback (most recent call last):
    twofold.errors.DataError: a: IDX has no type complex128; use astype: uint8, int8, int16, int32, float32, float64
    """
    array = np.asarray(array)
    codes = {np.dtype(name).newbyteorder("="): code for code, name in TYPE_CODES.items()}
    code = codes.get(array.dtype.newbyteorder("="))
    if code is None:
        names = ", ".join(str(known) for known in codes)
        raise DataError(f"{path}: IDX has no type {array.dtype}; use astype: {names}")
    if array.ndim == 0 or max(array.shape) >= 2**31:
        raise DataError(f"{path}: IDX holds 1 to 255 dimensions of fewer than 2**31; the shape is {array.shape}")
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    data = header + array.astype(TYPE_CODES[code]).tobytes()
    try:
        with replacing(path) as file:
            # No time of writing goes in: the same array gives the same bytes.
            file.write(gzip.compress(data, 6, mtime=0) if Path(path).suffix == ".gz" else data)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}; choose a folder you may write to") from error
