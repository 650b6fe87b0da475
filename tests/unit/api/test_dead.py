"""The output of the commands for dead letters, also for a foreign message."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pika import BasicProperties

from inference_api.dead.report import Report, draw, format_table
from inference_bridge.jobs import Job, to_properties
from inference_bridge.rabbitmq.dead_letters import DeadLetter
from inference_bridge.rabbitmq.replay import renew_deadline
from inference_bridge.rabbitmq.topology import SOLO_ATTEMPTS
from inference_bridge.results import failed
from mnist_model.spec import INPUT, SPEC

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
REQUEST = Job("A" * 24, bytes(784), submitted_s=1, deadline_ms=2_000, traceparent=TRACE)
DIED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def a_letter(deaths: Any = None) -> DeadLetter:
    properties = to_properties(REQUEST, SPEC)
    properties.headers = {**(properties.headers or {}), "x-death": deaths or [{"reason": "rejected", "time": DIED_AT}]}
    return DeadLetter(1, properties, REQUEST.body)


def lines(letter: DeadLetter, result: bytes | None = None, solo_attempts: int = 0) -> list[list[str]]:
    return [line.split() for line in format_table([Report.of(letter, SPEC)], [result], [solo_attempts])]


def test_a_job_is_listed_with_the_code_of_its_result() -> None:
    [_, row] = lines(a_letter(), failed("A" * 24, "worker_crashed", "why").body, SOLO_ATTEMPTS + 1)

    assert row == ["A" * 24, "worker_crashed", "4", "2026-01-02T03:04:05Z", "784"]


def test_a_job_without_a_result_is_listed_with_the_brokers_reason() -> None:
    [_, row] = lines(a_letter())

    assert row[1:3] == ["rejected", "1"]


def test_a_foreign_message_is_listed_without_an_id() -> None:
    [_, row] = lines(DeadLetter(1, BasicProperties(message_id="\x1b[2J", headers={"x-death": "never"}), b"four"))

    assert row == ["-", "invalid_message", "0", "-", "4"]


@pytest.mark.parametrize(
    "deaths",
    [
        pytest.param("never", id="a-word"),
        pytest.param([3], id="a-number"),
        pytest.param([{"reason": 7, "time": "now"}], id="other-types"),
        pytest.param({"a": 1}, id="a-table"),
        pytest.param([{"reason": "\x1b[2J"}], id="a-control-character"),
    ],
)
def test_a_forged_history_tells_nothing(deaths: Any) -> None:
    letter = a_letter(deaths)

    assert (letter.reason, letter.died_at) == ("unknown", None)


def test_whatever_a_foreign_message_says_is_shown_as_plain_text() -> None:
    deep: Any = "bottom"
    for _ in range(400):
        deep = [deep]
    properties = BasicProperties(type="\x1b[2J", headers={"a": deep, "b": b"\xff", "c": DIED_AT, "d": None})
    letter = DeadLetter(1, properties, b"")

    text = Report.of(letter, SPEC).in_full(letter, SPEC, None, 0)

    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text)["headers"]["c"] == DIED_AT.isoformat()


def test_a_tensor_is_drawn_row_by_row() -> None:
    drawn = draw(bytes([255] * 28 + [0] * 756), INPUT).split("\n")

    assert (len(drawn), drawn[0], drawn[27]) == (28, "█" * 56, " " * 56)


def test_a_second_life_keeps_everything_but_the_deadline() -> None:
    request = renew_deadline(REQUEST, job_ttl_s=900)

    assert request.deadline_ms > REQUEST.deadline_ms
    assert (request.inference_id, request.body, request.submitted_s, request.traceparent) == (
        REQUEST.inference_id,
        REQUEST.body,
        REQUEST.submitted_s,
        REQUEST.traceparent,
    )
