import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from inference_client import Client, JobFailed
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

    assert read == [0, 1, 2, 3][: len(read)]
    assert len(list(outcomes)) == 8


def test_no_more_jobs_than_allowed_are_in_flight(client: Any, script: Script) -> None:
    both_came = threading.Event()
    script.will(Reply(200, SUCCEEDED, after=both_came))
    threading.Timer(0.5, both_came.set).start()

    outcomes = client.map([b"%d" % number for number in range(6)], in_flight=2)
    next(outcomes)

    assert len(script.asked) <= 3
    assert len(list(outcomes)) == 5


def test_a_file_that_cannot_be_read_stops_no_other_input(client: Any, script: Script) -> None:
    script.will(Reply(200, SUCCEEDED))

    first, second, third = client.map([b"1", "no/such.png", b"3"])

    assert (first.answer, third.answer) == (SUCCEEDED, SUCCEEDED)
    assert isinstance(second.error, FileNotFoundError)


@pytest.mark.parametrize("in_flight", [0, -1])
def test_a_number_of_jobs_in_flight_that_runs_none_is_refused(client: Any, script: Script, in_flight: int) -> None:
    with pytest.raises(ValueError, match=f"in_flight is {in_flight}, expected 1 or more"):
        list(client.map([b"1"], in_flight=in_flight))


def test_an_outcome_does_not_wait_for_all_the_inputs_that_may_be_in_flight(script: Script) -> None:
    script.will(Reply(200, SUCCEEDED))
    is_over = threading.Event()

    def sources() -> Iterator[bytes]:
        number = 0
        while not is_over.wait(0.01):
            yield b"%d" % number
            number += 1

    with Client(script.url) as client:
        outcomes = client.map(sources(), in_flight=1_000_000)
        assert next(outcomes).answer == SUCCEEDED
        is_over.set()
        assert all(outcome.answer == SUCCEEDED for outcome in outcomes)


def test_a_loop_that_is_left_early_does_not_keep_its_process_alive(script: Script) -> None:
    script.will(Reply(200, SUCCEEDED, after=threading.Event()))

    done = subprocess.run([sys.executable, "-c", LEAVES_EARLY, script.url], capture_output=True, text=True, timeout=15)

    assert done.stderr.endswith("RuntimeError: left early\n")


LEAVES_EARLY = """
import sys
from inference_client import Client
def sources():
    yield b"1"
    raise RuntimeError("left early")
list(Client(sys.argv[1]).map(sources()))
"""
