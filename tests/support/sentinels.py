"""A Redis with a replica, watched by Sentinels of our own: real servers on free ports of 127.0.0.1."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import quote

import redis

from tests.support.servers import Process, RedisServer, find_program, free_port
from tests.support.waiting import wait_for

MASTER = "results"
COUNT = 3
PASSWORD = "of the Sentinels"  # noqa: S105  # guards nothing but them
#: What a URL needs to ask them.
LOGIN = f"sentinel_password={quote(PASSWORD)}"
_CONFIG = """
bind 127.0.0.1
{listen} {port}
dir {directory}
requirepass "{password}"
sentinel sentinel-pass "{password}"
{more}
sentinel monitor {master} {host} {master_port} 2
sentinel down-after-milliseconds {master} 500
sentinel failover-timeout {master} 3000
"""


class Sentinel:
    """One Sentinel with a password, that watches one master.

    Args:
        directory: for its configuration and log.
        master_port: of the master.
        tls: lines of its configuration with its certificate; with them it and the master speak TLS as `localhost`.
    """

    def __init__(self, directory: Path, master_port: int, tls: str = "") -> None:
        directory.mkdir()
        self.port = free_port()
        more = f"port 0\ntls-replication yes\nsentinel resolve-hostnames yes\nsentinel announce-hostnames yes\n{tls}"
        lines = _CONFIG.format(
            listen="tls-port" if tls else "port",
            port=self.port,
            directory=directory,
            password=PASSWORD,
            more=more if tls else "",
            master=MASTER,
            host="localhost" if tls else "127.0.0.1",
            master_port=master_port,
        )
        config = directory / "sentinel.conf"
        config.write_text(lines)
        self.process = Process([find_program("redis-server"), str(config), "--sentinel"], directory / "sentinel.log")

    def start(self) -> Self:
        """Start it and wait until it takes connections."""
        self.process.start().wait_for_port(self.port)
        return self

    def close(self) -> None:
        """End it."""
        self.process.stop(signal.SIGKILL)

    def knows(self, replicas: int, sentinels: int) -> bool:
        """Tell whether it has found this number of replicas, and of other Sentinels."""
        with redis.Redis(port=self.port, password=PASSWORD, decode_responses=True) as client:
            state = client.sentinel_master(MASTER)
        return (state["num-slaves"], state["num-other-sentinels"]) == (replicas, sentinels)


class Watched:
    """Two servers, of which the second copies the first, and three Sentinels.

    Attributes:
        url: `redis+sentinel://` with all of them.
    """

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.master = RedisServer(directory / "master").start()
        stack.callback(self.master.close)
        self.replica = RedisServer(directory / "replica").start()
        stack.callback(self.replica.close)
        follow(self.replica, self.master)
        self.sentinels = [Sentinel(directory / f"sentinel-{n}", self.master.port) for n in range(COUNT)]
        for sentinel in self.sentinels:
            stack.callback(sentinel.close)
            sentinel.start()
        wait_for("Sentinels that know all", lambda: all(one.knows(1, COUNT - 1) for one in self.sentinels), 30, 0.1)
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        self.url = f"redis+sentinel://{hosts}/{MASTER}/0?{LOGIN}"


@contextmanager
def watched_servers(directory: Path) -> Iterator[Watched]:
    """Run them, with data below a directory."""
    with ExitStack() as stack:
        yield Watched(directory, stack)


def follow(replica: RedisServer, master: RedisServer) -> None:
    """Make one server a copy of another, and wait until it is."""
    with redis.Redis.from_url(replica.url) as client:
        client.replicaof("127.0.0.1", str(master.port))
        wait_for("a replica in step", lambda: client.info("replication")["master_link_status"] == "up", 30, 0.05)


def wait_for_copy(master: RedisServer) -> None:
    """Wait until a replica has all that the master had written by now."""
    with redis.Redis.from_url(master.url) as client:
        wait_for("a replica with all that is written", lambda: _is_copied(client), 30, 0.05)


def promote(replica: RedisServer) -> None:
    """Make a replica a master."""
    with redis.Redis.from_url(replica.url) as client:
        client.replicaof("NO", "ONE")


def _is_copied(master: redis.Redis) -> bool:
    state = master.info("replication")
    return bool(state["slave0"]["offset"] == state["master_repl_offset"])
