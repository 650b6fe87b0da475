"""A file of the operator that is read again when it changes."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from inference_bridge.errors import ConfigurationError

logger = logging.getLogger(__name__)

#: Seconds between two checks of the file for a change.
LOOK_INTERVAL_S = 1.0

#: Identifies a version of a file: modification time (ns), bytes, inode; None if the file is missing.
Version = tuple[int, int, int] | None
Content = TypeVar("Content")


class WatchedFile(Generic[Content]):
    """The content of a file, read again at most once a second, when the file has changed.

    Args:
        path: of the file.
        read: returns its content, or raises ConfigurationError.
        noun: names the file in the log.
        entries: names its content in the log.
        clock: monotonic seconds.

    Raises:
        ConfigurationError: the file is missing or wrong at start. A later wrong version is logged and ignored.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[Path], Content],
        *,
        noun: str,
        entries: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._read = read
        self._noun = noun
        self._entries = entries
        self._clock = clock
        self._version = _version(path)
        self._content = read(path)
        self._looked_s = clock()

    def current(self) -> Content:
        """Return the content of the current file, or of the last right one."""
        now_s = self._clock()
        if now_s - self._looked_s >= LOOK_INTERVAL_S:
            self._looked_s = now_s
            self._look()
        return self._content

    def _look(self) -> None:
        version = _version(self._path)
        if version == self._version:
            return
        self._version = version
        try:
            self._content = self._read(self._path)
        except ConfigurationError as error:
            logger.error(f"{self._noun} is wrong, the old {self._entries} stay", extra={"reason": str(error)})
        else:
            logger.info(f"{self._noun} read")


def _version(path: Path) -> Version:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
