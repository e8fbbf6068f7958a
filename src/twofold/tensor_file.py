"""Arrays and JSON metadata in one safetensors file, under a SHA-256 sum; nothing in such a file can run.

A file is what the safetensors format says: eight bytes with the header's length, a header in JSON, the arrays' bytes.
The header's ``__metadata__`` has one entry, ``"twofold"``, a JSON text::

    {"sha256": "...", "kind": "model", "schema": 1, "content": {...}}

The sum is that of the whole file with 64 zeros in the sum's own place, so it covers every byte there is.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import ChecksumError, FileFormatError, NewerFormatError, SpecificationError, check_name
from twofold.files import read_bytes, replacing

Array = NDArray[Any]

SCHEMAS = {"model": 1, "checkpoint": 1}  # the newest schema of each kind that is written and read here
DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I32": "int32",
    "I64": "int64",
    "U64": "uint64",
    "F32": "float32",
    "F64": "float64",
}
ORDER = ("U64", "I64", "F64", "F32", "I32", "U8", "BOOL")  # of the arrays in a file, as the safetensors library has it

MAX_HEADER = 2**24  # bytes; parsed JSON takes up to some 30 times its text
MAX_DIGITS = 309  # of a double, before the point
ZEROS = b"0" * 64
SUM = re.compile(rb'\\"sha256\\": ?\\"([0-9a-f]{64})\\"')


def write_tensors(
    path: str | os.PathLike[str], arrays: Mapping[str, Array], metadata: Mapping[str, Any], *, kind: str
) -> str:
    """Write arrays and metadata to a file, all or nothing.

    Parameters
    ----------
    path : path
        The file; its folder must exist. A file that is there is replaced once the new one is on the disk.
    arrays : mapping of str to ndarray
        Of a type in `DTYPES`; any shape and memory layout.
    metadata : mapping
        Fit for JSON: strings, finite numbers, booleans, None, lists, and mappings with strings as keys.
    kind : str
        What the file is, a name in `SCHEMAS`.

    Returns
    -------
    str
        The file's SHA-256 sum as it stands in the file, 64 hexadecimal digits.

    Raises
    ------
    SpecificationError
        If an array has another type, or the metadata is not fit for JSON or too large.
    OSError
        If the file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_tensors(f"{folder}/a.safetensors", {"W": np.eye(2)}, {"seed": 3}, kind="model")
    ...     arrays, metadata = read_tensors(f"{folder}/a.safetensors", kind="model")
    >>> arrays["W"].tolist(), metadata
    ([[1.0, 0.0], [0.0, 1.0]], {'seed': 3})
    """
    check_name("kind of file", kind, SCHEMAS)
    envelope = {"sha256": ZEROS.decode(), "kind": kind, "schema": SCHEMAS[kind], "content": dict(metadata)}
    data = _lay_out({name: _plain(name, array) for name, array in arrays.items()}, _dump(envelope))
    header_end = 8 + int.from_bytes(data[:8], "little")
    if header_end > MAX_HEADER:
        raise SpecificationError(
            f"names and metadata take {header_end} bytes; at most {MAX_HEADER} can be read back: keep less of them"
        )
    place = SUM.search(data, 8, header_end)
    assert place is not None  # noqa: S101 - the envelope above begins with it
    total = hashlib.sha256(data).hexdigest()
    data[slice(*place.span(1))] = total.encode()
    with replacing(path) as file:
        file.write(data)
    return total


def read_tensors(
    path: str | os.PathLike[str], *, kind: str, finite: bool = True
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Read a file that `write_tensors` wrote; every byte of it is checked first.

    Memory stays within a few times the file's size, plus some 30 times the header's, which is at most 16 MiB.

    Parameters
    ----------
    path : path
        The file.
    kind : str
        What it should be, a name in `SCHEMAS`.
    finite : bool
        Refuse infinities and NaN.

    Returns
    -------
    arrays : dict of str to ndarray
        By name, writable.
    metadata : dict

    Raises
    ------
    DataNotFoundError
        There is no such file.
    FileFormatError
        It is no such file, is cut short or longer than it says, is of another kind or of a newer schema, has a key
        twice, an unknown type, or a number that is not finite.
    ChecksumError
        It was changed after it was written.
    """
    check_name("kind of file", kind, SCHEMAS)
    data = read_bytes(path)
    header_end = _find_header(path, data)
    header = _parse(path, "header", data[8:header_end])
    envelope = _open_envelope(path, header)
    # Before it is believed: a flipped bit may make a schema look newer than it is.
    _check_sum(path, data, header_end, envelope.get("sha256"))
    _check_envelope(path, envelope, kind)
    _check_layout(path, header, len(data) - header_end)
    arrays = {name: _take(data, header_end, entry) for name, entry in header.items() if name != "__metadata__"}
    if finite:
        _refuse_infinities(path, arrays)
    return arrays, envelope["content"]


