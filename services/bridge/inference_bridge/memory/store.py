"""A result store in memory behind the interface of `contract`, for the embedded service and for unit tests."""

import asyncio
import heapq
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from inference_bridge.memory.hooks import MemoryHooks
from inference_bridge.reports import FORGET_S, WorkerReport
from inference_bridge.results import Result, Status, status_of

NOTIFICATION_TIMEOUT_S = 5.0


class MemoryStore:
    """Keeps results, solo attempts and claims in dicts, each with a time to live; they end with the process."""

    def __init__(self, *, result_ttl_s: float, model: str = "") -> None:
        self.hooks = MemoryHooks(model=model, result_ttl_s=result_ttl_s)
        self._result_ttl_s = result_ttl_s
        self._values: dict[str, bytes] = {}
        self._expire_at: dict[str, float] = {}  # of the current values
        self._expiries: list[tuple[float, str]] = []  # a heap, soonest first
        self._subscribers: list[asyncio.Queue[list[str]]] = []
        self._reports: dict[str, tuple[float, WorkerReport]] = {}

    async def put(self, results: Sequence[Result]) -> int:
        """Store each result unless its id has one already, and notify; return how many were new."""
        created = [result for result in results if self._set("r:" + result.inference_id, result.body)]
        for result in created:
            if result.output is not None:
                self._set("o:" + result.inference_id, result.output)
        for result in results:
            if result.webhook:
                self.hooks.register(result.inference_id, result.webhook, self._values["r:" + result.inference_id])
        for subscriber in self._subscribers:
            subscriber.put_nowait([result.inference_id for result in results])
        return len(created)

    async def get(self, inference_ids: Sequence[str]) -> list[bytes | None]:
        """Return the stored bodies in the order of the ids, None where there is none."""
        self._expire()
        return [self._values.get("r:" + inference_id) for inference_id in inference_ids]

    async def get_output(self, inference_id: str) -> bytes | None:
        """Return the file that the model made for this id, or None."""
        self._expire()
        return self._values.get("o:" + inference_id)

    async def count_attempt(self, inference_id: str, token: str) -> int:
        """Count a solo run that starts now; return how many are counted for this id.

        `token` names the run: a repeated call counts once.
        """
        return self._set_tokens(inference_id, self._tokens(inference_id) | {token})

    async def uncount_attempt(self, inference_id: str, token: str) -> None:
        """Stop counting the solo run called `token`, because the worker did not die of it."""
        self._set_tokens(inference_id, self._tokens(inference_id) - {token})

    async def attempts(self, inference_ids: Sequence[str]) -> list[int]:
        """Return how many solo runs are counted for each id, in the order of the ids."""
        return [len(self._tokens(inference_id)) for inference_id in inference_ids]

    async def reset(self, inference_id: str, *, ttl_s: int) -> bool:
        """Reset a failed job for a replay; return False and change nothing if it has succeeded.

        The result and the attempts are deleted; for `ttl_s` the id then reads as replayed.
        """
        self._expire()
        body = self._values.get("r:" + inference_id)
        if body is not None and status_of(body) is Status.SUCCEEDED:
            return False
        for prefix in ("r:", "o:", "attempts:", "revived:"):
            self._values.pop(prefix + inference_id, None)
        self.hooks.forget(inference_id)
        return self._set("revived:" + inference_id, b"1", ttl_s=ttl_s)

    async def is_replayed(self, inference_id: str) -> bool:
        """Tell whether the job was reset within the last `ttl_s` seconds, as given to `reset`."""
        self._expire()
        return "revived:" + inference_id in self._values

    async def claim(self, name: str, value: bytes, *, ttl_s: int) -> bytes | None:
        """Store `value` under a free name and return None; return the value of a name in use."""
        self._expire()
        held = self._values.get("idem:" + name)
        if held is None:
            self._set("idem:" + name, value, ttl_s=ttl_s)
        return held

    async def is_claimed(self, name: str) -> bool:
        """Tell whether a name of a claim is in use."""
        self._expire()
        return "idem:" + name in self._values

    async def replace_claim(self, name: str, held: bytes, value: bytes, *, ttl_s: int) -> bytes:
        """Replace `held`, or nothing, with `value`; return the value that the name has afterwards."""
        self._expire()
        if self._values.get("idem:" + name, held) == held:
            self._values.pop("idem:" + name, None)
            self._set("idem:" + name, value, ttl_s=ttl_s)
        return self._values["idem:" + name]

    async def report(self, worker_id: str, report: WorkerReport) -> None:
        """Store a worker's report; delete old reports of its pool, but keep the last one of a pool."""
        now = time.monotonic()
        self._reports = {
            other: (at, held)
            for other, (at, held) in self._reports.items()
            if held.pool != report.pool or now - at <= FORGET_S
        }
        self._reports[worker_id] = now, report

    async def reports(self) -> list[WorkerReport]:
        """Return the latest report of each worker, with its age; of a pool without workers, the last reports."""
        now = time.monotonic()
        return [replace(report, age_s=now - at) for at, report in self._reports.values()]

    async def ping(self) -> None:
        """Return at once: a store in memory always answers."""

    async def notifications(self) -> AsyncGenerator[list[str], None]:
        """Yield the ids of each stored batch; an empty list means that some may have been missed."""
        stored: asyncio.Queue[list[str]] = asyncio.Queue()
        self._subscribers.append(stored)
        try:
            yield []
            while True:
                try:
                    async with asyncio.timeout(NOTIFICATION_TIMEOUT_S):
                        ids = await stored.get()
                except TimeoutError:
                    ids = []
                yield ids
        finally:
            self._subscribers.remove(stored)

    async def close(self) -> None:
        """Return at once: there is nothing to close."""

    def _tokens(self, inference_id: str) -> set[str]:
        self._expire()
        return set(self._values.get("attempts:" + inference_id, b"").decode().split())

    def _set_tokens(self, inference_id: str, tokens: set[str]) -> int:
        self._values.pop("attempts:" + inference_id, None)
        self._set("attempts:" + inference_id, " ".join(tokens).encode())
        return len(tokens)

    def _set(self, key: str, value: bytes, *, ttl_s: float | None = None) -> bool:
        self._expire()
        if key in self._values:
            return False
        self._values[key] = value
        self._expire_at[key] = time.monotonic() + (ttl_s or self._result_ttl_s)
        heapq.heappush(self._expiries, (self._expire_at[key], key))
        return True

    def _expire(self) -> None:
        now = time.monotonic()
        while self._expiries and self._expiries[0][0] <= now:
            expire_at, key = heapq.heappop(self._expiries)
            if self._expire_at.get(key) == expire_at:  # otherwise it was written again and expires later
                self._values.pop(key, None)
                del self._expire_at[key]
