"""Redis is demoted in place: its address leads to another server, old connections to a server that only reads."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from chaos.cases.case import Seen
from chaos.endurance import loaded
from chaos.load.ledger import Ledger
from chaos.load.levels import ENVIRONMENT, Level
from chaos.load.workload import Workload
from chaos.recovery import recover
from chaos.system.system import System
from tests.support.servers import RedisServer
from tests.support.waiting import wait_for

FILL_S = 3.0
AFTER_S = 3.0
TIMEOUT_S = 20.0
POLL_S = 0.02


async def store_demoted(directory: Path, workload: Workload) -> Seen:
    """Hand over to a replica that has everything, as an orderly failover does, under half the capacity."""
    seen = Seen(Ledger(workload))
    with System(directory, environment=ENVIRONMENT, is_proxied=True) as system, _replica(system, directory) as replica:
        async with loaded(system, seen.ledger, Level.HALF.rate_per_s) as load:
            await asyncio.sleep(FILL_S)
            await asyncio.to_thread(_fail_over, system.redis, replica)
            system.redis_proxy.target_port = replica.port
            recovery = await recover(system, load)
            seen.stuck = recovery.stuck
            await asyncio.sleep(AFTER_S)
        seen.expect(not system.supervisor.restarts - len(seen.stuck), "a process ended")
    seen.finding = f"recovered within {recovery.worst_s:.1f} s"
    return seen


@contextmanager
def _replica(system: System, directory: Path) -> Iterator[RedisServer]:
    replica = RedisServer(directory / "replica")
    try:
        replica.start()
        with redis.Redis.from_url(replica.url) as client:
            client.replicaof("127.0.0.1", system.redis.port)
            wait_for("a replica", lambda: client.info("replication")["master_link_status"] == "up", TIMEOUT_S, POLL_S)
        yield replica
    finally:
        replica.close()


def _fail_over(old: RedisServer, new: RedisServer) -> None:
    """Make the replica the master; Redis itself waits until it has everything."""
    with redis.Redis.from_url(old.url) as client:
        client.execute_command("FAILOVER", "TO", "127.0.0.1", new.port)
        wait_for("another role", lambda: client.info("replication")["role"] == "slave", TIMEOUT_S, POLL_S)
