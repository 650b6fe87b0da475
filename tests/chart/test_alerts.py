"""Each alert rings for what it is about, and not for what only looks like it."""

import re

import pytest

from tests.chart.alerts import FAILED, NOTHING, Samples, alerts, growing, rings, steady
from tests.chart.helm import NEEDS_HELM
from tests.chart.series import (
    ACCEPTED,
    CRASHES,
    DEAD,
    EXPIRED,
    EXTERNAL,
    IN_MEMORY,
    IN_RABBITMQ,
    KEDA_ERRORS,
    MOST_IN_MEMORY,
    PAUSED,
    REFUSED,
    RETRIES,
    SHORT_OF_DISK,
    SUCCEEDED,
    WAITING,
    pending,
)
from tests.support.deployment import ROOT

pytestmark = NEEDS_HELM

Seen = dict[str, Samples]


def broken(samples: list[float | str]) -> list[float | str]:
    """Return the same with every seventh scrape failed: every second of those is what a look at the alerts sees."""
    return [FAILED if number % 7 == 6 else sample for number, sample in enumerate(samples)]


#: What rings an alert, with a scrape missing every now and then; and by which minute.
RINGS: dict[str, tuple[Seen, float]] = {
    "InferenceNobodyWorks": ({WAITING: steady(10, 0) + broken(steady(20, 3))}, 15),
    "InferenceUnseen": ({WAITING: [*steady(10, 0), FAILED]}, 15),
    "InferenceRefuses": ({REFUSED: broken(growing(20, by=2))}, 6),
    "InferenceResultsHeld": ({RETRIES: broken(growing(20, by=7))}, 6),
    "InferenceRedisFills": (
        {IN_MEMORY: steady(10, 81) + broken(steady(20, 81)), MOST_IN_MEMORY: broken(steady(30, 100))},
        5.5,
    ),
    "InferenceJobsExpire": ({EXPIRED: steady(10, 0) + steady(20, 1)}, 11),
    "InferenceBacklog": ({WAITING: broken(steady(20, 20_001))}, 10.5),
    "InferenceDeadLetters": ({DEAD: broken(steady(20, 1))}, 5.5),
    "InferenceBrokerAlarm": ({SHORT_OF_DISK: broken(steady(20, 1))}, 1.5),
    "InferenceCrashLoop": ({CRASHES: [*steady(10.25, 0), 1, *steady(10, 0)]}, 11),
    "InferenceWorkerPending": ({pending(1): broken(steady(20, 1))}, 10.5),
    "InferenceAutoscalerErrors": ({KEDA_ERRORS: broken(growing(20, by=1))}, 6),
    "InferenceAutoscalerAway": ({KEDA_ERRORS: [*steady(10, 0), FAILED]}, 17.5),
}

SILENT: dict[str, tuple[str, Seen]] = {
    "one scrape of the API fails": ("InferenceUnseen", {WAITING: broken(steady(60, 0))}),
    "RabbitMQ restarts": ("InferenceRefuses", {REFUSED: growing(2, by=9) + steady(60, 63)}),
    "the API answers": ("InferenceRefuses", {ACCEPTED: growing(60, by=9)}),
    "Redis restarts": ("InferenceResultsHeld", {RETRIES: growing(2, by=9) + steady(60, 63)}),
    "Redis has room": ("InferenceRedisFills", {IN_MEMORY: steady(60, 79), MOST_IN_MEMORY: steady(60, 100)}),
    "Redis is full for a moment": (
        "InferenceRedisFills",
        {IN_MEMORY: steady(2, 99) + steady(58, 50), MOST_IN_MEMORY: steady(60, 100)},
    ),
    "jobs are done in time": ("InferenceJobsExpire", {SUCCEEDED: growing(60, by=9), EXPIRED: steady(60, 0)}),
    "a burst is worked off": ("InferenceBacklog", {WAITING: steady(9, 20_001) + steady(60, 0)}),
    "all workers are busy": ("InferenceBacklog", {WAITING: steady(60, 20_000), IN_RABBITMQ: steady(60, 20_000)}),
    "only jobs wait": ("InferenceDeadLetters", {DEAD: steady(60, 0), IN_RABBITMQ: steady(60, 9)}),
    "RabbitMQ has room": ("InferenceBrokerAlarm", {SHORT_OF_DISK: steady(60, 0)}),
    "a worker is started": ("InferenceCrashLoop", {CRASHES: steady(60, 0), pending(1): steady(60, 1)}),
    "workers wait for a few minutes, one after the other": (
        "InferenceWorkerPending",
        {pending(n): [*steady(6 * n, NOTHING), *steady(6, 1), FAILED] for n in range(9)},
    ),
    "KEDA misses a look": ("InferenceAutoscalerErrors", {KEDA_ERRORS: steady(5, 0) + steady(60, 1)}),
    "a ScaledObject is paused": ("InferenceAutoscalerAway", {PAUSED: steady(60, 1)}),
    "KEDA is not scraped once": ("InferenceAutoscalerAway", {KEDA_ERRORS: broken(steady(60, 0))}),
}


