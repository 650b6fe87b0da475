"""Restarts what has ended, as Kubernetes does with a container of a pod."""

import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from tests.support.deployment import Service

CHECK_EVERY_S = 0.05


class Supervisor:
    """Watches services in a thread while it is entered; a service that was never started is left alone.

    Attributes:
        exit_statuses: how each restarted process had ended, in order; negative for a signal.
    """

    def __init__(self, services: Iterable[Service]) -> None:
        self.exit_statuses: list[int] = []
        self._services = list(services)
        self._paused: set[Service] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        """Start to watch."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop to watch; nothing is restarted any more, and nothing is ended."""
        self._ended.set()
        self._thread.join()

    @property
    def restarts(self) -> int:
        """How many times a service was started again."""
        return len(self.exit_statuses)

    def pause(self, service: Service) -> None:
        """Leave a service down from now on, so that a test can end it on purpose."""
        with self._lock:
            self._paused.add(service)

    def resume(self, service: Service) -> None:
        """Watch a service again; if it has ended, it is started within `CHECK_EVERY_S`."""
        with self._lock:
            self._paused.discard(service)

    def _watch(self) -> None:
        while not self._ended.wait(CHECK_EVERY_S):
            with self._lock:
                self._restart_ended()

    def _restart_ended(self) -> None:
        for service in self._services:
            exit_status = service.process.exit_status
            if exit_status is not None and service not in self._paused:
                service.start()
                self.exit_statuses.append(exit_status)
