"""Decides what follows a try: delivered, another try, or the end."""

import random
import re
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from inference_api.hooks.post import Answer
from inference_bridge.hooks import Try

#: Seconds from each failed try to the next: together a day.
RETRIES_S: tuple[float, ...] = (5, 300, 1_800, 7_200, 18_000, 21_600, 36_000)
#: Each pause is up to this share shorter or longer, so that an endpoint that comes back is not overrun.
JITTER = 0.2
#: Longest pause that an endpoint may ask for.
MAX_RETRY_AFTER_S = 21_600
GONE = 410


def after_answer(answer: Answer, attempts: int) -> Try:
    """Return the outcome of a try that was answered, after `attempts` earlier ones; a redirect is a failure."""
    if 200 <= answer.status < 300:
        return Try(answer.status)
    if answer.status == GONE:
        return Try(GONE, "answered 410, so that no try follows")
    return _again(answer.status, f"answered {answer.status}", attempts, _seconds(answer.retry_after))


def after_failure(reason: str, attempts: int) -> Try:
    """Return the outcome of a try without an answer."""
    return _again(0, reason, attempts, 0)


def _again(status: int, error: str, attempts: int, asked_s: float) -> Try:
    if attempts >= len(RETRIES_S):
        return Try(status, error)
    pause_s = RETRIES_S[attempts] * random.uniform(1 - JITTER, 1 + JITTER)
    return Try(status, error, retry_s=max(pause_s, min(asked_s, MAX_RETRY_AFTER_S)))


def _seconds(retry_after: str) -> float:
    """Return the seconds in a `Retry-After`, a number or a date; 0 if it is neither."""
    if re.fullmatch("[0-9]+", retry_after):
        return float(retry_after[:9])
    with suppress(ValueError, TypeError):
        return (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
    return 0.0
