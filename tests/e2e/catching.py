"""Stops a worker during a forward pass, so that a test knows that the worker is busy."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e import cluster
from tests.e2e.system import System


@contextmanager
def catch_in_forward_pass(system: System) -> Iterator[Any]:
    """Yield a worker that is stopped during a forward pass; it continues when the block ends.

    Raises:
        TimeoutError: no worker runs anything for `READY_TIMEOUT_S`.
    """
    while True:
        worker = system.wait_for_busy_worker()
        with cluster.freeze(read_container_id(worker)):
            # It may have finished before it was stopped; from now on its state cannot change.
            if system.count_jobs_on_device(worker):
                yield worker
                return


def read_container_id(worker: Any) -> str:
    """Return containerd's id of the container in a worker's pod."""
    return str(worker.status.container_statuses[0].container_id)
