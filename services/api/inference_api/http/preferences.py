"""Reads what a call asks for beside its input: a wait for the result (RFC 7240), a time to run, a timeline."""

import re
from collections.abc import Mapping
from functools import lru_cache

from inference_api.errors import InvalidRequest

_PREFER_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?:[,;]|$)", re.IGNORECASE)

#: Numbers as programs print them: 5, 4.999999999999999, 1e-07.
_NUMBER = re.compile(r"\d{1,32}(\.\d{1,32})?(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)


def preferred_wait_s(headers: Mapping[str, str], query: Mapping[str, str], *, max_wait_s: float) -> float:
    """Return the seconds to wait, 0 to `max_wait_s`, from `Prefer: wait=5` or `?wait=5`; without either, 0.

    Raises:
        InvalidRequest: `?wait=` is not a number of seconds. A malformed `Prefer` is ignored, as RFC 7240 asks.
    """
    asked = query.get("wait")
    if asked is None:
        return min(_wait_s_of(headers.get("prefer", "")), max_wait_s)
    if not _NUMBER.fullmatch(asked):
        raise InvalidRequest(f"wait is {asked[:64]!r}, expected seconds, 0 or more, such as ?wait=5")
    return min(float(asked), max_wait_s)


@lru_cache(64)
def _wait_s_of(prefer: str) -> float:
    match = _PREFER_WAIT.search(prefer)  # most clients send the same header each time
    return float(match[1]) if match else 0.0


def asked_ttl_s(query: Mapping[str, str], *, max_ttl_s: float) -> float:
    """Return the seconds in which a job must run, from `?ttl=30`; without it, `max_ttl_s`.

    Raises:
        InvalidRequest: `?ttl=` is not a number of seconds, 1 to `max_ttl_s`.
    """
    asked = query.get("ttl")
    if asked is None:
        return max_ttl_s
    if not _NUMBER.fullmatch(asked) or not 1 <= float(asked) <= max_ttl_s:
        raise InvalidRequest(f"ttl is {asked[:64]!r}, expected seconds, 1 to {max_ttl_s:g}, such as ?ttl=30")
    return float(asked)


def asks_for_timeline(query: Mapping[str, str]) -> bool:
    """Tell whether a submission asks for the timeline of its job, with `?timeline=true`.

    Raises:
        InvalidRequest: `?timeline=` is neither `true` nor `false`.
    """
    asked = query.get("timeline", "false")
    if asked not in ("true", "false"):
        raise InvalidRequest(f"timeline is {asked[:64]!r}, expected true or false, such as ?timeline=true")
    return asked == "true"
