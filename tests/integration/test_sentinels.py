"""A store asks Sentinels for its Redis, with a password and over TLS; where they do not help, it says why."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from inference_bridge.errors import StoreUnavailable
from inference_bridge.redis_connections import connect_redis
from inference_bridge.redis_sentinels import SENTINEL_TIMEOUT_S
from inference_bridge.redis_store import RedisStore
from inference_bridge.results import failed
from mnist_model.spec import SPEC
from tests.support.certificates import Authority
from tests.support.sentinels import LOGIN, MASTER, Sentinel
from tests.support.servers import RedisServer, free_port

RESULT = failed("A" * 24, "code", "why")


def store_at(url: str, ca_file: Path | None = None) -> RedisStore:
    return RedisStore(connect_redis(url, ca_file=ca_file, retries=0), spec=SPEC, result_ttl_s=60)


@pytest.fixture(scope="module")
def sentinel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sentinel]:
    directory = tmp_path_factory.mktemp("sentinels")
    with ExitStack() as stack:
        master = RedisServer(directory / "master").start()
        stack.callback(master.close)
        sentinel = Sentinel(directory / "sentinel", master.port).start()
        stack.callback(sentinel.close)
        yield sentinel


async def test_the_first_sentinel_that_answers_is_enough(sentinel: Sentinel) -> None:
    store = store_at(f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}/{MASTER}?{LOGIN}")

    await store.put([RESULT])
    stored = await store.get([RESULT.inference_id])
    await store.close()

    assert stored == [RESULT.body]


async def test_calls_that_are_given_up_get_past_silent_sentinels(sentinel: Sentinel) -> None:
    """Each call waits for a shorter time than both Sentinels take, as a probe does."""
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        hosts = ",".join(f"127.0.0.1:{port}" for port in (*(one.getsockname()[1] for one in silent), sentinel.port))
        store = store_at(f"redis+sentinel://{hosts}/{MASTER}?{LOGIN}")

        answers = [await answers_within(store, 1.8 * SENTINEL_TIMEOUT_S) for _ in range(3)]
        await store.close()

    assert answers[-1]


async def answers_within(store: RedisStore, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await store.ping()
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        pytest.param(f"{MASTER}?sentinel_password=s3cret", "invalid username-password pair", id="password"),
        pytest.param(f"another?{LOGIN}", "no Sentinel names the master another: unknown name", id="name"),
    ],
)
async def test_the_error_says_why_no_sentinel_helps(sentinel: Sentinel, end: str, reason: str) -> None:
    store = store_at(f"redis+sentinel://:p4ss@127.0.0.1:{sentinel.port}/{end}")

    with pytest.raises(StoreUnavailable, match=reason) as caught:
        await store.ping()
    await store.close()

    assert [word for word in ("s3cret", "p4ss") if word in str(caught.value)] == []


async def test_sentinels_and_redis_are_reached_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ours").create()
    certificate = authority.issue("localhost")
    options = {
        "tls-port": str(free_port()),
        "tls-cert-file": str(certificate.file),
        "tls-key-file": str(certificate.key_file),
        "tls-ca-cert-file": str(authority.file),
        "tls-auth-clients": "no",
    }
    master = RedisServer(tmp_path / "master", options)
    certificates = {name: value for name, value in options.items() if name != "tls-port"}
    sentinel = Sentinel(
        tmp_path / "sentinel",
        int(options["tls-port"]),
        "\n".join(f"{name} {value}" for name, value in certificates.items()),
    )
    try:
        master.start()
        sentinel.start()
        store = store_at(f"rediss+sentinel://localhost:{sentinel.port}/{MASTER}/0?{LOGIN}", authority.file)

        await store.put([RESULT])
        stored = await store.get([RESULT.inference_id])
        await store.close()
    finally:
        sentinel.close()
        master.close()

    assert stored == [RESULT.body]