def _plain(name: str, array: Array) -> Array:
    """Bring an array to C order and the machine's byte order, or refuse its type."""
    array = np.asarray(array)
    if name == "__metadata__":
        raise SpecificationError("an array can't have the name '__metadata__', which safetensors keeps for itself")
    if array.dtype.name not in DTYPES.values():
        raise SpecificationError(
            f"array {name!r} has dtype {array.dtype}; expected one of {', '.join(DTYPES.values())}"
        )
    return np.asarray(array, dtype=array.dtype.name, order="C")


def _lay_out(arrays: Mapping[str, Array], text: str) -> bytearray:
    """Return a whole file, byte by byte what the safetensors library writes: wide types first, then by name."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    header: dict[str, Any] = {"__metadata__": {"twofold": text}}
    end, parts = 0, []
    for name, array in sorted(arrays.items(), key=lambda item: (ORDER.index(names[item[1].dtype.name]), item[0])):
        parts.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": names[array.dtype.name], "shape": list(array.shape), "data_offsets": [begin, end]}
    try:
        head = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    except (TypeError, UnicodeError) as error:
        raise SpecificationError(f"these arrays can't be written: {error}") from error
    head += b" " * (-len(head) % 8)  # so that the arrays lie at multiples of 8
    return bytearray(b"".join([len(head).to_bytes(8, "little"), head, *parts]))


def _take(data: bytes, start: int, entry: dict[str, Any]) -> Array:
    """Copy an array out of the file, whose layout has been checked."""
    dtype = np.dtype(DTYPES[entry["dtype"]])
    size = math.prod(entry["shape"])
    array = np.frombuffer(data, dtype.newbyteorder("<"), size, start + entry["data_offsets"][0])
    return array.reshape(entry["shape"]).astype(dtype)


def _dump(value: object) -> str:
    try:
        text = json.dumps(value, allow_nan=False, default=_unwrap)
        json.dumps(value, allow_nan=False, ensure_ascii=False, default=_unwrap).encode()  # refuses halves of characters
    except (TypeError, ValueError, RecursionError) as error:
        raise SpecificationError(f"this metadata is not fit for JSON: {error}") from error
    return text


def _unwrap(value: object) -> object:
    """Turn NumPy's single numbers into Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r:.60} is neither a number nor text, list, mapping or None")


