"""The promises of every result store; the stand-in and Redis run the same tests."""

import asyncio
import uuid
from contextlib import aclosing
from dataclasses import replace

import pytest

from inference_bridge.contract import Store
from inference_bridge.reports import WorkerReport
from inference_bridge.results import Status, canceled, classified, failed, produced, status_of
from tests.contract.conftest import TIMEOUT_S, RealWorld, World
from tests.support.parallel import in_parallel
from tests.support.waiting import until_found


@pytest.fixture
def ids() -> tuple[str, str]:
    """Two ids that no other test uses: Redis is shared by all."""
    return uuid.uuid4().hex[:24], uuid.uuid4().hex[:24]


async def test_a_result_is_read_as_it_was_stored(world: World, store: Store, ids: tuple[str, str]) -> None:
    one, _ = ids
    result = classified(one, [0.1, 0.7, 0.2], world.spec)

    await store.put([result])

    assert await store.get([one]) == [result.body]


async def test_an_id_without_a_result_reads_as_none(world: World, store: Store, ids: tuple[str, str]) -> None:
    one, two = ids
    result = failed(one, "prediction_failed", "why")

    await store.put([result])

    assert await store.get([two, one]) == [None, result.body]


async def test_the_first_result_stays(world: World, store: Store, ids: tuple[str, str]) -> None:
    one, two = ids
    first = failed(one, "first", "why")

    created = [await store.put([first]), await store.put([failed(one, "second", "why"), failed(two, "new", "why")])]

    assert created == [1, 1]
    assert await store.get([one]) == [first.body]


async def test_ten_thousand_cancels_that_race_the_results_end_in_one_state_each(world: World, store: Store) -> None:
    prefix = uuid.uuid4().hex[:19]
    ids = [f"{prefix}{number:05d}" for number in range(10_000)]
    other = world.store() if isinstance(world, RealWorld) else store

    async def cancel(inference_id: str) -> bool:
        return await other.put([canceled(inference_id)]) == 1

    async def answer() -> int:
        created = 0
        for start in range(0, len(ids), 50):
            created += await store.put(
                [classified(one, [0.1, 0.7, 0.2], world.spec) for one in ids[start : start + 50]]
            )
            await asyncio.sleep(0)
        return created

    answered, won = await asyncio.gather(answer(), in_parallel(cancel, reversed(ids), max_concurrent=16))

    bodies = await store.get(ids)
    statuses = [status_of(body) for body in bodies if body is not None]
    assert [status is Status.CANCELED for status in statuses] == won[::-1]
    assert answered == statuses.count(Status.SUCCEEDED) == len(ids) - sum(won)
    assert {Status.CANCELED, Status.SUCCEEDED} == set(statuses)
    await other.close()


async def test_an_output_is_read_beside_its_result(world: World, store: Store, ids: tuple[str, str]) -> None:
    one, two = ids
    drawn = produced(one, b"a picture", "image/png", world.spec)

    created = await store.put([drawn, failed(two, "prediction_failed", "why")])

    assert created == 2
    assert await store.get([one, two]) == [drawn.body, failed(two, "prediction_failed", "why").body]
    assert [await store.get_output(one), await store.get_output(two)] == [b"a picture", None]


async def test_the_first_output_stays(world: World, store: Store, ids: tuple[str, str]) -> None:
    one, _ = ids

    for output in (b"first", b"second"):
        await store.put([produced(one, output, "image/png", world.spec)])

    assert await store.get_output(one) == b"first"


async def test_a_result_expires(world: World, ids: tuple[str, str]) -> None:
    one, _ = ids
    store = world.store(result_ttl_s=1)
    await store.put([failed(one, "short", "why")])

    async def is_gone() -> bool:
        return await store.get([one]) == [None]

    await until_found(is_gone)

    await store.close()


async def test_attempts_are_counted_by_id(store: Store, ids: tuple[str, str]) -> None:
    one, two = ids
    await store.count_attempt(one, "first")

    assert await store.count_attempt(one, "second") == 2
    assert await store.count_attempt(two, "first") == 1


async def test_an_attempt_that_is_noted_twice_counts_once(store: Store, ids: tuple[str, str]) -> None:
    assert [await store.count_attempt(ids[0], "token") for _ in range(3)] == [1, 1, 1]


async def test_an_attempt_that_is_taken_back_does_not_count(store: Store, ids: tuple[str, str]) -> None:
    one, _ = ids
    await store.count_attempt(one, "first")
    await store.count_attempt(one, "second")

    await store.uncount_attempt(one, "second")
    await store.uncount_attempt(one, "never-noted")

    assert await store.attempts([one]) == [1]
    assert await store.count_attempt(one, "third") == 2


async def test_a_claim_is_held_by_the_first(store: Store, ids: tuple[str, str]) -> None:
    first = await store.claim(ids[0], b"first", ttl_s=60)
    second = await store.claim(ids[0], b"second", ttl_s=60)

    assert (first, second) == (None, b"first")


