import json

import pytest

from inference_bridge.results import Result, Status, expired, failed, pending_body, status_of, succeeded
from mnist_model.spec import SPEC

ID = "A" * 24


def test_a_success_names_the_likeliest_class() -> None:
    probabilities = [0.0, 0.05, 0.0, 0.9, 0.05, 0.0, 0.0, 0.0, 0.0, 0.0]

    body = json.loads(succeeded(ID, probabilities, SPEC).body)

    assert body == {
        "inference_id": ID,
        "status": "succeeded",
        "predicted_class": 3,
        "probabilities": probabilities,
        "model": "mnist.v1",
    }


def test_a_failure_says_why() -> None:
    body = json.loads(failed(ID, "worker_crashed", "why").body)

    assert body == {"inference_id": ID, "status": "failed", "error": {"code": "worker_crashed", "message": "why"}}


def test_a_pending_body_is_json() -> None:
    assert json.loads(pending_body(ID)) == {"inference_id": ID, "status": "pending"}


@pytest.mark.parametrize(
    "result", [succeeded(ID, [1.0], SPEC), failed(ID, "code", "why"), expired(ID)], ids=lambda result: result.status
)
def test_the_status_can_be_told_from_the_body(result: Result) -> None:
    assert status_of(result.body) is result.status is not Status.PENDING