def _find_header(path: str | os.PathLike[str], data: bytes) -> int:
    """Return where the header ends."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or data[8:9] != b"{":
        raise FileFormatError(f"{path}: not a safetensors file; give one that twofold saved")
    if length > MAX_HEADER:
        raise FileFormatError(f"{path}: the header claims {length} bytes; at most {MAX_HEADER} are read")
    if 8 + length > len(data):
        raise FileFormatError(
            f"{path}: the header claims {length} bytes and the file has {len(data)}; it was cut short: get it again"
        )
    return 8 + length


def _parse(path: str | os.PathLike[str], what: str, text: bytes | str) -> dict[str, Any]:
    """Read a JSON object in which no key comes twice and every number is finite."""
    try:
        value = json.loads(
            text if isinstance(text, str) else text.decode(),
            object_pairs_hook=_once,
            parse_constant=_finite,
            parse_float=_finite,
            parse_int=_whole,
        )
        json.dumps(value, ensure_ascii=False).encode()  # refuses halves of characters, which no screen can show
    except (ValueError, RecursionError) as error:
        why = "nested too deep" if isinstance(error, RecursionError) else error
        raise FileFormatError(f"{path}: the {what} is not sound JSON: {why}") from error
    if not isinstance(value, dict):
        raise FileFormatError(f"{path}: the {what} is a JSON {type(value).__name__}; expected an object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key {name!r:.60} comes twice")
        found[name] = value
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text:.60} is not finite")
    return number


def _whole(text: str) -> int:
    """Read a whole number; one that is larger than any double is no count, and no loss or mean either."""
    if len(text) > MAX_DIGITS or not math.isfinite(float(text)):
        raise ValueError(f"the number {text[:20]}... has {len(text)} digits")
    return int(text)


def _open_envelope(path: str | os.PathLike[str], header: dict[str, Any]) -> dict[str, Any]:
    """Return our part of the header, if the file is ours."""
    ours = header.get("__metadata__")
    text = ours.get("twofold") if isinstance(ours, dict) else None
    if not isinstance(text, str):
        raise FileFormatError(f"{path}: a safetensors file, but not one of twofold's; give one that twofold saved")
    return _parse(path, "metadata", text)


def _check_envelope(path: str | os.PathLike[str], envelope: dict[str, Any], kind: str) -> None:
    """Refuse a file of another kind, or of a schema that isn't known here."""
    schema = envelope.get("schema")
    if envelope.get("kind") != kind:
        raise FileFormatError(f"{path}: holds a {envelope.get('kind')!r:.60}; expected a {kind!r}")
    if type(schema) is not int or schema < 1:
        raise FileFormatError(f"{path}: the schema is {schema!r:.60}; expected a whole number from 1")
    if schema > SCHEMAS[kind]:
        raise NewerFormatError(
            f"{path}: written by a newer twofold (schema {schema}; here up to {SCHEMAS[kind]} is read); upgrade twofold"
        )
    if set(envelope) != {"sha256", "kind", "schema", "content"} or not isinstance(envelope["content"], dict):
        raise FileFormatError(f"{path}: the metadata has {sorted(envelope)}; expected sha256, kind, schema and content")


def _check_sum(path: str | os.PathLike[str], data: bytes, header_end: int, written: object) -> None:
    place = SUM.search(data, 8, header_end)
    if place is None or place[1].decode() != written:
        raise ChecksumError(f"{path}: there is no SHA-256 sum in it; it was changed: get it again")
    start, end = place.span(1)
    view = memoryview(data)
    total = hashlib.sha256(view[:start])
    total.update(ZEROS)
    total.update(view[end:])
    if total.hexdigest().encode() != place[1]:
        raise ChecksumError(
            f"{path}: its SHA-256 sum is {total.hexdigest()}, not {place[1].decode()} as it says; "
            "it was changed after it was saved: get it again"
        )


def _check_layout(path: str | os.PathLike[str], header: dict[str, Any], size: int) -> None:
    """Refuse a header whose arrays don't fill the data exactly, each byte once."""
    places = []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise FileFormatError(f"{path}: array {name!r:.60} is not described by dtype, shape and data_offsets")
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise FileFormatError(
                f"{path}: array {name!r:.60} has type {dtype!r:.60}; expected one of {', '.join(DTYPES)}"
            )
        if not _are_counts(shape) or len(shape) > 32 or math.prod(max(n, 1) for n in shape) >= 2**56:
            raise FileFormatError(f"{path}: array {name!r:.60} has shape {shape!r:.60}, which no array has")
        if not _are_counts(offsets) or len(offsets) != 2:
            raise FileFormatError(
                f"{path}: array {name!r:.60} has data_offsets {offsets!r:.60}; expected begin and end"
            )
        begin, end = offsets
        if end - begin != math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize:
            raise FileFormatError(f"{path}: array {name!r:.60} of shape {tuple(shape)} has {end - begin} bytes")
        places.append((begin, end))
    reached = 0
    for begin, end in sorted(places):
        if begin != reached:
            raise FileFormatError(f"{path}: the arrays overlap or leave a gap at byte {reached} of the data")
        reached = end
    if reached != size:
        kind = "cut short" if size < reached else "longer than it says"
        raise FileFormatError(f"{path}: the arrays take {reached} bytes and {size} are there; the file is {kind}")


def _are_counts(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _refuse_infinities(path: str | os.PathLike[str], arrays: Mapping[str, Array]) -> None:
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise FileFormatError(f"{path}: {name}{list(place)} is {array[place]}; expected finite numbers")
