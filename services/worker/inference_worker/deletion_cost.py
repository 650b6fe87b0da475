"""Tells Kubernetes whether the worker is busy, so that a scale-down removes idle workers first."""

import asyncio
import http.client
import logging
from collections.abc import Callable

from inference_worker.own_pod import OwnPod

logger = logging.getLogger(__name__)

#: The annotation that the ReplicaSet controller compares: it removes the pod with the lowest number first.
ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"
BUSY = "100"
IDLE = "0"
#: Number of checks within `busy_after_s`.
LOOKS = 5


class DeletionCost:
    """Keeps the deletion cost of the worker's pod up to date.

    Each change is a write to Kubernetes, so short work and short breaks change nothing.

    Args:
        pod: of this worker.
        jobs_in_work: returns how many jobs the worker holds.
        busy_after_s: seconds of work without a break after which the worker is busy.
        idle_after_s: seconds without work after which the worker is idle.
        retry_s: seconds between a failed call and the next.
    """

    def __init__(
        self,
        pod: OwnPod,
        *,
        jobs_in_work: Callable[[], int],
        busy_after_s: float = 1.0,
        idle_after_s: float = 5.0,
        retry_s: float = 5.0,
    ) -> None:
        self._pod = pod
        self._jobs_in_work = jobs_in_work
        self._after_s = {BUSY: busy_after_s, IDLE: idle_after_s}
        self._retry_s = retry_s
        self._seen: str | None = None
        self._seen_since_s = 0.0
        self._cost: str | None = None
        # Unknown: the container may have restarted in a pod that was busy.
        self._told: str | None = None
        self._retry_at_s = 0.0
        self._failure: str | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Write each change until `stop` is set; a terminating pod is not compared with others."""
        now_s = asyncio.get_running_loop().time
        while not stop.is_set():
            self._look(now_s())
            if self._cost is not None and self._cost != self._told and now_s() >= self._retry_at_s:
                await self._tell(self._cost)
            await asyncio.sleep(self._after_s[BUSY] / LOOKS)

    def _look(self, now_s: float) -> None:
        seen = BUSY if self._jobs_in_work() else IDLE
        if seen != self._seen:
            self._seen, self._seen_since_s = seen, now_s
        if now_s - self._seen_since_s >= self._after_s[seen]:
            self._cost = seen

    async def _tell(self, cost: str) -> None:
        try:
            await asyncio.to_thread(self._pod.annotate, ANNOTATION, cost)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._note_failure(str(error))
        else:
            self._told, self._failure = cost, None

    def _note_failure(self, reason: str) -> None:
        self._told = None  # an unanswered call may have succeeded
        self._retry_at_s = asyncio.get_running_loop().time() + self._retry_s
        if reason != self._failure:
            logger.warning(
                "Kubernetes does not know whether this worker is busy, so a scale-down may end it during a job",
                extra={"reason": reason, "pause_s": self._retry_s},
            )
        self._failure = reason
