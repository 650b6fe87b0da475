"""Webhooks in memory, behind the interface of `contract`."""

import time
from dataclasses import dataclass, replace

from inference_bridge.hooks import KEEP_S, LEASE_S, Backlog, Hook, HookState, Try, shorten


@dataclass(slots=True)
class _Kept:
    """A webhook, its last try, when it is due (ms since 1970; None after the end), and when it is deleted."""

    hook: Hook
    last: Try | None
    due_ms: int | None
    until_ms: int


class MemoryHooks:
    """The webhooks of one model; see `inference_bridge.contract.Hooks`."""

    def __init__(self, *, model: str, result_ttl_s: float) -> None:
        self._model = model
        self._result_ttl_s = result_ttl_s
        self._kept: dict[str, _Kept] = {}

    def register(self, inference_id: str, endpoint: str, body: bytes) -> None:
        """Make the webhook of a stored result, once."""
        if inference_id not in self._kept:
            now_ms = _now_ms()
            message_id = f"msg_{inference_id}_{now_ms}"
            hook = Hook(inference_id, endpoint, message_id, shorten(body, inference_id, self._model), 0)
            self._kept[inference_id] = _Kept(hook, None, now_ms, now_ms + KEEP_S * 1000)

    def forget(self, inference_id: str) -> None:
        """Delete a job's webhook, if there is one."""
        self._kept.pop(inference_id, None)

    async def claim(self, endpoint: str, count: int) -> list[Hook]:
        """Return at most `count` due webhooks of an endpoint; nobody else gets them for `LEASE_S`."""
        now_ms = _now_ms()
        self._kept = {key: kept for key, kept in self._kept.items() if kept.until_ms > now_ms}
        due = [kept for at_ms, kept in self._waiting(endpoint) if at_ms <= now_ms][:count]
        for kept in due:
            kept.due_ms = now_ms + LEASE_S * 1000
        return [kept.hook for kept in due]

    async def settle(self, hook: Hook, tried: Try) -> None:
        """Note a try; the webhook waits for the next one, or no longer waits."""
        kept = self._kept.get(hook.inference_id)
        if kept is None or kept.hook.message_id != hook.message_id:
            return
        now_ms, is_over = _now_ms(), tried.retry_s is None
        kept.hook = replace(kept.hook, attempts=kept.hook.attempts + 1)
        kept.last = Try(tried.status, tried.error)
        kept.due_ms = None if tried.retry_s is None else now_ms + int(tried.retry_s * 1000)
        kept.until_ms = now_ms + int((self._result_ttl_s if is_over and not tried.error else KEEP_S) * 1000)

    async def get(self, inference_id: str) -> HookState | None:
        """Return the state of a job's webhook; None if it has none."""
        kept = self._kept.get(inference_id)
        return None if kept is None else HookState(kept.hook.endpoint, kept.hook.attempts, kept.last, kept.due_ms)

    async def repeat(self, inference_id: str, endpoint: str) -> None:
        """Make a job's webhook due now, delivered or not."""
        self._kept[inference_id].due_ms = _now_ms()

    async def backlog(self, endpoint: str) -> Backlog:
        """Return the waiting webhooks of an endpoint."""
        waiting = self._waiting(endpoint)
        return Backlog(len(waiting), max(0.0, (_now_ms() - waiting[0][0]) / 1000) if waiting else 0.0)

    def _waiting(self, endpoint: str) -> list[tuple[int, _Kept]]:
        waiting = [
            (kept.due_ms, kept)
            for kept in self._kept.values()
            if kept.hook.endpoint == endpoint and kept.due_ms is not None
        ]
        return sorted(waiting, key=lambda one: one[0])


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
