"""A submission may ask for the timeline of its job; the two calls of the default model may not."""

import httpx
import pytest

from inference_bridge.jobs import from_message
from mnist_model.spec import SPEC
from tests.unit.api.conftest import Service, a_picture


async def submit(service: Service, path: str) -> httpx.Response:
    return await service.client.post(path, content=a_picture())


def has_timeline(service: Service) -> bool:
    [message] = service.broker.jobs
    return from_message(message.properties, message.body, SPEC).has_timeline


@pytest.mark.parametrize(
    ("path", "asks"),
    [
        ("/models/mnist?timeline=true", True),
        ("/models/mnist?timeline=false", False),
        ("/models/mnist", False),
        ("/classify?timeline=true", False),
    ],
)
async def test_a_job_has_a_timeline_if_its_submission_asked_for_one(service: Service, path: str, asks: bool) -> None:
    response = await submit(service, path)

    assert response.status_code == 202
    assert has_timeline(service) is asks


async def test_anything_but_true_and_false_is_refused(service: Service) -> None:
    response = await submit(service, "/models/mnist?timeline=yes")

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert response.json()["detail"] == "timeline is 'yes', expected true or false, such as ?timeline=true"
    assert not service.broker.jobs
