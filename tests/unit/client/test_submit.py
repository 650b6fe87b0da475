import threading
from pathlib import Path
from typing import Any

import pytest

from inference_client import Client, Refused, Unavailable, UnknownJob
from tests.unit.client.scripted import ID, PENDING, Reply, Script, problem


def test_a_submission_sends_the_file_with_the_key_and_returns_the_id(
    client: Any, script: Script, tmp_path: Path
) -> None:
    script.will(Reply(202, PENDING))
    (tmp_path / "three.png").write_bytes(b"a picture")

    job = client.submit(tmp_path / "three.png")

    [asked] = script.asked
    assert job.inference_id == ID
    assert (asked.method, asked.path) == ("POST", "/classify")
    assert b'name="file"; filename="three.png"' in asked.body
    assert b"a picture" in asked.body
    assert asked.headers["authorization"] == "Bearer a key"


def test_parameters_go_into_the_url_of_the_model(client: Any, script: Script) -> None:
    script.will(Reply(202, PENDING))

    client.submit(b"a sound", model="voice", threshold=0.6, is_loud=True, ttl=30, webhook=None)

    assert script.asked[0].path == "/models/voice"
    assert script.asked[0].query == {"threshold": ["0.6"], "is_loud": ["true"], "ttl": ["30"]}


@pytest.mark.parametrize(
    "refusal",
    [
        problem(429, "rate_limited"),
        problem(503, "queue_full"),
        problem(408, "request_timeout"),
        Reply(502, b"a proxy's page"),
        Reply(is_cut=True),
    ],
    ids=["limited", "full", "slow", "behind a proxy", "cut"],
)
def test_a_refusal_for_now_is_tried_again_with_the_same_idempotency_key(
    client: Any, script: Script, refusal: Reply
) -> None:
    script.will(refusal, Reply(202, PENDING))

    assert client.submit(b"a picture").inference_id == ID

    first, second = [asked.headers["idempotency-key"] for asked in script.asked]
    assert first == second


def test_two_submissions_have_two_idempotency_keys(client: Any, script: Script) -> None:
    script.will(Reply(202, PENDING))

    client.submit(b"a picture")
    client.submit(b"a picture")

    first, second = [asked.headers["idempotency-key"] for asked in script.asked]
    assert first != second


def test_a_pause_that_the_service_names_is_kept(client: Any, script: Script) -> None:
    script.will(problem(503, "queue_full", **{"Retry-After": "3600"}))

    with pytest.raises(Unavailable):
        client.submit(b"a picture", timeout_s=5)

    assert len(script.asked) == 1


def test_without_an_answer_in_time_the_error_has_the_key_that_gets_the_same_id(client: Any, script: Script) -> None:
    script.will(problem(503, "queue_full"))

    with pytest.raises(Unavailable, match="503") as caught:
        client.submit(b"a picture", timeout_s=0.1)

    assert caught.value.idempotency_key == script.asked[0].headers["idempotency-key"]
    script.will(Reply(202, PENDING))
    assert client.submit(b"a picture", idempotency_key=caught.value.idempotency_key).inference_id == ID
    assert script.asked[-1].headers["idempotency-key"] == caught.value.idempotency_key


@pytest.mark.parametrize("key", ["", "a\nb", "schlüssel"])
def test_an_idempotency_key_that_a_header_cannot_carry_is_refused(client: Any, script: Script, key: str) -> None:
    with pytest.raises(ValueError, match=r"the idempotency key has \d characters, expected 1 or more"):
        client.submit(b"a picture", idempotency_key=key)


def test_a_silent_service_ends_a_submission_soon_after_its_time(client: Any, script: Script) -> None:
    script.will(Reply(202, PENDING, after=threading.Event()))

    with pytest.raises(Unavailable, match="ReadTimeout"):
        client.submit(b"a picture", timeout_s=0.2)


def test_a_timeline_of_the_default_model_is_refused(client: Any, script: Script) -> None:
    with pytest.raises(ValueError, match="expected a model by its name"):
        client.submit(b"a picture", timeline=True)


def test_a_model_that_is_not_served_is_not_an_unknown_job(client: Any, script: Script) -> None:
    script.will(problem(404, "unknown_model"))

    with pytest.raises(Refused, match="unknown_model") as caught:
        client.submit(b"a picture", model="nope")

    assert not isinstance(caught.value, UnknownJob)


def test_a_refused_input_is_not_tried_again(client: Any, script: Script) -> None:
    script.will(problem(422, "invalid_image"))

    with pytest.raises(Refused, match="invalid_image in a sentence") as caught:
        client.submit(b"not a picture")

    assert (caught.value.status, caught.value.code) == (422, "invalid_image")
    assert len(script.asked) == 1


@pytest.mark.parametrize("page", [Reply(200, b"<html>"), Reply(302, b"", {"Location": "/login"}), Reply(200, {})])
def test_an_answer_that_is_not_from_the_service_is_an_error_that_shows_it(
    client: Any, script: Script, page: Reply
) -> None:
    script.will(page)

    with pytest.raises(Refused, match="not_from_the_service"):
        client.submit(b"a picture")


def test_a_url_without_http_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"'127\.0\.0\.1:8000', expected http:"):
        Client("127.0.0.1:8000")


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http://h\n"])
def test_a_url_that_cannot_be_read_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="expected http:"):
        Client(url)


@pytest.mark.parametrize("key", ["", "abc\n", "schlüssel"])
def test_an_api_key_that_a_header_cannot_carry_is_refused_at_once(key: str) -> None:
    with pytest.raises(ValueError, match=r"the API key has \d characters, expected 1 or more"):
        Client("http://127.0.0.1:8000", key=key)
