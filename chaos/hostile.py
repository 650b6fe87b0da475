"""Mutated pictures and idle connections against a running system, as one section of the report."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chaos.system.system import System
from tests.support.hostile.connections import hold_connections
from tests.support.hostile.pictures import send_pictures

PICTURES = 10_000
CONNECTIONS = 10_000
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Hostile:
    """The answers to hostile input; memory is that of the API process."""

    pictures: int
    statuses: dict[str, int]
    slowest_s: float
    slowest_name: str
    slow: int
    crashes: int
    memory_before_mib: float
    memory_after_mib: float
    connections: int
    connections_slowest_s: float
    date: str


def run_hostile(directory: Path, *, pictures: int, seed: int) -> Hostile:
    """Send the pictures, then hold the connections, to one API process of a whole system."""
    with System(directory) as system:
        api = system.apis[0]
        outcome = send_pictures(api.url, pictures, seed, pid=api.process.pid)
        idle = hold_connections(api.url, CONNECTIONS)
        crashes = len(outcome.crashes) + len(idle.crashes) + system.supervisor.restarts
    return Hostile(
        pictures=pictures,
        statuses={str(status): count for status, count in outcome.statuses.items()},
        slowest_s=round(outcome.slowest_s, 3),
        slowest_name=outcome.slowest_name,
        slow=len(outcome.slow),
        crashes=crashes,
        memory_before_mib=round(outcome.rss_before_bytes / MIB, 1),
        memory_after_mib=round(outcome.rss_after_bytes / MIB, 1),
        connections=idle.connections,
        connections_slowest_s=round(idle.slowest_s, 3),
        date=datetime.now(UTC).date().isoformat(),
    )