@pytest.mark.parametrize("alert", RINGS)
def test_it_rings(alert: str) -> None:
    seen, by_minute = RINGS[alert]

    assert rings(alert, seen, by_minute=by_minute)


@pytest.mark.parametrize("case", SILENT)
def test_it_stays_silent(case: str) -> None:
    alert, seen = SILENT[case]

    assert not rings(alert, seen)


def test_every_alert_is_rung_here() -> None:
    assert [alert["alert"] for alert in alerts()] == list(RINGS)


def test_jobs_that_expired_before_the_worker_was_first_scraped_ring() -> None:
    assert rings("InferenceJobsExpire", {EXPIRED: [*steady(10.25, NOTHING), 10_000, FAILED]}, by_minute=11)


def test_jobs_that_expired_ring_for_minutes() -> None:
    assert rings("InferenceJobsExpire", {EXPIRED: steady(10, 0) + steady(50, 1)}, after_minute=18)


def test_jobs_that_expired_long_ago_ring_no_more() -> None:
    assert not rings("InferenceJobsExpire", {EXPIRED: broken(steady(60, 5))}, after_minute=11)


@pytest.mark.parametrize("witness", [WAITING, IN_RABBITMQ])
def test_the_backlog_is_seen_by_the_api_and_by_rabbitmq(witness: str) -> None:
    assert rings("InferenceBacklog", {witness: steady(20, 20_001)})


@pytest.mark.parametrize(("max_length", "max_replicas"), [(100_000, 32), (1_000, 1), (7, 4)])
def test_a_queue_that_is_nearly_full_is_a_backlog_however_many_workers_there_are(
    max_length: int, max_replicas: int
) -> None:
    """Four fifths of the queue's length count as nearly full."""
    settings = (f"settings.INFERENCE_QUEUE_MAX_LENGTH={max_length}", f"autoscaling.maxReplicas={max_replicas}")

    assert rings("InferenceBacklog", {WAITING: steady(20, max_length)}, *settings)
    assert rings("InferenceBacklog", {WAITING: steady(20, 0.81 * max_length)}, *settings)
    assert not rings("InferenceBacklog", {WAITING: steady(20, 0.79 * max_length)}, *settings)


@pytest.mark.parametrize("interval_s", [1, 15, 30, 60, 3600])
def test_every_window_holds_four_scrapes(interval_s: int) -> None:
    for alert in alerts(f"metrics.intervalSeconds={interval_s}"):
        windows = [int(seconds) for seconds in re.findall(r"\[(\d+)s\]", alert["expr"])]

        assert windows, alert["alert"]
        assert min(windows) >= max(4 * interval_s, 120), alert["alert"]


def test_a_scrape_of_keda_that_fails_does_not_put_off_its_errors() -> None:
    # By Prometheus' own interval, not by the chart's.
    seen = {KEDA_ERRORS: broken(growing(20, by=1, scrape_s=30))}

    assert rings("InferenceAutoscalerErrors", seen, by_minute=6, scrape_s=30)


def test_with_a_rabbitmq_elsewhere_only_the_alerts_on_its_inside_are_missing() -> None:
    """Only the chart's own RabbitMQ is scraped."""
    missing = {alert["alert"] for alert in alerts()} - {alert["alert"] for alert in alerts(*EXTERNAL)}

    assert missing == {"InferenceDeadLetters", "InferenceBrokerAlarm"}
    assert not [alert for alert in alerts(*EXTERNAL) if "rabbitmq_" in alert["expr"]]


def test_without_keda_no_alert_asks_for_it() -> None:
    assert not [alert for alert in alerts("autoscaling.enabled=false") if "keda_" in alert["expr"]]


@pytest.mark.parametrize("alert", RINGS)
def test_it_says_how_bad_it_is_what_happens_and_what_to_do(alert: str) -> None:
    (found,) = [one for one in alerts() if one["alert"] == alert]

    assert found["labels"]["severity"] in {"critical", "warning"}
    assert found["labels"]["namespace"] == "default"
    assert len(found["annotations"]["summary"].split()) > 4
    assert found["annotations"]["description"].endswith(f"docs/operations.md#{alert.lower()}")


@pytest.mark.parametrize("alert", RINGS)
def test_its_runbook_is_an_entry_of_the_page_for_the_person_on_call(alert: str) -> None:
    (found,) = [one for one in alerts() if one["alert"] == alert]
    page, _, anchor = found["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)

    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


def test_the_runbook_may_be_elsewhere() -> None:
    page = "https://wiki.example/on-call"
    found = alerts(f"metrics.rules.runbookUrl={page}")

    assert [alert["annotations"]["runbook_url"] for alert in found] == [f"{page}#{name.lower()}" for name in RINGS]
