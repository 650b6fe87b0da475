"""Probes, metrics, documentation, and requests that hit nothing."""

import asyncio
from importlib.metadata import version

import pytest

from inference_api import errors as api_errors
from inference_bridge import errors
from inference_pictures import errors as picture_errors
from tests.support.waiting import until_found
from tests.unit.api.conftest import TIMEOUT_S, Service


async def test_liveness_answers_while_everything_is_away(service: Service) -> None:
    service.store.is_away = True

    assert (await service.client.get("/healthz")).status_code == 200


async def test_readiness_names_what_is_away(service: Service) -> None:
    assert (await service.client.get("/readyz")).status_code == 200

    service.store.is_away = True
    response = await service.client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"broker": "ready", "store": "unavailable"}


async def test_readiness_comes_back_by_itself(service: Service) -> None:
    service.store.is_away = True
    assert (await service.client.get("/readyz")).status_code == 503

    service.store.is_away = False

    assert (await service.client.get("/readyz")).status_code == 200


async def test_metrics_count_responses_by_call_and_never_by_id(service: Service) -> None:
    inference_id = (await service.submit()).json()["inference_id"]
    await service.client.get(f"/result/{inference_id}")

    text = await service.metrics()

    assert 'inference_http_responses_total{call="classify",model="mnist",status="202"} 1.0' in text
    assert 'inference_http_responses_total{call="result",model="mnist",status="200"} 1.0' in text
    assert 'inference_accepted_total{model="mnist"} 1.0' in text
    assert inference_id not in text


async def test_a_refused_picture_is_not_among_the_times_of_prepared_ones(service: Service) -> None:
    assert (await service.submit(b"no picture")).status_code == 415
    assert (await service.submit()).status_code == 202

    assert 'inference_prepare_seconds_count{model="mnist"} 1.0' in await service.metrics()


async def test_only_calls_that_wait_for_a_result_are_counted_as_waiting(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed, publishing = asyncio.Event(), asyncio.Event()

    async def publish(*_: object) -> None:
        publishing.set()
        await confirmed.wait()

    monkeypatch.setattr("inference_bridge.memory.broker.MemoryPublisher.publish", publish)
    submitting = asyncio.create_task(service.submit(Prefer="wait=5"))
    await asyncio.wait_for(publishing.wait(), TIMEOUT_S)

    assert 'inference_waiters{model="mnist"} 0.0' in await service.metrics()
    confirmed.set()

    async def waits() -> bool:
        return 'inference_waiters{model="mnist"} 1.0' in await service.metrics()

    await until_found(waits)
    submitting.cancel()


async def test_the_documentation_names_the_version_that_is_installed(service: Service) -> None:
    document = (await service.client.get("/openapi.json")).json()

    assert document["info"]["version"] == version("mnist-inference-api")


async def test_the_openapi_names_every_answer_of_a_submission(service: Service) -> None:
    paths = (await service.client.get("/openapi.json")).json()["paths"]

    assert set(paths["/classify"]["post"]["responses"]) >= {"200", "202", "400", "413", "415", "422", "503"}
    assert set(paths["/result/{inference_id}"]["get"]["responses"]) >= {"200", "404", "410", "503"}


async def test_every_example_in_the_openapi_uses_a_code_that_exists(service: Service) -> None:
    known = [*vars(errors).values(), *vars(api_errors).values(), *vars(picture_errors).values()]
    codes = {error.code for error in known if isinstance(error, type) and hasattr(error, "code")}
    operations = [
        call for path in (await service.client.get("/openapi.json")).json()["paths"].values() for call in path.values()
    ]

    examples = [
        content["application/problem+json"]["example"]
        for operation in operations
        for content in (response.get("content", {}) for response in operation["responses"].values())
        if "application/problem+json" in content
    ]

    assert examples
    assert {example["code"] for example in examples} <= codes


@pytest.mark.parametrize(
    ("method", "path", "status", "problem"),
    [
        ("GET", "/nothing", 404, "there is nothing at '/nothing'; see /docs for the calls"),
        ("GET", "/" + "x" * 5_000, 404, f"there is nothing at '/{'x' * 127}'; see /docs"),
        ("GET", "/classify", 405, "the path '/classify' does not take GET; see /docs for the calls"),
        ("DELETE", "/result/x", 405, "the path '/result/x' does not take DELETE; see /docs"),
    ],
    ids=["no-path", "a-long-path", "no-get", "no-delete"],
)
async def test_a_call_that_does_not_exist_is_a_problem_with_its_name(
    service: Service, method: str, path: str, status: int, problem: str
) -> None:
    response = await service.client.request(method, path)

    assert (response.status_code, response.json()["status"]) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem in response.json()["detail"]


async def test_a_defect_is_a_problem_without_details(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("inference_bridge.memory.broker.MemoryPublisher.publish", break_down)

    response = await service.submit()

    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "secret" not in response.text
