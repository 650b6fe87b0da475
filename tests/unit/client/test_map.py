import json
import threading
from typing import Any

from inference_client import JobFailed
from tests.unit.client.scripted import FAILED, ID, SUCCEEDED, Reply, Script


def test_outcomes_come_in_the_order_of_the_inputs(client: Any, script: Script) -> None:
    script.will(Reply(200, SUCCEEDED))

    outcomes = list(client.map([b"%d" % number for number in range(9)], in_flight=3))

    assert [outcome.source for outcome in outcomes] == [b"%d" % number for number in range(9)]
    assert all(outcome.answer == SUCCEEDED for outcome in outcomes)


def test_an_input_that_fails_stops_no_other(client: Any, script: Script) -> None:
    script.will(Reply(200, SUCCEEDED), Reply(200, FAILED), Reply(200, SUCCEEDED))

    first, second, third = client.map([b"1", b"2", b"3"], in_flight=1)

    assert (first.answer, third.answer) == (SUCCEEDED, SUCCEEDED)
    assert isinstance(second.error, JobFailed)
    assert json.loads(json.dumps(second.error.answer))["inference_id"] == ID


def test_inputs_are_read_only_as_jobs_end(client: Any, script: Script) -> None:
    script.will(Reply(200, SUCCEEDED))
    read: list[int] = []

    def sources() -> Any:
        for number in range(9):
            read.append(number)
            yield b"%d" % number

    outcomes = client.map(sources(), in_flight=4)
    next(outcomes)

    assert read == [0, 1, 2, 3]
    assert len(list(outcomes)) == 8


def test_no_more_jobs_than_allowed_are_in_flight(client: Any, script: Script) -> None:
    both_came = threading.Event()
    script.will(Reply(200, SUCCEEDED, after=both_came))
    threading.Timer(0.5, both_came.set).start()

    outcomes = client.map([b"%d" % number for number in range(6)], in_flight=2)
    next(outcomes)

    assert len(script.asked) <= 3
    assert len(list(outcomes)) == 5
