"""Clients that submit pictures at a steady rate, come back when they are asked to, and fetch every result."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from contextlib import suppress

from chaos.load.ledger import Ledger
from tests.support.client import Answer, Connection

HOST = "127.0.0.1"
CONNECTIONS = 64
FETCHERS = 64
#: To each API process, by clients that do not come back; a client that finds all of them taken goes away.
OFFERED_CONNECTIONS = 500
#: Statuses of an id that has no result and will have none: expired, or never heard of.
GONE = {404, 410}
FINAL = {200, *GONE}
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
            try:
                answer = await connection.request(head, body)
            except BaseException:  # cancelled too: its answer, if one came, would be taken for the next one's
                connection.close()
                raise
            self._idle[port].append(connection)
            return answer

    @property
    def is_full(self) -> bool:
        """Whether another request would have to wait for a connection."""
        return self._slots.locked()

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
        post: the request line of a submission.
    """

    def __init__(self, ports: Sequence[int], ledger: Ledger, *, post: bytes = POST) -> None:
        self._ledger = ledger
        self._post = post
        self._submitting = Client(ports, CONNECTIONS)
        self._fetching = Client(ports, FETCHERS)
        self._offering = {port: Client([port], OFFERED_CONNECTIONS) for port in ports}
        self._unfetched: asyncio.Queue[str] = asyncio.Queue()

    async def submit(self, rate_per_s: float, *, jobs: int) -> None:
        """Submit a number of pictures, each at its moment, again until it is accepted."""
        begin = time.perf_counter()
        async with asyncio.TaskGroup() as submissions:
            for number in range(jobs):
                await asyncio.sleep(begin + number / rate_per_s - time.perf_counter())
                submissions.create_task(self._submit(number % len(self._ledger.workload)))

    async def offer(self, rate_per_s: float, stop: asyncio.Event) -> None:
        """Offer pictures at a rate until `stop` is set, whatever becomes of them; nobody comes back."""
        begin = time.perf_counter()
        async with asyncio.TaskGroup() as offers:
            for number, port in enumerate(itertools.cycle(self._offering)):
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), begin + number / rate_per_s - time.perf_counter())
                if stop.is_set():
                    return
                if not self._offering[port].is_full:
                    offers.create_task(self.offer_one(number, port))

    async def offer_one(self, number: int, port: int) -> str | None:
        """Submit one picture of the workload to one API process, once; return its id if it was accepted."""
        number %= len(self._ledger.workload)
        answer = await self._attempt(self._offering[port], self._post, self._ledger.workload.inputs[number])
        return self._accepted(answer, number) if answer is not None and answer.status == 202 else None

    async def is_answered(self, inference_id: str, port: int) -> bool:
        """Ask one API process for a result; return whether it is there."""
        answer = await self._attempt(self._offering[port], get(inference_id, "?wait=1"))
        return answer is not None and answer.status == 200 and self._ledger.settle(inference_id, answer.body)

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
        """Read every accepted id once more: no result may have changed, and a job that is still pending is lost."""
        slots = asyncio.Semaphore(FETCHERS)

        async def read(inference_id: str) -> None:
            async with slots:
                while (answer := await self._answer(self._fetching, get(inference_id))).status not in FINAL:
                    await asyncio.sleep(float(answer.header("retry-after") or 1))
                if answer.status == 200:
                    self._ledger.settle(inference_id, answer.body)

        await asyncio.gather(*map(read, self._ledger.accepted))

    def close(self) -> None:
        """Close the connections."""
        self._submitting.close()
        self._fetching.close()
        for client in self._offering.values():
            client.close()

    async def _submit(self, number: int) -> None:
        picture = self._ledger.workload.inputs[number]
        while True:
            answer = await self._answer(self._submitting, self._post, picture)
            if answer.status == 202:
                self._accepted(answer, number)
                return
            await asyncio.sleep(float(answer.header("retry-after") or 1))

    def _accepted(self, answer: Answer, number: int) -> str:
        inference_id: str = answer.json()["inference_id"]
        self._ledger.accept(inference_id, number)
        self._unfetched.put_nowait(inference_id)
        return inference_id

    async def _fetch_some(self) -> None:
        while True:
            inference_id = await self._unfetched.get()
            answer = await self._answer(self._fetching, get(inference_id, "?wait=5"))
            if answer.status in GONE:
                continue  # it stays without a result
            if answer.status != 200 or not self._ledger.settle(inference_id, answer.body):
                self._unfetched.put_nowait(inference_id)
            if answer.status != 200:
                await asyncio.sleep(float(answer.header("retry-after") or 1))

    async def _answer(self, client: Client, head: bytes, body: bytes = b"") -> Answer:
        while (answer := await self._attempt(client, head, body)) is None:
            await asyncio.sleep(PAUSE_S)
        return answer

    async def _attempt(self, client: Client, head: bytes, body: bytes = b"") -> Answer | None:
        """Return the answer, noted, or None after a connection that failed, noted as well."""
        try:
            answer = await client.request(head, body)
        except TimeoutError:
            self._ledger.complain(f"no answer to {head!r}")
        except ConnectionRefusedError:
            self._ledger.unreachable += 1
        except OSError:
            self._ledger.broken_connections += 1
        else:
            self._ledger.note(answer, expected={202} if head is self._post else {200})
            return answer
        return None


def get(inference_id: str, query: str = "") -> bytes:
    """Return the head of a request for a result."""
    return f"GET /result/{inference_id}{query} HTTP/1.1\r\n".encode()
