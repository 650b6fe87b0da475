"""The recovery of each process after a fault: how soon it is itself again; a process that is not in time is stuck."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from itertools import count, cycle

from chaos.load.load import HOST, Load
from chaos.system.system import PROBE_TIMEOUT_S, READY, System, port_of, status_of
from tests.support.deployment import Service, sum_of_samples
from tests.support.waiting import until_found

#: A process has this long to recover after a fault: a publish times out after 5 s, a pause before the next connection
#: takes at most 5 s, and the jobs that have piled up are to be worked off; the rest is for a slow machine.
BOUND_S = 40.0
PAUSE_S = 0.1
RESTART_TIMEOUT_S = 90.0

Check = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Recovery:
    """The recovery of each process after a fault.

    Attributes:
        after_s: seconds until it was ready and a picture was answered through it, by its name; None: not in time.
    """

    after_s: dict[str, float | None]

    @property
    def worst_s(self) -> float:
        """The time of the slowest process that recovered."""
        return max((after_s for after_s in self.after_s.values() if after_s is not None), default=0.0)

    @property
    def stuck(self) -> list[str]:
        """Names of the processes that did not recover."""
        return [name for name, after_s in self.after_s.items() if after_s is None]


async def recover(system: System, load: Load, *, bound_s: float = BOUND_S) -> Recovery:
    """Wait until every process is ready and answers pictures; kill the stuck ones, so that they start anew.

    Raises:
        TimeoutError: not even that helped.
    """
    recovery = Recovery(await _times(_checks(system, load), bound_s))
    services = {**system.named_apis, **system.named_workers}
    for name in recovery.stuck:
        await asyncio.to_thread(services[name].process.stop, signal.SIGKILL)
    if recovery.stuck and (stuck := Recovery(await _times(_checks(system, load), RESTART_TIMEOUT_S)).stuck):
        raise TimeoutError(f"{', '.join(recovery.stuck)} started again, and {', '.join(stuck)} still answer nothing")
    return recovery


async def _times(checks: dict[str, Check], bound_s: float) -> dict[str, float | None]:
    times = await asyncio.gather(*(_time_of(check, bound_s) for check in checks.values()))
    return dict(zip(checks, times, strict=True))


def _checks(system: System, load: Load) -> dict[str, Check]:
    apis = {name: partial(_api_answers, api, load) for name, api in system.named_apis.items()}
    workers = {
        name: WorkerCheck(worker, system.api_ports, load).answers for name, worker in system.named_workers.items()
    }
    return {**apis, **workers}


async def _time_of(check: Check, bound_s: float) -> float | None:
    begin = time.perf_counter()
    try:
        await until_found(check, bound_s, PAUSE_S)
    except TimeoutError:
        return None
    return round(time.perf_counter() - begin, 2)


async def _api_answers(api: Service, load: Load) -> bool:
    port = port_of(api)
    if await status_of(port, READY) != 200:
        return False
    inference_id = await load.offer_one(0, port)
    if inference_id is None:
        return False
    while not await load.is_answered(inference_id, port):
        await asyncio.sleep(PAUSE_S)
    return True


class WorkerCheck:
    """Whether a worker is ready and has run another batch since the first time it was asked."""

    def __init__(self, worker: Service, api_ports: list[int], load: Load) -> None:
        self._worker = worker
        self._ports = cycle(api_ports)
        self._numbers = count()
        self._load = load
        self._before: float | None = None

    async def answers(self) -> bool:
        """Submit a picture, which may be this worker's turn, and look."""
        if await status_of(port_of(self._worker), READY) != 200:
            return False
        try:
            batches = await asyncio.to_thread(_batches_of, port_of(self._worker))
        except (OSError, HTTPException):
            return False
        if self._before is not None and batches > self._before:
            return True
        self._before = batches
        await self._load.offer_one(next(self._numbers), next(self._ports))
        return False


def _batches_of(port: int) -> float:
    """Return how many batches a worker has run; not by httpx, which reads all certificates for each call."""
    connection = HTTPConnection(HOST, port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        return sum_of_samples(connection.getresponse().read().decode(), "inference_batch_size_count")
    finally:
        connection.close()
