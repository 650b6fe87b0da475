"""The flows themselves: the requests that they ask for, without a server."""

import math

import pytest

from inference_client import flows
from inference_client.calls import Pause, Send


def read_timeout_s(step: Send | Pause) -> float:
    assert isinstance(step, Send)
    return float(step.request["timeout"].read)


def test_an_answer_is_awaited_a_margin_longer_than_the_service_may_hold_it_back() -> None:
    assert read_timeout_s(Send("POST", "/classify", wait_s=600.0)) == 25.0 + 30.0


@pytest.mark.parametrize("send", [Send("POST", "/classify", left_s=3.0), Send("GET", "/result/a", wait_s=3, left_s=3)])
def test_an_answer_is_awaited_little_longer_than_the_caller_has_time(send: Send) -> None:
    assert read_timeout_s(send) == 3.0 + 2.0


def test_the_service_is_asked_to_wait_only_for_the_time_that_is_left() -> None:
    assert Send("POST", "/classify", wait_s=20.0, left_s=4.0).request["params"] == {"wait": "4.000"}


def test_a_look_at_a_result_lasts_as_long_as_the_service_waits_for_a_silent_store() -> None:
    assert read_timeout_s(next(flows.look("/result/a"))) == 10.0


def test_a_wait_without_an_end_asks_for_the_longest_wait_of_one_call() -> None:
    step = next(flows.wait("/result/a", timeout_s=math.inf))

    assert isinstance(step, Send)
    assert step.request["params"] == {"wait": "25.000"}


def test_a_name_with_a_slash_stays_one_part_of_the_path() -> None:
    assert flows.result_path("a/b", "c/d") == "/models/a%2Fb/result/c%2Fd"
