"""The promises of every store about webhooks; the stand-in and Redis run the same tests."""

import asyncio
import json
import uuid
from dataclasses import replace

import pytest

from inference_bridge.contract import Store
from inference_bridge.hooks import MAX_BODY_BYTES, Backlog, HookState, Try
from inference_bridge.results import Result, answered, expired, failed
from tests.contract.conftest import World

MODULES = ("redis_hooks", "memory.hooks")
REFUSED = Try(500, "answered 500", retry_s=60)


@pytest.fixture
def ids() -> tuple[str, str]:
    """Two ids that no other test uses: Redis is shared by all."""
    return uuid.uuid4().hex[:24], uuid.uuid4().hex[:24]


def told(inference_id: str, endpoint: str = "done") -> Result:
    return replace(failed(inference_id, "prediction_failed", "why"), webhook=endpoint)


async def test_a_result_with_an_endpoint_makes_a_webhook_with_its_body(store: Store, ids: tuple[str, str]) -> None:
    one, other = ids
    await store.put([failed(other, "prediction_failed", "why"), told(one)])

    [hook] = await store.hooks.claim("done", 10)

    assert (hook.inference_id, hook.endpoint, hook.body, hook.attempts) == (one, "done", told(one).body, 0)
    assert hook.message_id.startswith(f"msg_{one}_")
    assert "." not in hook.message_id
    assert await store.hooks.get(other) is None


async def test_each_terminal_result_makes_a_webhook(world: World, store: Store, ids: tuple[str, str]) -> None:
    results = [replace(one, webhook="done") for one in (expired(ids[0]), answered(ids[1], b"[1]", world.spec))]

    await store.put(results)

    bodies = {hook.body for hook in await store.hooks.claim("done", 10)}  # due in one moment, so in any order

    assert bodies == {result.body for result in results}


async def test_a_result_that_is_there_already_gets_its_webhook_once(store: Store, ids: tuple[str, str]) -> None:
    stored = failed(ids[0], "canceled", "by the client")
    await store.put([stored])

    await store.put([told(ids[0])])
    [hook] = await store.hooks.claim("done", 10)
    await store.hooks.settle(hook, Try(204))
    await store.put([told(ids[0])])

    assert hook.body == stored.body
    assert await store.hooks.claim("done", 10) == []


async def test_a_large_result_is_sent_as_a_link(world: World, store: Store, ids: tuple[str, str]) -> None:
    texts = [json.dumps("x" * length).encode() for length in (MAX_BODY_BYTES - 500, MAX_BODY_BYTES)]
    small, large = (answered(one, text, world.spec) for one, text in zip(ids, texts, strict=True))

    await store.put([replace(result, webhook="done") for result in (small, large)])
    bodies = {hook.inference_id: hook.body for hook in await store.hooks.claim("done", 10)}

    assert bodies[ids[0]] == small.body
    link = {
        "inference_id": ids[1],
        "status": "succeeded",
        "href": f"/models/{world.spec.name}/result/{ids[1]}",
    }
    assert bodies[ids[1]] == json.dumps(link, separators=(",", ":")).encode()


async def test_a_claimed_webhook_belongs_to_one_sender(store: Store, ids: tuple[str, str]) -> None:
    await store.put([told(one) for one in ids])

    claims = [await store.hooks.claim("done", 1) for _ in range(3)]

    assert sorted(hook.inference_id for claim in claims for hook in claim) == sorted(ids)


async def test_a_webhook_of_a_dead_sender_comes_again_after_its_lease(
    store: Store, ids: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in MODULES:
        monkeypatch.setattr(f"inference_bridge.{module}.LEASE_S", 0)
    await store.put([told(ids[0])])
    [first] = await store.hooks.claim("done", 10)
    await asyncio.sleep(0.01)

    assert await store.hooks.claim("done", 10) == [first]


async def test_a_webhook_waits_at_its_own_endpoint(store: Store, ids: tuple[str, str]) -> None:
    await store.put([told(ids[0], "done"), told(ids[1], "other")])

    assert [hook.inference_id for hook in await store.hooks.claim("other", 10)] == [ids[1]]


async def test_a_failed_try_is_followed_by_the_next_one(store: Store, ids: tuple[str, str]) -> None:
    await store.put([told(ids[0])])
    [hook] = await store.hooks.claim("done", 10)

    await store.hooks.settle(hook, replace(REFUSED, retry_s=0.001))
    await asyncio.sleep(0.01)
    [again] = await store.hooks.claim("done", 10)

    assert again == replace(hook, attempts=1)


async def test_a_webhook_that_waits_is_not_due(store: Store, ids: tuple[str, str]) -> None:
    await store.put([told(ids[0])])
    [hook] = await store.hooks.claim("done", 10)

    await store.hooks.settle(hook, REFUSED)

    assert await store.hooks.claim("done", 10) == []
    assert await store.hooks.backlog("done") == Backlog(1, 0.0)
    state = await store.hooks.get(ids[0])
    assert state is not None
    assert (state.attempts, state.last) == (1, Try(500, "answered 500"))
    assert state.next_try_ms is not None


async def test_the_state_says_that_a_webhook_is_delivered(store: Store, ids: tuple[str, str]) -> None:
    await store.put([told(ids[0])])
    [hook] = await store.hooks.claim("done", 10)

    await store.hooks.settle(hook, Try(200))

    assert await store.hooks.get(ids[0]) == HookState("done", 1, Try(200), None)
    assert await store.hooks.backlog("done") == Backlog(0, 0.0)


async def test_a_repeated_webhook_keeps_its_message_id(store: Store, ids: tuple[str, str]) -> None:
    await store.put([told(ids[0])])
    [hook] = await store.hooks.claim("done", 10)
    await store.hooks.settle(hook, Try(200))

    await store.hooks.repeat(ids[0], "done")

    assert await store.hooks.claim("done", 10) == [replace(hook, attempts=1)]


async def test_a_replayed_job_gets_a_webhook_of_its_own(store: Store, ids: tuple[str, str]) -> None:
    await store.put([told(ids[0])])
    [old] = await store.hooks.claim("done", 10)
    await store.reset(ids[0], ttl_s=60)
    assert await store.hooks.get(ids[0]) is None
    await asyncio.sleep(0.002)
    await store.put([told(ids[0])])

    await store.hooks.settle(old, Try(200))
    [new] = await store.hooks.claim("done", 10)

    assert new.message_id != old.message_id
    assert new.attempts == 0


async def test_a_webhook_without_its_job_is_dropped(store: Store, ids: tuple[str, str]) -> None:
    await store.put([told(ids[0])])
    await store.reset(ids[0], ttl_s=60)

    assert await store.hooks.claim("done", 10) == []
    assert await store.hooks.backlog("done") == Backlog(0, 0.0)


async def test_a_delivered_webhook_is_kept_as_long_as_a_result(world: World, ids: tuple[str, str]) -> None:
    store = world.store(result_ttl_s=1)
    await store.put([told(ids[0])])
    [hook] = await store.hooks.claim("done", 10)
    await store.hooks.settle(hook, Try(200))

    async with asyncio.timeout(20):
        while await store.hooks.get(ids[0]) is not None:
            await store.hooks.claim("done", 10)  # the stand-in deletes here
            await asyncio.sleep(0.05)

    await store.close()
