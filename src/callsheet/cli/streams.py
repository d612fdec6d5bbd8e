"""stdout and stderr of a command: a reader that leaves changes nothing, a failed write is an error."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from callsheet.errors import OutputUnwritableError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_READER_LEFT = {errno.EPIPE, errno.ESHUTDOWN} | ({errno.EINVAL} if os.name == "nt" else set())


class _CheckedWriter(io.RawIOBase):
    """Writes to a stream of the process until that fails, and drops the rest.

    The first failure raises OutputUnwritableError, unless only the reader has left. Failures of
    stderr raise nothing, since no one could be told.
    """

    def __init__(self, stream: TextIO, raw: io.RawIOBase, *, required: bool) -> None:
        self._stream = stream  # without it the raw stream would be closed
        self._raw = raw
        self._required = required
        self._dropping = False

    def write(self, data: ReadableBuffer) -> int | None:
        if self._dropping:
            return memoryview(data).nbytes
        try:
            return self._raw.write(data)
        except OSError as error:
            self._dropping = True
            if self._required and error.errno not in _READER_LEFT:
                raise OutputUnwritableError(
                    f"stdout cannot be written: {error.strerror}",
                    hint="free that place; nothing stored is lost:"
                    " `callsheet show last` prints the last run",
                ) from error
            return memoryview(data).nbytes

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()


def prepare_streams() -> None:
    """Makes all three streams usable, whether they are open or not, whoever reads them."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # This also takes the descriptor, which the next file opened would get otherwise.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115  # stays open
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        buffer = getattr(stream, "buffer", None)
        raw = getattr(buffer, "raw", buffer)  # with PYTHONUNBUFFERED there is no buffer
        if isinstance(raw, io.RawIOBase):
            writer = _CheckedWriter(stream, raw, required=name == "stdout")
            # A prompt may contain any character; a terminal's legacy encoding must not end the run.
            checked = io.TextIOWrapper(
                io.BufferedWriter(writer), "utf-8", "replace", line_buffering=stream.line_buffering
            )
            setattr(sys, name, checked)
