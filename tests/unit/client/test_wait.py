import threading
from typing import Any

import pytest

from inference_client import ExpiredJob, JobCanceled, JobFailed, Refused, Unavailable, UnknownJob, WaitTimeout
from tests.unit.client.scripted import CANCELED, FAILED, ID, PENDING, SUCCEEDED, Reply, Script, problem, waited


def test_a_wait_goes_on_over_the_end_of_a_call(client: Any, script: Script) -> None:
    script.will(waited(PENDING), waited(PENDING), waited(SUCCEEDED))

    assert client.job(ID, model="voice").wait() == SUCCEEDED

    assert [asked.path for asked in script.asked] == [f"/models/voice/result/{ID}"] * 3
    assert all(0 < float(asked.query["wait"][0]) <= 25 for asked in script.asked)


def test_a_job_is_found_again_by_its_id_alone(client: Any, script: Script) -> None:
    script.will(waited(SUCCEEDED))

    assert client.job(ID).wait() == SUCCEEDED

    assert script.asked[0].path == f"/result/{ID}"


@pytest.mark.parametrize(
    "trouble", [problem(503, "store_unavailable"), Reply(is_cut=True), problem(429, "rate_limited")]
)
def test_a_service_that_is_away_for_a_while_does_not_end_the_wait(client: Any, script: Script, trouble: Reply) -> None:
    script.will(trouble, waited(SUCCEEDED))

    assert client.job(ID).wait() == SUCCEEDED


def test_a_service_without_a_place_for_waiting_calls_is_asked_after_the_pause_that_it_names(
    client: Any, script: Script
) -> None:
    script.will(Reply(200, PENDING, {"Retry-After": "1"}), waited(SUCCEEDED))

    assert client.job(ID).wait() == SUCCEEDED

    first, second = [float(asked.query["wait"][0]) for asked in script.asked]
    assert second == 25.0 == first


def test_the_end_of_a_wait_is_a_timeout_error_with_the_id(client: Any, script: Script) -> None:
    script.will(waited(PENDING, "0.1"))

    with pytest.raises(TimeoutError, match=f"{ID} has no result after 0.05 s") as caught:
        client.job(ID).wait(0.05)

    assert isinstance(caught.value, WaitTimeout)
    assert caught.value.inference_id == ID


def test_a_service_that_stays_away_ends_the_wait_as_a_timeout_too(client: Any, script: Script) -> None:
    script.will(problem(503, "store_unavailable"))

    with pytest.raises(WaitTimeout):
        client.job(ID).wait(0.05)


def test_a_call_may_last_longer_than_its_wait(client: Any, script: Script) -> None:
    held = threading.Event()
    script.will(Reply(200, SUCCEEDED, {"Preference-Applied": "wait=0.2"}, after=held))
    threading.Timer(1.0, held.set).start()

    assert client.job(ID).wait(0.2) == SUCCEEDED


def test_a_job_is_canceled_at_the_end_of_the_wait_only_on_request(client: Any, script: Script) -> None:
    script.will(waited(PENDING, "0.1"))
    with pytest.raises(WaitTimeout):
        client.job(ID).wait(0.05)
    assert not any(asked.path.endswith("/cancel") for asked in script.asked)

    script.will(waited(PENDING, "0.1"), Reply(200, CANCELED))
    with pytest.raises(WaitTimeout):
        client.job(ID).wait(0, cancels=True)
    assert (script.asked[-1].method, script.asked[-1].path) == ("POST", f"/result/{ID}/cancel")


def test_a_result_that_came_before_the_cancel_is_returned(client: Any, script: Script) -> None:
    script.will(waited(PENDING, "0.1"), Reply(200, SUCCEEDED))

    assert client.job(ID).wait(0, cancels=True) == SUCCEEDED


def test_a_failed_job_raises_its_code_and_message(client: Any, script: Script) -> None:
    script.will(waited(FAILED))

    with pytest.raises(JobFailed, match="not a picture") as caught:
        client.job(ID).wait()

    assert caught.value.code == "invalid_input"
    assert caught.value.answer == FAILED