async def test_a_name_is_claimed_from_its_claim_on(store: Store, ids: tuple[str, str]) -> None:
    before = await store.is_claimed(ids[0])
    await store.claim(ids[0], b"first", ttl_s=60)

    assert (before, await store.is_claimed(ids[0]), await store.is_claimed(ids[1])) == (False, True, False)


async def test_a_claim_is_replaced_by_whoever_names_what_holds_it(store: Store, ids: tuple[str, str]) -> None:
    await store.claim(ids[0], b"first", ttl_s=60)

    wrong = await store.replace_claim(ids[0], b"never held", b"second", ttl_s=60)
    right = await store.replace_claim(ids[0], b"first", b"third", ttl_s=60)
    late = await store.replace_claim(ids[0], b"first", b"fourth", ttl_s=60)

    assert (wrong, right, late) == (b"first", b"third", b"third")
    assert await store.claim(ids[0], b"fifth", ttl_s=60) == b"third"


async def test_a_claim_that_is_gone_is_replaced_too(store: Store, ids: tuple[str, str]) -> None:
    assert await store.replace_claim(ids[0], b"first", b"second", ttl_s=60) == b"second"
    assert await store.claim(ids[0], b"third", ttl_s=60) == b"second"


async def test_a_claim_that_was_replaced_expires_in_its_new_time(store: Store, ids: tuple[str, str]) -> None:
    await store.claim(ids[0], b"first", ttl_s=60)
    await store.replace_claim(ids[0], b"first", b"second", ttl_s=1)

    async def is_free() -> bool:
        return await store.claim(ids[0], b"third", ttl_s=60) != b"second"

    await until_found(is_free)


async def test_a_batch_is_notified_to_every_subscriber(world: World, store: Store, ids: tuple[str, str]) -> None:
    one, two = ids
    async with aclosing(store.notifications()) as here, aclosing(store.notifications()) as there:
        assert await anext(here) == []
        assert await anext(there) == []

        await store.put([failed(one, "code", "why"), failed(two, "code", "why")])

        async with asyncio.timeout(TIMEOUT_S):
            assert await anext(here) == [one, two]
            assert await anext(there) == [one, two]


async def test_the_store_answers_a_ping(store: Store) -> None:
    await store.ping()


async def test_attempts_are_read_in_the_order_of_the_ids(store: Store, ids: tuple[str, str]) -> None:
    one, two = ids
    await store.count_attempt(one, "first")
    await store.count_attempt(one, "second")

    assert await store.attempts([two, one]) == [0, 2]
    assert await store.attempts([]) == []


async def test_a_revived_id_is_as_new(store: Store, ids: tuple[str, str]) -> None:
    one, _ = ids
    await store.put([failed(one, "prediction_failed", "why")])
    await store.count_attempt(one, "token")

    is_replayed = await store.reset(one, ttl_s=60)

    assert is_replayed
    assert await store.get([one]) == [None]
    assert await store.attempts([one]) == [0]
    assert await store.put([failed(one, "again", "why")]) == 1


async def test_an_id_reads_as_revived_once_it_was(store: Store, ids: tuple[str, str]) -> None:
    one, two = ids
    await store.reset(one, ttl_s=60)
    await store.reset(one, ttl_s=60)

    assert [await store.is_replayed(one), await store.is_replayed(two)] == [True, False]


async def test_an_id_reads_as_revived_for_a_time_only(store: Store, ids: tuple[str, str]) -> None:
    one, _ = ids
    await store.reset(one, ttl_s=1)

    async def is_over() -> bool:
        return not await store.is_replayed(one)

    await until_found(is_over)


async def test_an_id_that_has_succeeded_is_not_revived(world: World, store: Store, ids: tuple[str, str]) -> None:
    one, _ = ids
    result = classified(one, [0.1, 0.7, 0.2], world.spec)
    await store.put([result])

    is_replayed = await store.reset(one, ttl_s=60)

    assert not is_replayed
    assert await store.get([one]) == [result.body]
    assert not await store.is_replayed(one)


def a_report(jobs_in_work: int, *, pool: str = "default") -> WorkerReport:
    return WorkerReport(pool, jobs_in_work, throughput=12.5, solo_throughput=None)


async def test_a_report_is_read_as_it_was_made_with_its_age(store: Store) -> None:
    await store.report("one", a_report(3))

    [report] = await store.reports()

    assert replace(report, age_s=0) == a_report(3)
    assert 0 <= report.age_s < TIMEOUT_S


async def test_the_last_report_of_a_worker_counts(store: Store) -> None:
    for jobs_in_work in (3, 1):
        await store.report("one", a_report(jobs_in_work))
        await store.report("other", a_report(7))

    assert sorted(report.jobs_in_work for report in await store.reports()) == [1, 7]


async def test_a_silent_worker_is_forgotten_once_another_of_its_pool_reports(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("redis_store", "memory.store"):
        monkeypatch.setattr(f"inference_bridge.{module}.FORGET_S", 0.02)
    await store.report("gone", a_report(1))
    await store.report("of another pool", a_report(2, pool="spot"))
    await asyncio.sleep(0.05)

    await store.report("new", a_report(3))

    assert sorted(report.jobs_in_work for report in await store.reports()) == [2, 3]
