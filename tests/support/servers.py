"""A RabbitMQ and a Redis of our own: real servers on free ports of 127.0.0.1, with data in a directory of ours.

Used by the tests and by the benchmarks; the machine's own servers are never touched. Everything that was started is
ended by its process group, also when the run is interrupted.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import pika.frame
import redis

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 30.0
#: How often a quorum queue tells how many messages it holds; by default every 5 s, which many tests would wait for.
COUNT_EVERY_MS = 200
# Debian's wrapper changes the user when it is called by root; the script behind it does not.
_RABBITMQ_SCRIPTS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")
_CONTROL_SCRIPTS = ("/usr/lib/rabbitmq/bin/rabbitmqctl", "rabbitmqctl")
#: Bound for as long as this process lives: its server listens seconds later, and others look for ports meanwhile.
_held_ports: list[socket.socket] = []


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody uses, and that nobody else gets while this process runs."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server that sets it too may listen
    holder.bind(("127.0.0.1", 0))
    _held_ports.append(holder)
    port: int = holder.getsockname()[1]
    return port


def find_program(*names: str) -> str:
    """Return the path of the first program that is installed; raise FileNotFoundError with what to do otherwise."""
    found = next((path for path in map(shutil.which, names) if path), None)
    if found is None:
        raise FileNotFoundError(f"{names[-1]} is not installed; run `make test`, which says or does what is missing")
    return found


class Process:
    """A program in a process group of its own, its output in a file."""

    def __init__(self, command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.command = command
        self.log = log
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id, also of the group."""
        if self._process is None:
            raise RuntimeError(f"{self.command[0]} was not started")
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """The exit status once it has ended, negative for a signal."""
        return None if self._process is None else self._process.poll()

    def start(self) -> Self:
        """Start the program."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def send_signal(self, number: int) -> None:
        """Send a signal to the program and all it started."""
        if self.exit_status is None:
            os.killpg(self.pid, number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, return the exit status; SIGKILL when it takes too long."""
        self.send_signal(number)
        return self.wait(STOP_TIMEOUT_S)

    def wait(self, timeout_s: float) -> int:
        """Wait for the end and return the exit status."""
        if self._process is None:
            return 0
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.send_signal(signal.SIGKILL)
            return self._process.wait(timeout_s)

    def wait_for_port(self, port: int) -> None:
        """Return when the program listens; raise with the end of its output when it does not come to that."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.exit_status is None:
            with socket.socket() as client:
                client.settimeout(1)
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        tail = self.log.read_text(errors="replace")[-2000:]
        raise TimeoutError(f"{self.command[0]} does not listen on port {port}:\n{tail}")


class RabbitMQ:
    """A RabbitMQ node; restarted on the same data it has the same queues.

    Args:
        directory: for its data, configuration and log.
        config: more lines for its `rabbitmq.conf`.
        plugins: plugins that are enabled.
    """

    def __init__(self, directory: Path, *, config: str = "", plugins: Sequence[str] = ()) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"
        epmd_port = str(free_port())
        environment = {
            "HOME": str(directory),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": epmd_port,
            "RABBITMQ_NODENAME": f"test-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(directory / "data"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"+S 2:2 +sbwt none -rabbit quorum_tick_interval {COUNT_EVERY_MS}",
        }
        (directory / "rabbitmq.conf").write_text(f"log.console.level = warning\n{config}")
        (directory / "plugins").write_text(f"[{','.join(plugins)}].\n")
        epmd = [find_program("epmd"), "-port", epmd_port, "-address", "127.0.0.1"]
        self._epmd = Process(epmd, directory / "epmd.log").start()
        self._environment = environment
        self.process = Process([find_program(*_RABBITMQ_SCRIPTS)], directory / "rabbitmq.log", environment)

    def start(self) -> Self:
        """Start the node and wait until it takes connections."""
        self.process.start().wait_for_port(self.port)
        return self

    def control(self, *arguments: str) -> str:
        """Run `rabbitmqctl` against this node and return what it prints."""
        command = [find_program(*_CONTROL_SCRIPTS), "--quiet", *arguments]
        environment = {**os.environ, **self._environment}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed: {done.stderr}")
        return done.stdout

    def version(self) -> str:
        """Return the version that the running node says it is, in the first frame of a connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
            client.sendall(pika.frame.ProtocolHeader().marshal())
            start: Any = pika.frame.decode_frame(client.recv(65_536))[1]
        version: str = start.method.server_properties["version"]
        return version

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the node; its data stay."""
        self.process.stop(number)

    def close(self) -> None:
        """End everything."""
        self.stop(signal.SIGKILL)
        self._epmd.stop(signal.SIGKILL)


class RedisServer:
    """A Redis with an append-only file; restarted it has the same keys.

    Args:
        directory: for its data and log.
        more_options: more of its options, by name.
        environment: more variables of its process.
    """

    def __init__(
        self,
        directory: Path,
        more_options: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(directory),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            **(more_options or {}),
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        self.process = Process([find_program("redis-server"), *arguments], directory / "redis.log", environment)

    def start(self) -> Self:
        """Start the server and wait until it takes connections."""
        self.process.start().wait_for_port(self.port)
        return self

    def version(self) -> str:
        """Return the version that the running server says it is."""
        with redis.Redis.from_url(self.url) as client:
            version: str = client.info("server")["redis_version"]
        return version

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the server; its data stay."""
        self.process.stop(number)

    def close(self) -> None:
        """End it for good."""
        self.stop(signal.SIGKILL)


@contextmanager
def running_servers(directory: Path) -> Iterator[tuple[RabbitMQ, RedisServer]]:
    """Run one of each, with data below a directory."""
    with ExitStack() as stack:
        rabbitmq = RabbitMQ(directory / "rabbitmq")
        stack.callback(rabbitmq.close)
        redis_server = RedisServer(directory / "redis")
        stack.callback(redis_server.close)
        yield rabbitmq.start(), redis_server.start()
