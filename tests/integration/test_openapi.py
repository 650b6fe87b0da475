"""The API does what its OpenAPI description says, for requests that follow it and for requests that do not."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from inference_bridge.spec import to_json
from tests.support.deployment import SPECS, Deployment
from tests.support.models import ScalesModel, WordsModel
from tests.support.servers import RabbitMQ, RedisServer

EXAMPLES = 40
TIMEOUT_S = 10.0
#: These take parameters or a body, so they can be called wrongly.
WITH_INPUT = [
    ("POST", "/classify"),
    ("GET", "/result/{inference_id}"),
    *(("POST", f"/models/{name}") for name in ("mnist", "words", "scales")),
    *(("GET", f"/models/{name}/result/{{inference_id}}") for name in ("mnist", "words", "scales")),
    *(("POST", f"/models/{name}/batch") for name in ("mnist", "words", "scales")),
    *(("GET", f"/models/{name}/batch/{{batch_id}}") for name in ("mnist", "words", "scales")),
    *(("GET", f"/models/{name}/results") for name in ("mnist", "words", "scales")),
    ("POST", "/models/mnist/preview"),
]
CALLS = [
    *WITH_INPUT,
    ("POST", "/result/{inference_id}/cancel"),
    *(("POST", f"/models/{name}/result/{{inference_id}}/cancel") for name in ("mnist", "words", "scales")),
    *(
        (method, f"/models/{name}/result/{{inference_id}}/webhook")
        for method in ("GET", "POST")
        for name in ("mnist", "words", "scales")
    ),
    ("GET", "/result/{inference_id}/events"),
    *(("GET", f"/models/{name}/result/{{inference_id}}/events") for name in ("mnist", "words", "scales")),
    ("GET", "/models/scales/result/{inference_id}/output"),
    *(("POST", f"/models/{name}/batch/{{batch_id}}/cancel") for name in ("mnist", "words", "scales")),
    ("GET", "/models"),
    *(("GET", f"/models/{name}") for name in ("mnist", "words", "scales")),
    *(("GET", f"/models/{name}/example") for name in ("mnist", "words", "scales")),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/serving"),
]


@pytest.fixture(scope="module")
def url(rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("openapi")
    # No call waits long: there is no worker.
    for model in (WordsModel, ScalesModel):
        (directory / f"{model.spec.name}.json").write_text(to_json(model.spec))
    environment = {"INFERENCE_MAX_WAIT_S": "0.1", "INFERENCE_DEFAULT_MODEL": "mnist"}
    environment["INFERENCE_MODELS"] = f"{SPECS},{directory}"
    with Deployment(directory, amqp_url=rabbitmq.url, redis_url=redis_server.url, **environment) as deployment:
        yield deployment.api().wait_until_ready().url


@pytest.fixture(scope="module")
def description(url: str) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{url}/openapi.json")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_calls_that_follow_the_description_are_answered_as_it_says(
    description: schemathesis.BaseSchema, method: str, path: str
) -> None:
    # A schema cannot say which bytes are a picture or four numbers, nor which idempotency key is new.
    excluded = [positive_data_acceptance] if method == "POST" else []
    check_answers(description[path][method], GenerationMode.POSITIVE, excluded)


@pytest.mark.parametrize(("method", "path"), WITH_INPUT)
def test_calls_that_do_not_are_refused_as_it_says(description: schemathesis.BaseSchema, method: str, path: str) -> None:
    check_answers(description[path][method], GenerationMode.NEGATIVE, [])


def check_answers(operation: Any, mode: GenerationMode, excluded: list[Any]) -> None:
    """Call the API with generated requests; every check of schemathesis must pass but the excluded ones."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        case.call_and_validate(timeout=TIMEOUT_S, excluded_checks=excluded)

    check()


def test_every_call_of_the_description_is_checked(description: schemathesis.BaseSchema) -> None:
    operations: Iterable[Any] = description.get_all_operations()

    described = [operation.ok() for operation in operations]

    assert sorted((operation.method.upper(), operation.path) for operation in described) == sorted(CALLS)
