"""The bytes of a file that is not in memory, with what is used of Arrow's buffers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa


@dataclass(frozen=True)
class FileBytes:
    """Some bytes of a file, read when they are asked for.

    Attributes
    ----------
    path : Path
    start, size : int
        Of the file's bytes.
    """

    path: Path
    start: int
    size: int

    @classmethod
    def of(cls, path: Path) -> FileBytes:
        """Return all bytes of a file."""
        return cls(path, 0, path.stat().st_size)

    def slice(self, start: int, size: int | None = None) -> FileBytes:
        """Return some of these bytes, or all from a place on."""
        return FileBytes(self.path, self.start + start, self.size - start if size is None else size)

    def to_pybytes(self) -> bytes:
        """Read them."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.size)

    def open(self) -> pa.NativeFile:
        """Open the file at their beginning, to read on to its end."""
        file = pa.OSFile(str(self.path))
        file.seek(self.start)
        return file
