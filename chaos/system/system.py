"""The system under test: RabbitMQ, Redis, API processes and workers, all real, all restarted when they end."""

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import redis

from chaos.load.load import HOST
from tests.support.client import Connection
from tests.support.deployment import Deployment, Service
from tests.support.pictures import encoded, sample
from tests.support.proxy import Proxy
from tests.support.servers import RabbitMQ, RedisServer
from tests.support.supervisor import Supervisor
from tests.support.waiting import until_found

PROBE_TIMEOUT_S = 3.0
READY = b"GET /readyz HTTP/1.1\r\n"
PICTURE = encoded(sample("three"))
#: As by default: a queue that was just created does not survive a hard kill.
SETTLE_S = "5"


class System:
    """One of each server, two of each process of ours, on free ports; ends all of it when it is left.

    Args:
        directory: for data and logs.
        environment: settings of all processes of ours.
        broker_directory: for RabbitMQ's data, if they are to be elsewhere.
        redis_options: more options of Redis.
        redis_environment: more variables of its process.
        is_proxied: whether RabbitMQ and Redis are reached through proxies.
        garbled_share: of the commands to Redis that fail; needs the proxy.
        skew_s: by how many seconds the clocks of the second API process and the second worker are ahead.
        apis: how many API processes there are.
        workers: how many workers there are.
        model: name of the model that is served; `environment` says how.
        probe: an input that the model answers.

    Attributes:
        model: name of the served model.
        recoveries_s: how long it took each time until everything was healthy again.
    """

    def __init__(
        self,
        directory: Path,
        *,
        environment: Mapping[str, str] | None = None,
        broker_directory: Path | None = None,
        redis_options: Mapping[str, str] | None = None,
        redis_environment: Mapping[str, str] | None = None,
        is_proxied: bool = False,
        garbled_share: float = 0,
        skew_s: tuple[int, int] = (0, 0),
        apis: int = 2,
        workers: int = 2,
        model: str = "mnist",
        probe: bytes = PICTURE,
    ) -> None:
        self._directory = directory
        self._environment = {
            "INFERENCE_QUEUE_SETTLE_S": SETTLE_S,
            "INFERENCE_OPERATIONS_PORT": "0",
            **(environment or {}),
        }
        self._skew_s = {1: skew_s}
        self._counts = apis, workers
        self._probe = probe
        self.model = model
        self._queues = tuple(f"{model}.{queue}" for queue in ("jobs", "retry", "dead"))
        self._stack = ExitStack()
        self.rabbitmq = RabbitMQ(broker_directory or directory / "rabbitmq")
        self._stack.callback(self.rabbitmq.close)
        self.redis = RedisServer(directory / "redis", redis_options, redis_environment)
        self._stack.callback(self.redis.close)
        self._is_proxied = is_proxied
        self.amqp_proxy = Proxy(self.rabbitmq.port)
        self.redis_proxy = Proxy(self.redis.port, garbled_share=garbled_share)
        self.apis: list[Service] = []
        self.workers: list[Service] = []
        self.recoveries_s: list[float] = []

    def __enter__(self) -> Self:
        """Start everything and wait until it is ready."""
        with ExitStack() as starting:
            starting.callback(self._stack.close)
            self.rabbitmq.start()
            self.redis.start()
            self._start_services()
            starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self._stack.close()

    @property
    def services(self) -> list[Service]:
        """API processes and workers."""
        return [*self.apis, *self.workers]

    @property
    def named_apis(self) -> dict[str, Service]:
        """API processes by their names in the report."""
        return {f"API {number}": api for number, api in enumerate(self.apis, 1)}

    @property
    def named_workers(self) -> dict[str, Service]:
        """Workers by their names in the report."""
        return {f"worker {number}": worker for number, worker in enumerate(self.workers, 1)}

    @property
    def api_ports(self) -> list[int]:
        """Where the API listens."""
        return [port_of(api) for api in self.apis]

    async def until_healthy(self, timeout_s: float) -> None:
        """Return when every probe is green and each API process gets an input answered; note how long that took.

        Raises:
            TimeoutError: that did not come to pass.
        """
        begin = time.perf_counter()
        await until_found(self._is_healthy, timeout_s, every_s=0.05)
        self.recoveries_s.append(time.perf_counter() - begin)

    async def _is_healthy(self) -> bool:
        return await self._is_ready() and await self._does_work()

    async def _is_ready(self) -> bool:
        return set(await asyncio.gather(*(status_of(port_of(service), READY) for service in self.services))) == {200}

    async def _does_work(self) -> bool:
        job = b"POST /classify HTTP/1.1\r\nPrefer: wait=2\r\n"
        return set(await asyncio.gather(*(status_of(port, job, self._probe) for port in self.api_ports))) == {200}

    def queue_lengths(self) -> dict[str, int]:
        """Return the messages in each queue, ready or lent to a worker."""
        lines = self.rabbitmq.control("list_queues", "name", "messages").splitlines()
        lengths = dict(line.split("\t") for line in lines if line.startswith(self._queues))
        return {name: int(lengths.get(name, -1)) for name in self._queues}

    def result_count(self) -> int:
        """Return how many jobs have a terminal result."""
        with redis.Redis.from_url(self.redis.url) as client:
            return sum(1 for _ in client.scan_iter("r:*", count=1_000))

    def prediction_count(self) -> int:
        """Return how many predictions the workers have logged so far; a job that ran twice counts twice."""
        return sum(
            event.get("batch_size", 0)
            for worker in self.workers
            for event in map(_event, worker.process.log.read_bytes().splitlines())
            if event.get("message") == "batch predicted"
        )

    def solo_run_count(self) -> int:
        """Return how many jobs the workers have run alone since each was started."""
        return round(sum(worker.metric("inference_solo_runs_total") for worker in self.workers))

    def memory_mib(self) -> dict[int, float]:
        """Return the resident memory of the API processes and workers by process id."""
        pids = [service.process.pid for service in self.services if service.process.exit_status is None]
        return {pid: psutil.Process(pid).memory_info().rss / 2**20 for pid in pids}

    def _start_services(self) -> None:
        amqp_url, redis_url = self.rabbitmq.url, self.redis.url
        if self._is_proxied:
            self._stack.enter_context(self.amqp_proxy)
            self._stack.enter_context(self.redis_proxy)
            amqp_url = amqp_url.replace(str(self.rabbitmq.port), str(self.amqp_proxy.port))
            redis_url = redis_url.replace(str(self.redis.port), str(self.redis_proxy.port))
        deployment = self._stack.enter_context(
            Deployment(self._directory, amqp_url=amqp_url, redis_url=redis_url, **self._environment)
        )
        apis, workers = self._counts
        for number in range(apis):
            self.apis.append(
                _started(deployment, "inference_api", "INFERENCE_PORT", self._skew_s.get(number, (0, 0))[0])
            )
        for number in range(workers):
            skew_s = self._skew_s.get(number, (0, 0))[1]
            self.workers.append(_started(deployment, "inference_worker", "INFERENCE_PROBE_PORT", skew_s))
        for service in self.services:
            service.wait_until_ready()
        self.supervisor = self._stack.enter_context(Supervisor(self.services))


def _started(deployment: Deployment, module: str, port_variable: str, skew_s: int) -> Service:
    if not skew_s:
        return deployment.start(module, port_variable, {})
    skewed = {"CHAOS_SKEW_S": str(skew_s), "CHAOS_MODULE": module}
    return deployment.start("chaos.system.skewed", port_variable, skewed)


def port_of(service: Service) -> int:
    """Return the port on which a service answers HTTP."""
    return int(service.url.rpartition(":")[2])


async def status_of(port: int, head: bytes, body: bytes = b"") -> int:
    """Return the status of the answer, 0 when there is none in time."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            connection = await Connection.open(HOST, port)
            try:
                return (await connection.request(head, body)).status
            finally:
                connection.close()
    except (OSError, TimeoutError):
        return 0


def _event(line: bytes) -> dict[str, Any]:
    """Return a line of the log, nothing for a line that a kill cut off."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
