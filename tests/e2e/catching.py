"""Workers that are caught in the act, so that a test knows which one was busy when it ended it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e import cluster
from tests.e2e.system import System


@contextmanager
def caught_in_forward_pass(system: System) -> Iterator[Any]:
    """Yield a worker that stands still in the middle of a forward pass; it goes on when the block ends.

    Raises:
        TimeoutError: no worker runs anything for `READY_TIMEOUT_S`.
    """
    while True:
        worker = system.wait_for_busy_worker()
        with cluster.frozen(container_id(worker)):
            # It may have finished before it was stopped; now nothing changes any more.
            if system.jobs_on_device(worker):
                yield worker
                return


def container_id(worker: Any) -> str:
    """Return what containerd calls the container that runs in a worker's pod."""
    return str(worker.status.container_statuses[0].container_id)
