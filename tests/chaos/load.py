"""Clients that submit pictures at a steady rate, come back when they are asked to, and fetch every result."""

import asyncio
import itertools
import time
from collections.abc import Sequence

from tests.chaos.ledger import Ledger
from tests.client import Answer, Connection

HOST = "127.0.0.1"
CONNECTIONS = 64
FETCHERS = 64
POST = b"POST /classify HTTP/1.1\r\n"
#: After a broken connection; one after a refusal waits as long as Retry-After says.
PAUSE_S = 0.1


class Client:
    """Sends requests to API processes in turn, on kept connections.

    Args:
        ports: where they listen on 127.0.0.1.
        max_connections: at once.
    """

    def __init__(self, ports: Sequence[int], max_connections: int) -> None:
        self._ports = itertools.cycle(ports)
        self._idle: dict[int, list[Connection]] = {port: [] for port in ports}
        self._slots = asyncio.Semaphore(max_connections)

    async def request(self, head: bytes, body: bytes = b"") -> Answer:
        """Return the answer; raise OSError or TimeoutError when there is none."""
        async with self._slots:
            port = next(self._ports)
            connection = await self._connection(port)
            answer = await connection.request(head, body)
            self._idle[port].append(connection)
            return answer

    def close(self) -> None:
        """Close the connections."""
        for connection in itertools.chain(*self._idle.values()):
            connection.close()

    async def _connection(self, port: int) -> Connection:
        while self._idle[port]:
            connection = self._idle[port].pop()
            if connection.is_open:
                return connection
        return await Connection.open(HOST, port)


class Load:
    """Submits the ledger's workload and fetches its results.

    Args:
        ports: of the API processes.
        ledger: where everything is noted.
    """

    def __init__(self, ports: Sequence[int], ledger: Ledger) -> None:
        self._ledger = ledger
        self._submitting = Client(ports, CONNECTIONS)
        self._fetching = Client(ports, FETCHERS)
        self._unfetched: asyncio.Queue[str] = asyncio.Queue()

    async def submit(self, rate_per_s: float, *, jobs: int) -> None:
        """Submit so many pictures, each at its moment, again until it is accepted."""
        begin = time.perf_counter()
        async with asyncio.TaskGroup() as submissions:
            for number in range(jobs):
                await asyncio.sleep(begin + number / rate_per_s - time.perf_counter())
                submissions.create_task(self._submit(number % len(self._ledger.workload)))

    async def fetch(self) -> None:
        """Fetch what was accepted until cancelled."""
        async with asyncio.TaskGroup() as fetchers:
            for _ in range(FETCHERS):
                fetchers.create_task(self._fetch_some())

    async def until_fetched(self, timeout_s: float) -> None:
        """Return when every accepted id has its result, or after `timeout_s`."""
        deadline = time.perf_counter() + timeout_s
        while self._ledger.pending and time.perf_counter() < deadline:
            await asyncio.sleep(0.1)

    async def read_all(self) -> None:
        """Read every accepted id once more: no result may have changed, and what is still pending is lost."""
        slots = asyncio.Semaphore(FETCHERS)

        async def read(inference_id: str) -> None:
            async with slots:
                while (answer := await self._answer(self._fetching, get(inference_id))).status != 200:
                    await asyncio.sleep(float(answer.header("retry-after") or 1))
                self._ledger.settle(inference_id, answer.body)

        await asyncio.gather(*map(read, self._ledger.accepted))

    def close(self) -> None:
        """Close the connections."""
        self._submitting.close()
        self._fetching.close()

    async def _submit(self, number: int) -> None:
        picture = self._ledger.workload.pictures[number]
        while True:
            answer = await self._answer(self._submitting, POST, picture)
            if answer.status == 202:
                inference_id = answer.json()["inference_id"]
                self._ledger.accept(inference_id, number)
                self._unfetched.put_nowait(inference_id)
                return
            await asyncio.sleep(float(answer.header("retry-after") or 1))

    async def _fetch_some(self) -> None:
        while True:
            inference_id = await self._unfetched.get()
            answer = await self._answer(self._fetching, get(inference_id, "?wait=5"))
            if answer.status != 200 or not self._ledger.settle(inference_id, answer.body):
                self._unfetched.put_nowait(inference_id)
            if answer.status != 200:
                await asyncio.sleep(float(answer.header("retry-after") or 1))

    async def _answer(self, client: Client, head: bytes, body: bytes = b"") -> Answer:
        while True:
            try:
                answer = await client.request(head, body)
            except TimeoutError:
                self._ledger.complain(f"no answer to {head!r}")
            except ConnectionRefusedError:
                self._ledger.unreachable += 1
            except OSError:
                self._ledger.broken_connections += 1
            else:
                self._ledger.note(answer, expected={202} if head is POST else {200})
                return answer
            await asyncio.sleep(PAUSE_S)


def get(inference_id: str, query: str = "") -> bytes:
    """Return the head of a request for a result."""
    return f"GET /result/{inference_id}{query} HTTP/1.1\r\n".encode()
