"""InferenceNobodyWorks rings within five minutes whenever jobs wait and no worker works, and not when one does."""

import pytest

from tests.chart.alerts import FAILED, NOTHING, Samples, growing, rings, steady
from tests.chart.helm import NEEDS_HELM
from tests.chart.series import (
    BUSY,
    CRASHES,
    DEAD,
    EXTERNAL,
    IN_RABBITMQ,
    KEDA_READS,
    OTHER_SUCCEEDED,
    PAUSED,
    RUNNING,
    STRANGERS_SUCCEEDED,
    SUCCEEDED,
    SUSPECTS,
    WAITING,
    pending,
)

pytestmark = NEEDS_HELM
ALERT = "InferenceNobodyWorks"

#: Jobs wait from minute 10 on: the programs that say so, and the values of the chart.
NONE_THEN_SOME = steady(10, 0) + steady(30, 3)
WITNESSES = {
    "the API and RabbitMQ": ({WAITING: NONE_THEN_SOME, IN_RABBITMQ: NONE_THEN_SOME}, ()),
    "RabbitMQ, while no API pod is read": ({IN_RABBITMQ: NONE_THEN_SOME}, ()),
    "the API, while RabbitMQ is not read": ({WAITING: NONE_THEN_SOME}, ()),
    "the API, of a RabbitMQ elsewhere": ({WAITING: NONE_THEN_SOME}, EXTERNAL),
    "the API, of suspects": ({WAITING: steady(40, 0), SUSPECTS: NONE_THEN_SOME}, EXTERNAL),
}
#: Why no worker works, and the other traces of that in Prometheus.
CAUSES = {
    "the workers end before they are warm": {
        CRASHES: steady(40, 1),
        RUNNING: steady(40, 1),
    },
    "KEDA is down": {},
    "the ScaledObject is paused and forgotten": {PAUSED: steady(40, 1)},
    "no node has a GPU": {pending(1): steady(40, 1)},
    "KEDA reads 0": {KEDA_READS: steady(40, 0)},
    "a worker is ready and does nothing": {SUCCEEDED: steady(40, 100), BUSY: steady(40, 0)},
}


@pytest.mark.parametrize("witness", WITNESSES)
@pytest.mark.parametrize("cause", CAUSES)
def test_it_rings_within_five_minutes(cause: str, witness: str) -> None:
    seen, settings = WITNESSES[witness]

    assert rings(ALERT, {**seen, **CAUSES[cause]}, *settings, by_minute=15)


def test_it_gives_a_worker_three_minutes() -> None:
    assert not rings(ALERT, {WAITING: NONE_THEN_SOME}, by_minute=13)


@pytest.mark.parametrize("last_scrape", range(4))
def test_it_rings_within_five_minutes_of_the_last_result(last_scrape: int) -> None:
    works: list[float | str] = growing(10 + last_scrape / 4, by=5)
    seen: dict[str, Samples] = {
        WAITING: steady(40, 3),
        SUCCEEDED: [*works, FAILED],
        BUSY: [*steady(10 + last_scrape / 4, 1), FAILED],
    }

    assert rings(ALERT, seen, by_minute=15 + last_scrape / 4)


def test_it_rings_within_five_minutes_when_prometheus_scrapes_once_a_minute() -> None:
    """The windows of the alert follow the chart's interval."""
    seen = {WAITING: steady(10, 0, scrape_s=60) + steady(30, 3, scrape_s=60)}

    assert rings(ALERT, seen, "metrics.intervalSeconds=60", by_minute=15, scrape_s=60)


def test_a_scrape_that_fails_does_not_put_it_off() -> None:
    failures = [*steady(1, 3), FAILED, *steady(2, 3), FAILED, *steady(30, 3)]

    assert rings(ALERT, {WAITING: steady(10, 0) + failures}, by_minute=15)


def test_it_rings_when_redis_takes_no_results() -> None:
    # RabbitMQ counts what the workers hold as well; a job that is done but not stored is on no device.
    held: dict[str, Samples] = {IN_RABBITMQ: steady(40, 3), SUCCEEDED: steady(40, 7), BUSY: steady(40, 0)}

    assert rings(ALERT, held, by_minute=5)


def test_it_stays_silent_when_nothing_waits() -> None:
    nothing: dict[str, Samples] = {WAITING: steady(60, 0), IN_RABBITMQ: steady(60, 0), DEAD: steady(60, 3)}

    assert not rings(ALERT, nothing)


def test_it_stays_silent_over_a_backlog_that_is_worked_off() -> None:
    assert not rings(ALERT, {WAITING: steady(60, 3), SUCCEEDED: growing(60, by=1), BUSY: steady(60, 0)})


def test_it_stays_silent_while_one_job_takes_half_an_hour_and_others_wait() -> None:
    assert not rings(ALERT, {WAITING: steady(30, 3), SUCCEEDED: steady(30, 1), BUSY: steady(30, 1)})


def test_it_stays_silent_during_a_cold_start_of_three_minutes() -> None:
    waits = steady(10, 0) + steady(13, 3)

    assert not rings(ALERT, {WAITING: waits, SUCCEEDED: steady(13, NOTHING) + growing(10, by=1)})


def test_it_stays_silent_when_single_jobs_wait_now_and_then() -> None:
    # Workers that come and go unseen do the waiting jobs between two scrapes.
    assert not rings(ALERT, {WAITING: (steady(1, 1) + steady(0.25, 0)) * 40})


def test_a_scrape_of_the_worker_that_fails_rings_nothing() -> None:
    works = growing(60, by=1)
    seen: dict[str, Samples] = {WAITING: steady(60, 3), SUCCEEDED: [*works[:80], FAILED, *works[81:]]}

    assert not rings(ALERT, seen)


@pytest.mark.parametrize("others", [OTHER_SUCCEEDED, STRANGERS_SUCCEEDED], ids=["model", "release"])
def test_the_workers_of_another_model_or_release_do_not_silence_it(others: str) -> None:
    assert rings(ALERT, {WAITING: NONE_THEN_SOME, others: growing(40, by=5)}, by_minute=15)
