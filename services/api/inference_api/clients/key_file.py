"""The key file: the clients with their keys and limits."""

import hmac
import logging
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference_bridge.errors import ConfigurationError

logger = logging.getLogger(__name__)

#: Seconds between two checks of the file for a change.
LOOK_INTERVAL_S = 1.0
#: Valid names of clients.
NAME_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"

#: Identifies a version of a file: modification time (ns), bytes, inode; None if the file is missing.
Version = tuple[int, int, int] | None


class Client(BaseModel):
    """A client: its name, the digests of its keys, its limits in each API process (None: no limit), and its rights."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(pattern=NAME_PATTERN)
    sha256: Annotated[list[Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{64}$")]], Field(min_length=1)]
    rate_per_s: float | None = Field(default=None, ge=0.001, le=1_000_000)
    max_in_flight: int | None = Field(default=None, ge=1, le=10_000_000)
    high_priority: bool = False

    @property
    def digests(self) -> list[bytes]:
        """The SHA-256 of each of its keys, 32 bytes each."""
        return [bytes.fromhex(digest) for digest in self.sha256]


@dataclass(frozen=True)
class Keys:
    """One version of the key file: the digest of each key with its client."""

    holders: tuple[tuple[bytes, Client], ...]

    @cached_property
    def has_high(self) -> bool:
        """Whether a client may use high priority."""
        return any(client.high_priority for _, client in self.holders)

    def holder(self, key: bytes) -> Client | None:
        """Return the client of a key, or None.

        Runs in constant time, so that timing reveals nothing about the stored digests.
        """
        presented, found = sha256(key).digest(), None
        for digest, client in self.holders:
            if hmac.compare_digest(digest, presented):
                found = client
        return found


class KeyFile:
    """The clients in a TOML file, read again when it changes.

    A key has 32 random bytes, too many to try. A plain SHA-256 therefore protects it as well as a slow password hash,
    at almost no cost per call.

    Args:
        path: of the file; it has a table for each client, see `docs/security.md`.
        clock: monotonic seconds.

    Raises:
        ConfigurationError: the file is missing or wrong at start. A later wrong version is logged and ignored.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._version = _version(path)
        self._keys = read_keys(path)
        self._looked_s = clock()

    @property
    def has_high(self) -> bool:
        """Whether a client in the current file may use high priority."""
        return self._keys.has_high

    def holder(self, key: bytes) -> Client | None:
        """Return the client of a key in the current file, or None."""
        now_s = self._clock()
        if now_s - self._looked_s >= LOOK_INTERVAL_S:
            self._looked_s = now_s
            self._look()
        return self._keys.holder(key)

    def _look(self) -> None:
        version = _version(self._path)
        if version == self._version:
            return
        self._version = version
        try:
            self._keys = read_keys(self._path)
        except ConfigurationError as error:
            logger.error("key file is wrong, the old keys stay", extra={"reason": str(error)})
        else:
            logger.info("key file read", extra={"key_count": len(self._keys.holders)})


def read_keys(path: Path) -> Keys:
    """Return the keys in a key file.

    Raises:
        ConfigurationError: the file is missing, is not TOML, has no client, or has a wrong table.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8-sig"))  # some editors write a BOM
    except (OSError, ValueError, RecursionError) as error:  # ValueError includes TOMLDecodeError and UnicodeDecodeError
        raise _wrong(path, f"cannot be read ({error})", "name a readable TOML file") from None
    if not tables:
        raise _wrong(path, "has no client", "add a client with `python -m inference_api.clients NAME`")
    holders = [(digest, client) for client in _clients(path, tables) for digest in client.digests]
    if len({digest for digest, _ in holders}) < len(holders):
        raise _wrong(path, "holds a key twice", "give each client keys of its own")
    return Keys(tuple(holders))


def _clients(path: Path, tables: dict[str, Any]) -> list[Client]:
    clients = []
    for name, table in tables.items():
        if not isinstance(table, dict) or "name" in table:
            raise _wrong(path, f"has a wrong entry {name!r}", "put sha256, rate_per_s and max_in_flight under [CLIENT]")
        try:
            clients.append(Client.model_validate({**table, "name": name}))
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors()]
            raise _wrong(path, f"is wrong in [{name}] ({'; '.join(problems)})", "see docs/security.md") from None
    return clients


def _version(path: Path) -> Version:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _wrong(path: Path, problem: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(f"the key file {path} {problem}; {remedy}")
