"""The client without asyncio: `Client` and the `Job` that it submits."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import Self

import httpx

from inference_client import flows
from inference_client.calls import LOST, Flow, Pause, Returned
from inference_client.errors import ClientError
from inference_client.outcome import Answer, Outcome, Source, Value, check_answer, check_in_flight
from inference_client.sessions import session_options
from inference_client.threads import start


class Client:
    """Calls a service; several threads may share it.

    Args:
        url: of the service, such as `http://127.0.0.1:8000`; behind a proxy with its path prefix.
        key: the API key, if the service asks for one.

    Raises:
        ValueError: the URL is not `http://` or `https://` and a host, or the key is not printable ASCII.
    """

    def __init__(self, url: str, *, key: str | None = None) -> None:
        self._session = httpx.Client(**session_options(url, key))

    def __enter__(self) -> Self:
        """Return the client; it is closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; jobs go on."""
        self._session.close()

    def submit(
        self,
        source: Source,
        *,
        model: str | None = None,
        idempotency_key: str | None = None,
        timeout_s: float = 60.0,
        **params: Value | None,
    ) -> "Job":
        """Submit an input and return its job, which the service has accepted.

        Args:
            source: the path of a file, or the bytes of the input.
            model: its name; None for the default model.
            idempotency_key: for a submission that is repeated by hand; each call has one of its own otherwise.
            timeout_s: for how long a full, limited, absent or silent service is tried again.
            params: parameters of the model, and options of the job: `ttl` (seconds), `priority`, `webhook`, and for a
                `model` by its name `timeline`.

        Raises:
            Refused: the service does not take this input.
            Unavailable: the service gave no answer within `timeout_s`.
            OSError: the file cannot be read.
            ValueError: the key is not printable ASCII, or a timeline is asked of the default model.
        """
        flow = flows.submit(model, source, params, idempotency_key, wait_s=0.0, timeout_s=timeout_s)
        return self.job(self.follow(flow)["inference_id"], model=model)

    def run(
        self,
        source: Source,
        *,
        model: str | None = None,
        timeout_s: float = 60.0,
        cancels: bool = False,
        **params: Value | None,
    ) -> Answer:
        """Submit an input and return the answer of the model; see `submit` and `Job.wait`."""
        return self.follow(flows.run(model, source, params, timeout_s=timeout_s, cancels=cancels))

    def map(
        self,
        sources: Iterable[Source],
        *,
        model: str | None = None,
        in_flight: int = 64,
        timeout_s: float = 600.0,
        **params: Value | None,
    ) -> Iterator[Outcome]:
        """Yield an `Outcome` for each input, in the order of the inputs; an input that fails stops no other.

        An outcome comes at the latest with the input that is read after its end. Jobs in flight go on when the loop is
        left early.

        Args:
            sources: the inputs; they are read as jobs end, so there may be any number.
            model: its name; None for the default model.
            in_flight: most jobs at once, 1 or more.
            timeout_s: for each job.
            params: of each job, as for `submit`.

        Raises:
            ValueError: `in_flight` is less than 1, or what `submit` says.
        """

        def run(source: Source) -> Outcome:
            try:
                return Outcome(source, self.run(source, model=model, timeout_s=timeout_s, cancels=False, **params))
            except (ClientError, OSError) as error:
                return Outcome(source, error=error)

        check_in_flight(in_flight)
        running: deque[Future[Outcome]] = deque()
        for source in sources:
            running.append(start(run, source))
            while running and (len(running) == in_flight or running[0].done()):
                yield running.popleft().result()
        while running:
            yield running.popleft().result()

    def job(self, inference_id: str, *, model: str | None = None) -> "Job":
        """Return the job of an id that was kept, also in another process; nothing is sent."""
        return Job(self, inference_id, model)

    def follow(self, flow: Flow[Returned]) -> Returned:
        """Run a flow and return its value."""
        try:
            step = next(flow)
            while True:
                if isinstance(step, Pause):
                    time.sleep(step.duration_s)
                    step = next(flow)
                    continue
                try:
                    response = self._session.request(**step.request)
                except LOST as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(response)
        except StopIteration as end:
            returned: Returned = end.value
            return returned


class Job:
    """A job that the service has accepted.

    Args:
        client: calls the service.
        inference_id: of the job; it is enough to come back to it later.
        model: the name of the model; None for the default one.
    """

    def __init__(self, client: Client, inference_id: str, model: str | None = None) -> None:
        self.inference_id = inference_id
        self._client = client
        self._model = model
        self._path = flows.result_path(model, inference_id)

    def wait(self, timeout_s: float = 60.0, *, cancels: bool = False) -> Answer:
        """Return the answer of the model.

        Args:
            timeout_s: longest wait; it may be longer than one call lasts. A silent service adds a few seconds.
            cancels: whether the job is canceled when it has no result in time.

        Raises:
            WaitTimeout: there is no result yet.
            JobFailed, JobCanceled, ExpiredJob: there will be no answer.
            UnknownJob: the service did not issue the id.
        """
        flow = flows.wait_for_answer(self.inference_id, self._model, timeout_s=timeout_s, cancels=cancels)
        return self._client.follow(flow)

    def result(self) -> Answer | None:
        """Return the answer of the model, or None while there is none; raise what `wait` raises, or Unavailable."""
        answer = self._client.follow(flows.look(self._path))
        return None if answer is None else check_answer(answer)

    def output(self, *, timeout_s: float = 60.0) -> bytes:
        """Return the file that the model made; raise Refused (409) before there is one."""
        return self._client.follow(flows.fetch(f"{self._path}/output", timeout_s=timeout_s))

    def cancel(self, *, timeout_s: float = 60.0) -> Answer:
        """Cancel the job; return its final state: `canceled`, or the result that came first."""
        return self._client.follow(flows.cancel(self._path, timeout_s=timeout_s))
