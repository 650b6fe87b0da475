"""Kubernetes hears whether a worker is busy, and not more often than that changes for good. Time is virtual."""

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest

from inference_worker.deletion_cost import DeletionCost
from inference_worker.own_pod import OwnPod
from tests.support.waiting import until
from tests.unit.worker.kubernetes import Kubernetes
from tests.unit.worker.virtual import Device, DeviceLoop

TIMEOUT_S = 10.0


class Post:
    """A worker's place: how much it holds, and the task that tells Kubernetes."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self.loop = DeviceLoop()
        self.loop.device = Device(lambda: 0.0)
        self.kubernetes = kubernetes
        self.jobs = 0
        self.stop = asyncio.Event()
        cost = DeletionCost(kubernetes.pod(), jobs_in_work=lambda: self.jobs)
        self.telling = self.loop.create_task(cost.run(self.stop))

    def hold(self, jobs: int, seconds: float) -> list[str]:
        """Hold some jobs for some seconds; return what Kubernetes was told meanwhile."""
        before = len(self.kubernetes.patches)
        self.jobs = jobs
        self.loop.pass_time(seconds)
        return self.kubernetes.costs[before:]

    def close(self) -> None:
        self.telling.cancel()
        self.loop.run_until_complete(asyncio.gather(self.telling, return_exceptions=True))
        self.loop.close()


@pytest.fixture
def post(kubernetes: Kubernetes) -> Iterator[Post]:
    post = Post(kubernetes)
    yield post
    post.close()


@pytest.fixture
def idle(post: Post) -> Post:
    assert post.hold(0, 10) == ["0"]
    return post


@pytest.fixture
def busy(post: Post) -> Post:
    assert post.hold(3, 10) == ["100"]
    return post


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.reason for record in caplog.records if record.levelno == logging.WARNING]  # type: ignore[attr-defined]


def test_a_worker_is_busy_once_its_work_has_lasted_a_second(idle: Post) -> None:
    assert idle.hold(1, 0.9) == []
    assert idle.hold(1, 0.5) == ["100"]
    assert idle.hold(1, 600) == []


def test_a_worker_is_idle_once_a_break_has_lasted_five_seconds(busy: Post) -> None:
    assert busy.hold(0, 4.9) == []
    assert busy.hold(0, 0.5) == ["0"]
    assert busy.hold(0, 600) == []


def test_fast_jobs_make_no_calls(idle: Post) -> None:
    assert [told for _ in range(100) for told in idle.hold(1, 0.7) + idle.hold(0, 0.7)] == []


def test_short_breaks_make_no_calls(busy: Post) -> None:
    assert [told for _ in range(100) for told in busy.hold(0, 4.5) + busy.hold(1, 0.5)] == []


def test_a_container_that_is_started_again_takes_back_what_the_last_one_said(post: Post) -> None:
    """The pod keeps its annotation while its container changes."""
    assert post.hold(0, 10) == ["0"]


def test_a_call_that_fails_is_made_again_until_it_is_done(idle: Post) -> None:
    idle.kubernetes.status = 403
    assert set(idle.hold(1, 60)) == {"100"}

    idle.kubernetes.status = 200

    assert idle.hold(1, 60) == ["100"]


def test_calls_that_fail_have_a_pause_between_them(idle: Post) -> None:
    idle.kubernetes.status = 403

    assert len(idle.hold(1, 60)) <= 12


def test_a_call_that_failed_may_have_been_done(idle: Post) -> None:
    idle.kubernetes.status = 504
    assert idle.hold(1, 3) == ["100"]
    idle.hold(0, 20)

    idle.kubernetes.status = 200

    assert idle.hold(0, 20) == ["0"]


def test_a_failure_is_logged_once_until_it_is_another(idle: Post, caplog: pytest.LogCaptureFixture) -> None:
    for status in (403, 500):
        idle.kubernetes.status = status
        idle.hold(1, 60)

    assert warnings(caplog) == ["Kubernetes answered 403 Forbidden", "Kubernetes answered 500 Internal Server Error"]


def test_a_failure_that_comes_back_is_logged_again(idle: Post, caplog: pytest.LogCaptureFixture) -> None:
    for jobs, status in ((1, 403), (1, 200), (0, 403)):
        idle.kubernetes.status = status
        idle.hold(jobs, 60)

    assert len(warnings(caplog)) == 2


def test_a_token_that_is_not_there_yet_is_a_failure_like_others(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    post.kubernetes.token_file.unlink()
    assert post.hold(1, 10) == []
    assert len(warnings(caplog)) == 1

    post.kubernetes.token_file.write_text("late")

    assert post.hold(1, 10) == ["100"]


def test_a_worker_that_drains_tells_nothing(busy: Post) -> None:
    busy.stop.set()

    assert busy.hold(0, 60) == []
    assert busy.telling.done()


class SlowPod(OwnPod):
    """A pod whose annotation takes until the loop has turned."""

    def __init__(self) -> None:
        super().__init__("worker-1", "digits")
        self.has_begun = threading.Event()
        self.may_end = threading.Event()
        self.has_ended_in_time = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def annotate(self, name: str, value: str) -> None:
        self.has_begun.set()
        if self.may_end.wait(TIMEOUT_S / 2):
            self._loop.call_soon_threadsafe(self.has_ended_in_time.set)


async def test_the_work_goes_on_during_a_call() -> None:
    pod = SlowPod()
    cost = DeletionCost(pod, jobs_in_work=lambda: 1, busy_after_s=0.01)
    telling = asyncio.create_task(cost.run(asyncio.Event()))

    await until(pod.has_begun.is_set)
    async with asyncio.timeout(TIMEOUT_S):
        pod.may_end.set()
        await pod.has_ended_in_time.wait()

    telling.cancel()
