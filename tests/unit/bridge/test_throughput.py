import math

import pytest

from inference_bridge.rabbitmq.throughput import IDLE_RETRY_AFTER_S, MAX_RETRY_AFTER_S, Throughput
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rate(clock: Clock) -> Throughput:
    return Throughput(clock)


def test_the_rate_is_what_was_announced_per_second(rate: Throughput, clock: Clock) -> None:
    for _ in range(5):
        rate.add(40)
        clock.now_s += 1

    assert rate.per_s() == 40


def test_results_of_more_than_ten_seconds_ago_do_not_count(rate: Throughput, clock: Clock) -> None:
    rate.add(1_000)
    clock.now_s += 10.1

    assert rate.per_s() == 0


def test_a_single_batch_is_no_rate_beyond_its_second(rate: Throughput) -> None:
    rate.add(64)

    assert rate.per_s() == 64


@pytest.mark.parametrize(("waiting", "seconds"), [(1, 1), (100, 3), (1_000_000, MAX_RETRY_AFTER_S)])
def test_the_time_for_a_backlog_is_rounded_up_and_bounded(
    rate: Throughput, clock: Clock, waiting: int, seconds: int
) -> None:
    rate.add(80)
    clock.now_s += 2

    assert rate.seconds_for(waiting) == seconds


def test_while_nothing_is_drained_the_time_is_a_guess(rate: Throughput) -> None:
    assert rate.seconds_for(1) == IDLE_RETRY_AFTER_S


def test_the_drain_is_idle_since_the_last_result(rate: Throughput, clock: Clock) -> None:
    rate.add(3)
    clock.now_s += 1_000
    rate.add(0)

    assert rate.idle_s() == 1_000


def test_before_the_first_result_the_drain_was_always_idle(rate: Throughput) -> None:
    assert rate.idle_s() == math.inf
