"""Acts as a client: submits pictures and fetches results."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any

import httpx

from tests.e2e.cluster import API_URL
from tests.support.deployment import ROOT

DIGITS = {"three": 3, "four": 4, "seven": 7}
"""The samples and their digits."""
RESULT_TIMEOUT_S = 300.0
_CLIENTS = 8


@dataclass(frozen=True, slots=True)
class Job:
    """An accepted picture.

    Attributes:
        inference_id: the id from the API.
        digit: the digit in the picture.
    """

    inference_id: str
    digit: int


def submit(count: int, api_url: str = API_URL) -> list[Job]:
    """Submit pictures at once; after a refusal, try again as `Retry-After` says.

    Raises:
        AssertionError: an answer is neither 202 nor 503 with Retry-After, or the refusals do not end.
    """
    names = islice(cycle(DIGITS), count)
    with ThreadPoolExecutor(_CLIENTS) as clients:
        return list(clients.map(lambda name: _submit(name, api_url), names))


def try_to_submit(name: str = "three", api_url: str = API_URL) -> httpx.Response | None:
    """Send one picture; return None if nobody answers or the connection breaks."""
    picture = (ROOT / f"samples/{name}.pgm").read_bytes()
    try:
        return httpx.post(f"{api_url}/classify", files={"file": picture}, timeout=15)
    except httpx.TransportError:
        return None


def fetch_results(
    jobs: Iterable[Job], timeout_s: float = RESULT_TIMEOUT_S, api_url: str = API_URL
) -> list[dict[str, Any]]:
    """Return each job's result, in order.

    Raises:
        AssertionError: a job has none in time, or an answer is neither 200 nor 503.
    """
    deadline = time.monotonic() + timeout_s
    with ThreadPoolExecutor(_CLIENTS) as clients:
        return list(clients.map(lambda job: _fetch_result(job, deadline, api_url), jobs))


def assert_answered_right(jobs: list[Job], timeout_s: float = RESULT_TIMEOUT_S, api_url: str = API_URL) -> None:
    """Wait for the results: each must exist and name the picture's digit."""
    found = [(result["status"], result.get("predicted_class")) for result in fetch_results(jobs, timeout_s, api_url)]
    assert found == [("succeeded", job.digit) for job in jobs]


@dataclass
class Stream:
    """Submits pictures, one after the other.

    Attributes:
        api_url: address of the API.
        jobs: the accepted pictures.
        refusals: the statuses of refused pictures; 0 if a connection broke or nobody answered.
    """

    api_url: str = API_URL
    jobs: list[Job] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    _names: Iterator[str] = field(default_factory=lambda: cycle(DIGITS))

    def submit(self) -> None:
        """Submit the next picture."""
        name = next(self._names)
        answer = try_to_submit(name, self.api_url)
        if answer is not None and answer.status_code == 202:
            self.jobs.append(Job(answer.json()["inference_id"], DIGITS[name]))
        else:
            self.refusals.append(answer.status_code if answer else 0)


def _submit(name: str, api_url: str) -> Job:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = try_to_submit(name, api_url)
        if answer is not None and answer.status_code == 202:
            return Job(answer.json()["inference_id"], DIGITS[name])
        assert answer is None or answer.status_code == 503, f"{answer.status_code}: {answer.text}"
        time.sleep(float(answer.headers["Retry-After"]) if answer else 0.5)
    raise AssertionError("a picture was refused for 60 s")


def _fetch_result(job: Job, deadline: float, api_url: str) -> dict[str, Any]:
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(f"{api_url}/result/{job.inference_id}?wait=5", timeout=15)
        except httpx.TransportError:
            time.sleep(0.5)
            continue
        assert answer.status_code in (200, 503), f"{job}: {answer.status_code} {answer.text}"
        body: dict[str, Any] = answer.json()
        if answer.status_code == 200 and body["status"] != "pending":
            return body
        if answer.status_code == 503:
            time.sleep(float(answer.headers["Retry-After"]))
    raise AssertionError(f"{job} has no result")
