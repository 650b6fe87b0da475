"""The HTTP edge, as clients of several makes meet it: over a real socket."""

import pytest

from tests.unit.api.conftest import Service


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/docs", "/openapi.json", "/models", "/models/mnist"])
async def test_head_is_answered_like_get_without_a_body(service: Service, path: str) -> None:
    got, head = await service.client.get(path), await service.client.head(path)

    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_head_of_a_result_and_of_an_example_is_answered(service: Service) -> None:
    accepted = await service.submit()

    assert (await service.client.head(accepted.headers["location"])).status_code == 200
    assert (await service.client.head("/models/mnist/example")).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/scaling/mnist?target_wait_s=1"])
async def test_head_is_answered_on_the_operations_port(service: Service, path: str) -> None:
    head = await service.operations.head(path)

    assert (head.status_code, head.content) == (200, b"")


async def test_head_is_not_in_the_description(service: Service) -> None:
    paths = (await service.client.get("/openapi.json")).json()["paths"]

    assert not [path for path, calls in paths.items() if "head" in calls]


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/models", "/models/mnist", "/models/mnist/example", "/docs", "/result/x", "/nothing"]
)
async def test_no_cache_may_keep_an_answer_that_can_change(service: Service, path: str) -> None:
    assert (await service.client.get(path)).headers.get_list("cache-control") == ["no-store"]


@pytest.mark.parametrize("path", ["/metrics", "/scaling/mnist?target_wait_s=1"])
async def test_no_cache_may_keep_what_the_operations_port_answers(service: Service, path: str) -> None:
    assert (await service.operations.get(path)).headers["cache-control"] == "no-store"


async def test_a_pending_result_may_not_be_kept_and_a_terminal_one_may(service: Service) -> None:
    accepted = await service.submit()
    pending = await service.client.get(accepted.headers["location"])
    await service.answer(accepted.json()["inference_id"])
    terminal = await service.client.get(accepted.headers["location"])

    assert accepted.headers["cache-control"] == pending.headers["cache-control"] == "no-store"
    assert "cache-control" not in terminal.headers


async def test_a_defect_and_a_refused_head_may_not_be_kept(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_bridge.memory.broker.MemoryPublisher.publish", None)

    assert (await service.submit()).headers["cache-control"] == "no-store"
    assert (await service.client.get("/" + "a" * 40_000)).headers["cache-control"] == "no-store"
