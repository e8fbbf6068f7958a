"""Files slice by slice: each slice is handed to a checksum and unpacked if it is gzip, so no file is in memory whole.

References
----------
Deutsch, RFC 1952, 1996: a gzip file is one or more members.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import BinaryIO

from twofold.errors import FileFormatError

SLICE = 1 << 16  # bytes of a file that are in memory at a time
LATER_SLICE = 1 << 14  # in members after the first, which are rare and may be tiny: zlib copies what it leaves over
PIECE = 1 << 18  # bytes that are unpacked at a time: a slice may hold 1032 times as many as it has
GZIP_WINDOW = 31  # zlib's window bits for "a gzip header, and check its CRC"

Update = Callable[[bytes], object]  # a checksum's


class Slices:
    """The bytes of a file, in order.

    Parameters
    ----------
    file : binary file
    size : int
        Bytes to read at most: a device such as /dev/zero has no end.
    update : callable, optional
        Called with each slice: a checksum's ``update``.
    """

    def __init__(self, file: BinaryIO, size: int, update: Update | None = None) -> None:
        self.size = size
        self._file, self._left, self._update = file, size, update

    def read(self, most: int = SLICE) -> bytes:
        """Return the next bytes, at most so many and at most `SLICE`; none at the end."""
        piece = self._file.read(min(most, SLICE, self._left))
        self._left -= len(piece)
        if self._update is not None:
            self._update(piece)
        return piece

    def finish(self) -> None:
        """Hand what has not been read to ``update``."""
        while self._update is not None and self.read():
            pass


class Unpacked:
    """What the members of a gzip file hold, in order.

    Parameters
    ----------
    slices : Slices
        Of the file, from its beginning.
    source : path
        Where it came from, for error messages.
    """

    def __init__(self, slices: Slices, source: str | os.PathLike[str]) -> None:
        self._slices, self._source = slices, source
        self._rest = memoryview(b"")  # of the last slice
        self._member, self._step = zlib.decompressobj(GZIP_WINDOW), SLICE
        self._between = False  # whether a member has ended and nothing of the next has been seen

    def read(self, most: int) -> bytes:
        """Return the next bytes, at most so many and at most `PIECE`; none at the end.

        Parameters
        ----------
        most : int
            At least 1.

        Raises
        ------
        FileFormatError
            The gzip data are damaged or cut off.
        """
        while self._refill():
            taken = self._rest[: self._step]
            try:
                piece = self._member.decompress(taken, min(most, PIECE))
            except zlib.error as error:
                raise FileFormatError(f"{self._source}: damaged gzip data: {error}; download it again") from error
            self._between = self._member.eof
            left = self._member.unused_data if self._between else self._member.unconsumed_tail
            self._rest = self._rest[len(taken) - len(left) :]
            if self._between:
                self._member, self._step = zlib.decompressobj(GZIP_WINDOW), LATER_SLICE
            if piece:
                return piece
        if not self._between:
            cut = f"the gzip data is cut off after {self._slices.size} bytes"
            raise FileFormatError(f"{self._source}: {cut}; download it again")
        return b""

    def _refill(self) -> bool:
        """Have bytes at hand that are to be unpacked; zeros after a member are padding, as Python's gzip has it."""
        while True:
            if not self._rest:
                self._rest = memoryview(self._slices.read())
            if not (self._between and self._rest and self._rest[0] == 0):
                return bool(self._rest)
            head = bytes(self._rest[:LATER_SLICE])
            self._rest = self._rest[len(head) - len(head.lstrip(b"\x00")) :]
