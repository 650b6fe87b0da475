"""The key file: the clients with their keys and limits."""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from inference_api.named_tables import read_tables, wrong_file
from inference_api.watched_file import WatchedFile

NOUN = "key file"
#: Valid names of clients.
NAME_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"


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


def watch_keys(path: Path, *, clock: Callable[[], float] = time.monotonic) -> WatchedFile[Keys]:
    """Return the keys in a TOML file, read again when it changes.

    A key has 32 random bytes, too many to try. A plain SHA-256 therefore protects it as well as a slow password hash,
    at almost no cost per call.

    Args:
        path: of the file; it has a table for each client, see `docs/security.md`.
        clock: monotonic seconds.

    Raises:
        ConfigurationError: the file is missing or wrong at start. A later wrong version is logged and ignored.
    """
    return WatchedFile(path, read_keys, noun=NOUN, entries="keys", clock=clock)


def read_keys(path: Path) -> Keys:
    """Return the keys in a key file.

    Raises:
        ConfigurationError: the file is missing, is not TOML, has no client, or has a wrong table.
    """
    clients = read_tables(path, Client, noun=NOUN)
    if not clients:
        raise wrong_file(NOUN, path, "has no client", "add a client with `python -m inference_api.clients NAME`")
    holders = [(digest, client) for client in clients for digest in client.digests]
    if len({digest for digest, _ in holders}) < len(holders):
        raise wrong_file(NOUN, path, "holds a key twice", "give each client keys of its own")
    return Keys(tuple(holders))
