"""A device in virtual time."""

import asyncio
import math
from collections.abc import Callable
from typing import Any

from tests.support.virtual_time import VirtualLoop


class DeviceLoop(VirtualLoop):
    """A loop in virtual time whose executor is a device that says how long it takes.

    Attributes:
        device: runs what is handed to `run_in_executor`.
    """

    device: "Device | None" = None

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        assert self.device is not None
        return self.device.submit(self, func, *args)


class Device:
    """Does one call after the other; each takes as long as `took_s` says once it has run, for ever if that is infinite.

    Attributes:
        busy_s: how long the calls took that have ended.
    """

    def __init__(self, took_s: Callable[[], float]) -> None:
        self._took_s = took_s
        self._free_at_s = 0.0
        self.busy_s = 0.0

    def submit(self, loop: VirtualLoop, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = loop.create_future()
        outcome = _outcome_of(func, *args)
        took_s = self._took_s()
        self._free_at_s = max(loop.now_s, self._free_at_s) + took_s
        if math.isfinite(self._free_at_s):
            loop.call_at(self._free_at_s, self._end, answer, outcome, took_s)
        return answer

    def _end(self, answer: asyncio.Future[Any], outcome: Any, took_s: float) -> None:
        self.busy_s += took_s
        if answer.done():
            return
        if isinstance(outcome, Exception):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)


def _outcome_of(func: Callable[..., Any], *args: Any) -> Any:
    try:
        return func(*args)
    except Exception as error:
        return error
