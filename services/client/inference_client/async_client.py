"""The client for asyncio: `AsyncClient` and the `AsyncJob` that it submits; see `inference_client.client`."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Self

import httpx

from inference_client import flows
from inference_client.calls import LOST, Flow, Pause, Returned
from inference_client.errors import ClientError
from inference_client.outcome import Answer, Outcome, Source, Value, check_answer, check_in_flight
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
        flow = flows.submit(model, source, params, idempotency_key, wait_s=0.0, timeout_s=timeout_s)
        return self.job((await self.follow(flow))["inference_id"], model=model)

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
        return await self.follow(flows.run(model, source, params, timeout_s=timeout_s, cancels=cancels))

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
            except (ClientError, OSError) as error:
                return Outcome(source, error=error)

        check_in_flight(in_flight)
        running: deque[asyncio.Task[Outcome]] = deque()
        try:
            for source in sources:
                running.append(asyncio.create_task(run(source)))
                await asyncio.sleep(0)  # the job begins, whatever the next input takes
                while running and (len(running) == in_flight or running[0].done()):
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


class AsyncJob:
    """A job that the service has accepted; arguments and errors are those of `Job`."""

    def __init__(self, client: AsyncClient, inference_id: str, model: str | None = None) -> None:
        self.inference_id = inference_id
        self._client = client
        self._model = model
        self._path = flows.result_path(model, inference_id)

    async def wait(self, timeout_s: float = 60.0, *, cancels: bool = False) -> Answer:
        """Return the answer of the model; see `Job.wait`."""
        flow = flows.wait_for_answer(self.inference_id, self._model, timeout_s=timeout_s, cancels=cancels)
        return await self._client.follow(flow)

    async def result(self) -> Answer | None:
        """Return the answer of the model, or None while there is none; see `Job.result`."""
        answer = await self._client.follow(flows.look(self._path))
        return None if answer is None else check_answer(answer)

    async def output(self, *, timeout_s: float = 60.0) -> bytes:
        """Return the file that the model made; see `Job.output`."""
        return await self._client.follow(flows.fetch(f"{self._path}/output", timeout_s=timeout_s))

    async def cancel(self, *, timeout_s: float = 60.0) -> Answer:
        """Cancel the job; return its final state; see `Job.cancel`."""
        return await self._client.follow(flows.cancel(self._path, timeout_s=timeout_s))