def test_a_canceled_job_raises(client: Any, script: Script) -> None:
    script.will(waited(CANCELED))

    with pytest.raises(JobCanceled, match=ID):
        client.job(ID).wait()


@pytest.mark.parametrize(
    ("status", "code", "expected"), [(404, "unknown_id", UnknownJob), (410, "expired_id", ExpiredJob)]
)
def test_an_id_that_has_no_job_raises(
    client: Any, script: Script, status: int, code: str, expected: type[Refused]
) -> None:
    script.will(problem(status, code))

    with pytest.raises(expected):
        client.job(ID).wait()


def test_a_result_that_is_not_there_yet_is_none(client: Any, script: Script) -> None:
    script.will(Reply(200, PENDING))

    assert client.job(ID).result() is None


def test_the_output_of_a_job_is_its_bytes(client: Any, script: Script) -> None:
    script.will(Reply(200, b"a picture"))

    assert client.job(ID, model="photos").output() == b"a picture"

    assert script.asked[0].path == f"/models/photos/result/{ID}/output"


def test_one_call_submits_and_brings_the_answer(client: Any, script: Script) -> None:
    script.will(Reply(200, SUCCEEDED))

    assert client.run(b"a picture") == SUCCEEDED

    assert script.asked[0].query == {"wait": ["25.000"]}


def test_one_call_that_is_answered_pending_waits_on(client: Any, script: Script) -> None:
    script.will(Reply(202, PENDING), waited(SUCCEEDED))

    assert client.run(b"a picture") == SUCCEEDED


def test_a_pause_that_is_too_long_ends_with_the_wait_and_the_job_is_asked_once_more(
    client: Any, script: Script
) -> None:
    script.will(problem(503, "store_unavailable", **{"Retry-After": "60"}), waited(SUCCEEDED))

    assert client.job(ID).wait(0.2) == SUCCEEDED


def test_a_job_is_asked_once_more_before_it_is_canceled(client: Any, script: Script) -> None:
    script.will(problem(503, "store_unavailable", **{"Retry-After": "60"}), waited(PENDING), Reply(200, CANCELED))

    with pytest.raises(WaitTimeout, match="it was canceled"):
        client.job(ID).wait(0.2, cancels=True)

    assert [asked.method for asked in script.asked] == ["GET", "GET", "POST"]


def test_a_cancel_that_the_service_does_not_take_ends_the_wait_with_the_id(client: Any, script: Script) -> None:
    script.will(Reply(202, PENDING), problem(503, "store_unavailable", **{"Retry-After": "60"}))

    with pytest.raises(WaitTimeout, match=r"after 0\.2 s; it may go on: POST .* got no answer") as caught:
        client.run(b"a picture", timeout_s=0.2, cancels=True)

    assert caught.value.inference_id == ID
    assert script.asked[-1].path == f"/result/{ID}/cancel"


def test_the_end_of_one_call_names_the_time_that_was_given(client: Any, script: Script) -> None:
    script.will(Reply(202, PENDING))

    with pytest.raises(WaitTimeout, match=r"after 0\.2 s"):
        client.run(b"a picture", timeout_s=0.2)


def test_a_silent_service_ends_a_wait_soon_after_its_time(client: Any, script: Script) -> None:
    held = threading.Event()
    script.will(Reply(200, SUCCEEDED, after=held))
    threading.Timer(4.5, held.set).start()

    with pytest.raises(WaitTimeout):
        client.job(ID).wait(0.2)


def test_a_service_that_is_away_has_no_answer_to_a_look_at_a_result(client: Any, script: Script) -> None:
    script.will(problem(503, "store_unavailable"))

    with pytest.raises(Unavailable, match="store_unavailable"):
        client.job(ID).result()


@pytest.mark.parametrize("code", ["unknown_model", "no_output"])
def test_another_thing_that_is_not_found_is_not_an_unknown_job(client: Any, script: Script, code: str) -> None:
    script.will(problem(404, code))

    with pytest.raises(Refused, match=code) as caught:
        client.job(ID, model="voice").output()

    assert not isinstance(caught.value, UnknownJob)
