"""The outcome of a try, and the time of the next one."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from inference_api.hooks.post import Answer
from inference_api.hooks.schedule import JITTER, MAX_RETRY_AFTER_S, RETRIES_S, after_answer, after_failure
from inference_bridge.hooks import Try

DAY_S = 86_400


@pytest.mark.parametrize("status", [200, 202, 204])
def test_an_accepted_webhook_is_delivered(status: int) -> None:
    assert after_answer(Answer(status, ""), 0) == Try(status)


def test_gone_ends_the_tries() -> None:
    gone = after_answer(Answer(410, ""), 0)

    assert gone.error
    assert gone.retry_s is None


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 429, 500, 503])
def test_any_other_answer_is_a_failure_with_another_try(status: int) -> None:
    tried = after_answer(Answer(status, ""), 0)

    assert (tried.status, tried.error) == (status, f"answered {status}")
    assert tried.retry_s is not None


@pytest.mark.parametrize("attempts", range(len(RETRIES_S)))
def test_each_pause_is_longer_and_differs_a_little(attempts: int) -> None:
    pauses_s = {after_failure("why", attempts).retry_s or 0 for _ in range(50)}

    assert all(abs(pause_s / RETRIES_S[attempts] - 1) <= JITTER for pause_s in pauses_s)
    assert len(pauses_s) > 1


def test_the_tries_go_on_for_a_day_and_then_end() -> None:
    assert 0.9 * DAY_S < sum(RETRIES_S) <= DAY_S
    assert after_failure("why", len(RETRIES_S)) == Try(0, "why")


@pytest.mark.parametrize(
    "retry_after", ["900", format_datetime(datetime.now(UTC) + timedelta(seconds=960), usegmt=True)]
)
@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_may_ask_for_a_longer_pause(status: int, retry_after: str) -> None:
    tried = after_answer(Answer(status, retry_after), 0)

    assert tried.retry_s is not None
    assert 800 < tried.retry_s < 1_000


@pytest.mark.parametrize("retry_after", ["", "soon", "-5", "0", "²", "Mon, 99 Nov 2026 25:00:00", "1.5"])
def test_a_pause_that_is_not_one_changes_nothing(retry_after: str) -> None:
    tried = after_answer(Answer(503, retry_after), 0)

    assert tried.retry_s is not None
    assert tried.retry_s <= RETRIES_S[0] * (1 + JITTER)


@pytest.mark.parametrize("retry_after", ["99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_an_endpoint_cannot_ask_for_ever(retry_after: str) -> None:
    assert after_answer(Answer(503, retry_after), 0).retry_s == MAX_RETRY_AFTER_S
