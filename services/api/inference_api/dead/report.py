"""Formats a dead letter as text: a line of the list, or everything about it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from inference_bridge.errors import InvalidMessage
from inference_bridge.kinds import Picture
from inference_bridge.rabbitmq.dead_letters import DeadLetter
from inference_bridge.rabbitmq.topology import SOLO_ATTEMPTS
from inference_bridge.results import Status
from inference_bridge.spec import ModelSpec

#: Stands for the id of a message that has none.
NO_ID = "-"
_SHADES = " ░▒▓█"
_MAX_DRAWN_WIDTH = 64  # pixels, so that a row fits into a terminal
_MAX_DEPTH = 20  # of nested headers
_TITLES = ("id", "reason", "attempts", "died", "bytes")


@dataclass(frozen=True, slots=True)
class Report:
    """The properties of a dead letter without its body, so that ten thousand fit into memory.

    Attributes:
        inference_id: the id of its job, None if it has no valid id.
        is_job: whether it is a valid job.
        reason: why the broker dead-lettered it.
        died_at: when, if known.
        body_bytes: length of the body.
    """

    inference_id: str | None
    is_job: bool
    reason: str
    died_at: datetime | None
    body_bytes: int

    @classmethod
    def of(cls, letter: DeadLetter, spec: ModelSpec) -> Self:
        """Return the report of a letter."""
        is_job = letter.job(spec) is not None
        return cls(letter.inference_id, is_job, letter.reason, letter.died_at, len(letter.body))

    def in_full(self, letter: DeadLetter, spec: ModelSpec, result: bytes | None, solo_attempts: int) -> str:
        """Return everything about the letter as JSON; below it the tensor as text, if the body has its length."""
        properties = dict(vars(letter.properties))
        headers = properties.pop("headers", None)
        everything = {
            "inference_id": self.inference_id,
            "reason": self.cause(result),
            "attempts": self.attempts(solo_attempts),
            "died_at": self.died,
            "body_bytes": self.body_bytes,
            "properties": {name: value for name, value in properties.items() if value is not None},
            "headers": headers,
            "result": None if result is None else json.loads(result),
        }
        # Escaped, because a foreign message may hold control characters for the terminal.
        text = json.dumps(_plain(everything), indent=2)
        takes = spec.takes
        if not isinstance(takes, Picture) or not _is_drawable(letter.body, takes):
            return text
        return f"{text}\n{draw(letter.body, takes)}"

    def cause(self, result: bytes | None) -> str:
        """Return the error code of the stored result, or the reason in the letter if there is no result."""
        answer = {} if result is None else json.loads(result)
        if answer.get("status") == Status.FAILED:
            return str(answer["error"]["code"])
        return self.reason if self.is_job else InvalidMessage.code

    def attempts(self, solo_attempts: int) -> int:
        """Return how often it ran: once in a batch, then alone; the last counted attempt never ran."""
        return 1 + min(solo_attempts, SOLO_ATTEMPTS) if self.is_job else 0

    @property
    def died(self) -> str:
        """When it was dead-lettered, ISO 8601 in UTC."""
        return NO_ID if self.died_at is None else self.died_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def label_of(letter: DeadLetter) -> str:
    """Return the letter's id as the list shows it."""
    return letter.inference_id or NO_ID


def format_table(
    reports: Sequence[Report], results: Sequence[bytes | None], solo_attempts: Sequence[int]
) -> Iterator[str]:
    """Yield a line of titles and a line for each report, aligned; nothing without reports."""
    rows = [_TITLES] if reports else []
    for report, result, count in zip(reports, results, solo_attempts, strict=True):
        attempts, body_bytes = str(report.attempts(count)), str(report.body_bytes)
        rows.append((report.inference_id or NO_ID, report.cause(result), attempts, report.died, body_bytes))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _is_drawable(body: bytes, takes: Picture) -> bool:
    return takes.mode == "L" and takes.width <= _MAX_DRAWN_WIDTH and len(body) == takes.max_body_bytes


def draw(body: bytes, takes: Picture) -> str:
    """Return a grey picture as text: a line for each row, two characters for each pixel."""
    row_pixels = takes.width
    cells = [_SHADES[value * (len(_SHADES) - 1) // 255] * 2 for value in body]
    return "\n".join("".join(cells[start : start + row_pixels]) for start in range(0, len(cells), row_pixels))


def _plain(value: Any, depth: int = 0) -> Any:
    """Return the value as JSON types; the headers of a foreign message may have any AMQP type."""
    if depth > _MAX_DEPTH:
        return "…"
    match value:
        case dict():
            return {str(key): _plain(item, depth + 1) for key, item in value.items()}
        case list():
            return [_plain(item, depth + 1) for item in value]
        case datetime():
            return value.isoformat()
        case int() | str() | None:
            return value
        case _:
            return repr(value)
