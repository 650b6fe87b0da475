"""The sender of webhooks: off by default, with rights of its own, out to public addresses only."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from inference_bridge.errors import StoreUnavailable
from inference_bridge.hooks import Try
from inference_bridge.redis_connections import connect_redis
from inference_bridge.redis_store import RedisStore
from inference_bridge.results import failed
from mnist_model.spec import SPEC
from tests.chart.helm import NEEDS_HELM, container_of, environment_of, kinds, objects, one, pod_of, values
from tests.chart.redis_server import redis_with_users
from tests.support.servers import RedisServer

pytestmark = NEEDS_HELM
ON = values("webhooks.existingSecret=hooks")
ID = "A" * 24


def test_without_a_secret_there_is_no_sender() -> None:
    assert [found for found in objects() if "webhooks" in found["metadata"]["name"]] == []
    assert "INFERENCE_WEBHOOKS_FILE" not in environment_of(one("Deployment", "api"))
    assert "hook" not in one("ConfigMap", "redis")["data"]["users.acl"]


def test_api_and_sender_read_one_file() -> None:
    for component in ("api", "webhooks"):
        deployment = one("Deployment", component, *ON, *values("webhooks.key=mine.toml"))
        mounts = {mount["name"]: mount["mountPath"] for mount in container_of(deployment)["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in pod_of(deployment)["volumes"]}

        file = environment_of(deployment)["INFERENCE_WEBHOOKS_FILE"]
        assert file == f"{mounts['webhooks']}/webhooks.toml"
        assert volumes["webhooks"]["secret"] == {
            "secretName": "hooks",
            "items": [{"key": "mine.toml", "path": "webhooks.toml"}],
        }


def test_the_sender_has_no_way_to_rabbitmq_and_no_key_of_ids() -> None:
    environment = environment_of(one("Deployment", "webhooks", *ON))

    assert "//hooks:" in environment["INFERENCE_REDIS_URL"]
    assert {"INFERENCE_AMQP_URL", "INFERENCE_TICKET_KEY"}.isdisjoint(environment)


def test_the_sender_runs_the_apis_image() -> None:
    container = container_of(one("Deployment", "webhooks", *ON))

    assert container["image"] == container_of(one("Deployment", "api"))["image"]
    assert container["command"] == ["tini", "--", "python", "-m", "inference_api.hooks"]


def test_the_sender_is_scraped_with_the_workers() -> None:
    monitored = values("metrics.podMonitor.enabled=true")

    assert one("PodMonitor", "webhooks", *ON, *monitored)["spec"]["podMetricsEndpoints"][0]["port"] == "operations"
    assert list(kinds(*monitored)).count("PodMonitor") == 1


def test_an_external_redis_has_a_url_for_the_sender() -> None:
    external = values("redis.enabled=false", "externalRedis.url=redis://store.example.org")

    assert "redis-hooks-url" in one("Secret", "external", *ON, *external)["stringData"]
    assert "redis-hooks-url" not in one("Secret", "external", *external)["stringData"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_with_users(tmp_path, *ON) as server:
        yield server


@pytest.fixture
async def stores(server: RedisServer) -> AsyncIterator[dict[str, RedisStore]]:
    """Return the store as each user sees it."""
    stores = {
        user: RedisStore(connect_redis(server.url.replace("//", f"//{user}:{user}@")), spec=SPEC, result_ttl_s=60)
        for user in ("api", "worker-mnist", "hooks")
    }
    yield stores
    for store in stores.values():
        await store.close()


async def test_each_user_may_do_its_part(server: RedisServer, stores: dict[str, RedisStore]) -> None:
    await stores["worker-mnist"].put([replace(failed(ID, "prediction_failed", "why"), webhook="done")])
    [hook] = await stores["hooks"].hooks.claim("done", 1)
    await stores["hooks"].hooks.settle(hook, Try(500, "answered 500", retry_s=60))
    await stores["hooks"].hooks.backlog("done")
    await stores["api"].hooks.repeat(ID, "done")
    state = await stores["api"].hooks.get(ID)
    [again] = await stores["hooks"].hooks.claim("done", 1)
    await stores["hooks"].hooks.settle(again, Try(200))

    assert state is not None
    assert state.attempts == 1
    with redis.Redis.from_url(server.url, username="operator", password="operator") as operator:  # noqa: S106
        assert operator.acl_log() == []


async def test_the_sender_reads_no_result_and_writes_none(stores: dict[str, RedisStore]) -> None:
    with pytest.raises(StoreUnavailable):
        await stores["hooks"].get([ID])
    with pytest.raises(StoreUnavailable):
        await stores["hooks"].put([failed(ID, "forged", "why")])
