"""The client for asyncio: `AsyncClient` and the `AsyncJob` that it submits; see `inference_client.client`."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Self
from uuid import uuid4

import httpx

from inference_client import flows
from inference_client.errors import ClientError, WaitTimeout
from inference_client.flows import LOST, Flow, Pause, Returned
from inference_client.outcome import Answer, Outcome, Source, Value, check_answer
from inference_client.sessions import session_options


class AsyncClient:
    """Calls a service in an event loop; arguments and errors are those of `Client`."""

    def __init__(self, url: str, *, key: str | None = None) -> None:
        self._session = httpx.AsyncClient(**session_options(url, key))

    async def __aenter__(self) -> Self:
        """Return the client; it is closed at the end of the block."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; jobs go on."""
        await self._session.aclose()

    async def submit(
        self,
        source: Source,
        *,
        model: str | None = None,
        idempotency_key: str | None = None,
        timeout_s: float = 60.0,
        **params: Value | None,
    ) -> "AsyncJob":
        """Submit an input and return its job; see `Client.submit`."""
        return (await self._submit(source, model, idempotency_key, timeout_s, 0.0, params))[0]

    async def run(
        self,
        source: Source,
        *,
        model: str | None = None,
        timeout_s: float = 60.0,
        cancels: bool = False,
        **params: Value | None,
    ) -> Answer:
        """Submit an input and return the answer of the model; see `Client.run`."""
        end = time.monotonic() + timeout_s
        job, answer = await self._submit(source, model, None, timeout_s, timeout_s, params)
        if answer["status"] != "pending":
            return check_answer(answer)
        return await job.wait(max(end - time.monotonic(), 0.0), cancels=cancels)

    async def map(
        self,
        sources: Iterable[Source],
        *,
        model: str | None = None,
        in_flight: int = 64,
        timeout_s: float = 600.0,
        **params: Value | None,
    ) -> AsyncIterator[Outcome]:
        """Yield an `Outcome` for each input, in the order of the inputs; see `Client.map`."""

        async def run(source: Source) -> Outcome:
            try:
                return Outcome(
                    source, await self.run(source, model=model, timeout_s=timeout_s, cancels=False, **params)
                )
            except ClientError as error:
                return Outcome(source, error=error)

        running: deque[asyncio.Task[Outcome]] = deque()
        try:
            for source in sources:
                running.append(asyncio.create_task(run(source)))
                if len(running) == in_flight:
                    yield await running.popleft()
            while running:
                yield await running.popleft()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def job(self, inference_id: str, *, model: str | None = None) -> "AsyncJob":
        """Return the job of an id that was kept; nothing is sent."""
        return AsyncJob(self, inference_id, model)

    async def follow(self, flow: Flow[Returned]) -> Returned:
        """Run a flow and return its value."""
        try:
            step = next(flow)
            while True:
                if isinstance(step, Pause):
                    await asyncio.sleep(step.duration_s)
                    step = next(flow)
                    continue
                try:
                    response = await self._session.request(**step.request)
                except LOST as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(response)
        except StopIteration as end:
            returned: Returned = end.value
            return returned

    async def _submit(
        self,
        source: Source,
        model: str | None,
        key: str | None,
        timeout_s: float,
        wait_s: float,
        params: dict[str, Value | None],
    ) -> tuple["AsyncJob", Answer]:
        flow = flows.submit(model, source, params, key or uuid4().hex, wait_s=wait_s, timeout_s=timeout_s)
        answer = await self.follow(flow)
        return AsyncJob(self, answer["inference_id"], model), answer


class AsyncJob:
    """A job that the service has accepted; arguments and errors are those of `Job`."""

    def __init__(self, client: AsyncClient, inference_id: str, model: str | None = None) -> None:
        self.inference_id = inference_id
        self._client = client
        self._path = flows.result_path(model, inference_id)

    async def wait(self, timeout_s: float = 60.0, *, cancels: bool = False) -> Answer:
        """Return the answer of the model; see `Job.wait`."""
        answer = await self._client.follow(flows.wait(self._path, timeout_s=timeout_s))
        if answer is None and cancels:
            last = await self.cancel()
            answer = None if last["status"] == "canceled" else last
        if answer is None:
            raise WaitTimeout(self.inference_id, timeout_s)
        return check_answer(answer)

    async def result(self) -> Answer | None:
        """Return the answer of the model, or None while there is none; see `Job.result`."""
        answer = await self._client.follow(flows.wait(self._path, timeout_s=0))
        return None if answer is None else check_answer(answer)

    async def output(self, *, timeout_s: float = 60.0) -> bytes:
        """Return the file that the model made; see `Job.output`."""
        return await self._client.follow(flows.fetch(f"{self._path}/output", timeout_s=timeout_s))

    async def cancel(self, *, timeout_s: float = 60.0) -> Answer:
        """Cancel the job; return its final state; see `Job.cancel`."""
        return await self._client.follow(flows.cancel(self._path, timeout_s=timeout_s))
