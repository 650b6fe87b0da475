import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_bridge.results import (
    Result,
    Status,
    answered,
    classified,
    expired,
    failed,
    is_expired,
    pending_body,
    produced,
    status_of,
)
from mnist_model.spec import SPEC

ID = "A" * 24


def test_a_success_names_the_likeliest_class() -> None:
    probabilities = [0.0, 0.05, 0.0, 0.9, 0.05, 0.0, 0.0, 0.0, 0.0, 0.0]

    body = json.loads(classified(ID, probabilities, SPEC).body)

    assert body == {
        "inference_id": ID,
        "status": "succeeded",
        "predicted_class": 3,
        "probabilities": probabilities,
        "model": "mnist.v1",
    }


@given(st.lists(st.floats(0, 1) | st.integers(0, 1) | st.sampled_from([1e-6, 5e-7, 1e-7]), min_size=1, max_size=9))
def test_the_body_of_a_success_is_what_json_writes(probabilities: list[float]) -> None:
    body = classified(ID, probabilities, SPEC).body

    assert body == json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert json.loads(body)["probabilities"] == [round(probability, 6) for probability in probabilities]


def test_a_document_is_part_of_the_body() -> None:
    body = json.loads(answered(ID, b'{"segments":[1.5]}', SPEC).body)

    assert body == {"inference_id": ID, "status": "succeeded", "output": {"segments": [1.5]}, "model": "mnist.v1"}


def test_an_output_is_beside_the_body_which_says_where() -> None:
    result = produced(ID, b"PNG", "image/png", SPEC)

    assert result.output == b"PNG"
    assert json.loads(result.body)["output"] == {
        "href": f"/models/mnist/result/{ID}/output",
        "bytes": 3,
        "content_type": "image/png",
    }


def test_a_failure_says_why() -> None:
    body = json.loads(failed(ID, "worker_crashed", "why").body)

    assert body == {"inference_id": ID, "status": "failed", "error": {"code": "worker_crashed", "message": "why"}}


def test_a_pending_body_is_json() -> None:
    assert json.loads(pending_body(ID)) == {"inference_id": ID, "status": "pending"}


@pytest.mark.parametrize(
    "result",
    [
        classified(ID, [1.0], SPEC),
        answered(ID, b"{}", SPEC),
        produced(ID, b"", "audio/wav", SPEC),
        failed(ID, "code", "why"),
        expired(ID),
    ],
    ids=["classified", "answered", "produced", "failed", "expired"],
)
def test_the_status_can_be_told_from_the_body(result: Result) -> None:
    assert status_of(result.body) is result.status is not Status.PENDING
    assert is_expired(result.body) is (result.status is Status.EXPIRED)


def test_a_failure_that_quotes_an_expired_body_is_not_expired() -> None:
    assert not is_expired(failed(ID, "code", expired(ID).body.decode()).body)
