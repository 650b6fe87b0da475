"""Each side with a user of its own in Redis: the lines of `docs/security.md` are enough, and no more than enough."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis

from inference_bridge.hooks import Try
from inference_bridge.redis_connections import connect_redis
from inference_bridge.redis_store import RedisStore
from inference_bridge.reports import WorkerReport
from inference_bridge.results import canceled, classified, failed, produced
from mnist_model.spec import SPEC
from tests.support.documented import add_documented_users, redis_url
from tests.support.servers import RedisServer

ID = "A" * 24
OTHER_ID = "B" * 24
CANCELED_ID = "C" * 24
REPORT = WorkerReport("default", jobs_in_work=2, throughput=1.0, solo_throughput=None)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    started = RedisServer(tmp_path_factory.mktemp("redis"))
    try:
        add_documented_users(started.start())
        yield started
    finally:
        started.close()


def store(server: RedisServer, user: str) -> RedisStore:
    return RedisStore(connect_redis(redis_url(server, user)), spec=SPEC, result_ttl_s=60)


async def test_redis_lets_each_side_do_its_part_of_a_webhook(server: RedisServer) -> None:
    api, worker, sender = store(server, "api"), store(server, "worker-mnist"), store(server, "hooks")
    await worker.put([replace(failed("D" * 24, "prediction_failed", "why"), webhook="done")])
    [hook] = await sender.hooks.claim("done", 1)
    await sender.hooks.settle(hook, Try(500, "answered 500", retry_s=60))
    await api.hooks.repeat(hook.inference_id, "done")
    assert await api.hooks.get(hook.inference_id) is not None
    assert (await sender.hooks.backlog("done")).count == 1
    [again] = await sender.hooks.claim("done", 1)
    await sender.hooks.settle(again, Try(200))

    await asyncio.gather(api.close(), worker.close(), sender.close())
    with redis.Redis.from_url(server.url) as administrator:
        assert administrator.acl_log() == []


async def test_redis_lets_each_side_do_what_it_does(server: RedisServer) -> None:
    api, worker = store(server, "api"), store(server, "worker-mnist")
    notifications = api.notifications()
    assert await anext(notifications) == []

    await worker.ping()
    assert await worker.get([ID]) == [None]
    assert await worker.count_attempt(ID, "token") == 1
    await worker.uncount_attempt(ID, "token")
    await worker.report("worker", REPORT)
    results = [classified(ID, [1.0] + [0.0] * 9, SPEC), produced(OTHER_ID, b"RIFF", "audio/wav", SPEC)]
    assert await worker.put(results) == 2

    await api.ping()
    assert await anext(notifications) == [ID, OTHER_ID]
    assert await api.get([ID]) != [None]
    assert await api.put([canceled(ID), canceled(CANCELED_ID)]) == 1
    assert await anext(notifications) == [ID, CANCELED_ID]
    assert await api.get_output(OTHER_ID) == b"RIFF"
    assert await api.claim("key", b"value", ttl_s=60) is None
    assert await api.claim("key", b"other", ttl_s=60) == b"value"
    assert await api.replace_claim("key", b"value", b"other", ttl_s=60) == b"other"
    assert await api.is_replayed(ID) is False
    assert [report.jobs_in_work for report in await api.reports()] == [REPORT.jobs_in_work]

    await notifications.aclose()
    await asyncio.gather(api.close(), worker.close())
    with redis.Redis.from_url(server.url) as administrator:
        assert administrator.acl_log() == []


@pytest.mark.parametrize(
    ("user", "command"),
    [
        pytest.param("api", ("SET", f"o:mnist:{ID}", "forged"), id="api-forge-an-output"),
        pytest.param("api", ("SADD", f"attempts:mnist:{ID}", "token"), id="api-forge-an-attempt"),
        pytest.param("api", ("DEL", f"r:mnist:{ID}"), id="api-delete-a-result"),
        pytest.param("api", ("EVAL", "return 1", "0"), id="api-run-a-script"),
        pytest.param("api", ("SCRIPT", "FLUSH"), id="api-flush-the-scripts"),
        pytest.param("api", ("GET", f"attempts:mnist:{ID}"), id="api-read-an-attempt"),
        pytest.param("api", ("PUBLISH", "results:letters", ID), id="api-announce-a-result-of-another-model"),
        pytest.param("api", ("HDEL", "workers:mnist", "worker"), id="api-forget-a-worker"),
        pytest.param("api", ("FLUSHALL",), id="api-flush-everything"),
        pytest.param("api", ("KEYS", "*"), id="api-list-the-keys"),
        pytest.param("worker-mnist", ("SET", "idem:x", "y"), id="worker-forge-a-claim"),
        pytest.param("worker-mnist", ("MGET", "idem:x"), id="worker-read-a-claim"),
        pytest.param("worker-mnist", ("SET", f"r:letters:{ID}", "forged"), id="worker-forge-a-result-of-another-model"),
        pytest.param("worker-mnist", ("MGET", f"o:letters:{ID}"), id="worker-read-an-output-of-another-model"),
        pytest.param("worker-mnist", ("SCARD", f"attempts:letters:{ID}"), id="worker-count-attempts-of-another-model"),
        pytest.param("worker-mnist", ("HSET", "workers:letters", "x", "y"), id="worker-report-for-another-model"),
        pytest.param("worker-mnist", ("DEL", f"r:mnist:{ID}"), id="worker-delete-a-result"),
        pytest.param("worker-mnist", ("PUBLISH", "results:letters", ID), id="worker-announce-for-another-model"),
        pytest.param("worker-mnist", ("SUBSCRIBE", "results:mnist"), id="worker-subscribe"),
        pytest.param("worker-mnist", ("CONFIG", "GET", "*"), id="worker-read-the-configuration"),
        pytest.param("api", ("HSET", f"hook:mnist:{ID}", "body", "forged"), id="api-forge-a-webhook"),
        pytest.param("worker-mnist", ("ZADD", "hooks:letters:done", "0", ID), id="worker-send-for-another-model"),
        pytest.param("hooks", ("SET", f"r:mnist:{ID}", "forged"), id="sender-forge-a-result"),
        pytest.param("hooks", ("GET", f"r:mnist:{ID}"), id="sender-read-a-result"),
        pytest.param("hooks", ("SUBSCRIBE", "results:mnist"), id="sender-subscribe"),
        pytest.param("exporter", ("GET", f"r:mnist:{ID}"), id="exporter-read-a-result"),
        pytest.param("exporter", ("SCAN", "0"), id="exporter-list-the-keys"),
        pytest.param("exporter", ("CONFIG", "GET", "*"), id="exporter-read-the-configuration"),
        pytest.param("exporter", ("SLOWLOG", "RESET"), id="exporter-clear-the-slow-log"),
        pytest.param("exporter", ("SUBSCRIBE", "results:mnist"), id="exporter-subscribe"),
    ],
)
def test_redis_refuses_what_a_side_does_not_do(server: RedisServer, user: str, command: tuple[str, ...]) -> None:
    with redis.Redis.from_url(redis_url(server, user)) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)
    with redis.Redis.from_url(server.url) as administrator:
        administrator.acl_log_reset()


@pytest.mark.parametrize(
    "command",
    [
        "CLIENT SETNAME redis_exporter",
        "INFO ALL",
        "LATENCY LATEST",
        "LATENCY HISTOGRAM",
        "SLOWLOG LEN",
        "SLOWLOG GET 1",
    ],
)
def test_redis_lets_the_exporter_ask_what_it_asks_for_each_scrape(server: RedisServer, command: str) -> None:
    """As the exporter's source has it; it logs an error for each that is refused."""
    with redis.Redis.from_url(redis_url(server, "exporter")) as exporter:
        exporter.execute_command(*command.split())
    with redis.Redis.from_url(server.url) as administrator:
        assert administrator.acl_log() == []


@pytest.mark.parametrize("keys", [[f"o:mnist:{ID}"], []], ids=["key-named", "key-not-named"])
def test_a_script_does_not_get_the_api_around_its_rights(server: RedisServer, keys: list[str]) -> None:
    with redis.Redis.from_url(redis_url(server, "api")) as client:
        forge = client.register_script(f"return redis.call('SET', 'o:mnist:{ID}', 'forged')")
        with pytest.raises(redis.exceptions.ResponseError, match=r"(?i)permission|can't access"):
            forge(keys=keys)
    with redis.Redis.from_url(server.url) as administrator:
        assert administrator.get(f"o:mnist:{ID}") != b"forged"
        administrator.acl_log_reset()
