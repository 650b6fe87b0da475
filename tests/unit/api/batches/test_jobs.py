"""The jobs of a batch: accepted, repeated, waited for, canceled."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from inference_bridge.errors import QueueFull, StoreUnavailable
from inference_bridge.memory.broker import Message
from inference_bridge.results import Result, classified
from inference_bridge.settings import GRACE_S
from mnist_model.spec import SPEC
from tests.support.waiting import until
from tests.unit.api.batches.calls import (
    BATCH,
    BROKEN,
    JOB_TTL_S,
    a_batch,
    ids_of,
    queued,
    read,
    statuses_of,
    submit,
)
from tests.unit.api.conftest import Service, a_picture


async def test_each_item_of_a_batch_is_a_job_that_can_be_read_alone(service: Service) -> None:
    accepted = await submit(service, [a_picture(number) for number in range(3)])
    ids = ids_of(accepted)
    await service.answer(ids[1], 7)

    alone = (await service.client.get(f"/models/mnist/result/{ids[1]}")).json()
    together = await read(service, accepted.json()["batch_id"])

    assert accepted.status_code == 202
    assert accepted.json()["counts"] == {"pending": 3}
    assert accepted.headers["location"] == f"{BATCH}/{accepted.json()['batch_id']}"
    assert accepted.headers["retry-after"] == together.headers["retry-after"] == "1"
    assert sorted(queued(service)) == sorted(ids)
    assert together.json()["counts"] == {"pending": 2, "succeeded": 1}
    assert together.json()["jobs"][1] == alone
    assert alone["predicted_class"] == 7
    assert 'inference_accepted_total{model="mnist"} 3.0' in await service.metrics()


async def test_one_unreadable_item_among_256_fails_alone(service: Service) -> None:
    pictures = [a_picture(number) for number in range(256)]
    pictures[100] = BROKEN

    accepted = await submit(service, pictures)
    failed = accepted.json()["jobs"][100]

    assert accepted.status_code == 202
    assert accepted.json()["counts"] == {"pending": 255, "failed": 1}
    assert failed["error"]["code"] == "unsupported_image"
    assert sorted(queued(service)) == sorted(set(ids_of(accepted)) - {failed["inference_id"]})
    assert (await service.client.get(f"/models/mnist/result/{failed['inference_id']}")).json() == failed


@pytest.mark.parametrize(
    ("item", "code"), [(b"", "unreadable_image"), (bytes(100_001), "image_too_large")], ids=["empty", "too-large"]
)
async def test_an_item_of_a_wrong_size_fails_alone(service: Service, item: bytes, code: str) -> None:
    accepted = await submit(service, [a_picture(), item, a_picture(1)])

    assert accepted.json()["counts"] == {"pending": 2, "failed": 1}
    assert accepted.json()["jobs"][1]["error"]["code"] == code


async def test_the_same_key_gives_the_same_ids_and_one_job_each(service: Service) -> None:
    pictures = [a_picture(number) for number in range(5)]

    answers = [await submit(service, pictures, **{"Idempotency-Key": "one"}) for _ in range(3)]
    other = await submit(service, pictures[:4], **{"Idempotency-Key": "one"})
    single = await service.submit(pictures[0], **{"Idempotency-Key": "one"})
    hurried = await submit(service, pictures, "?ttl=5", **{"Idempotency-Key": "one"})

    assert {answer.status_code for answer in answers} == {202}
    assert [answer.json() for answer in answers[1:]] == [answers[0].json()] * 2
    assert sorted(queued(service)) == sorted(ids_of(answers[0]))
    assert [one.json()["code"] for one in (other, single, hurried)] == ["idempotency_conflict"] * 3


async def test_simultaneous_repetitions_are_one_batch(service: Service) -> None:
    pictures = [a_picture(number) for number in range(5)]

    answers = await asyncio.gather(*(submit(service, pictures, **{"Idempotency-Key": "one"}) for _ in range(4)))

    assert len({answer.json()["batch_id"] for answer in answers}) == 1
    assert len(service.broker.jobs) == 5


async def test_a_queue_that_is_full_in_the_middle_loses_nothing_and_a_repetition_finishes_the_batch(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, put = [a_picture(number) for number in range(256)], service.broker.put
    pictures[200] = BROKEN

    def put_some(message: Message) -> None:
        if len(service.broker.jobs) >= 100:
            raise QueueFull("the queue is full; try again later")
        put(message)

    monkeypatch.setattr(service.broker, "put", put_some)
    refused = await submit(service, pictures, **{"Idempotency-Key": "one"})
    before = queued(service)
    await service.answer(before[0], 7)
    monkeypatch.undo()
    accepted = await submit(service, pictures, **{"Idempotency-Key": "one"})

    assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")
    assert len(before) == 100
    assert set(before) < set(ids_of(accepted))
    assert accepted.json()["counts"] == {"pending": 254, "succeeded": 1, "failed": 1}
    readable = {job["inference_id"] for job in accepted.json()["jobs"] if job["status"] != "failed"}
    assert set(queued(service)) == readable


async def test_a_queue_without_a_place_for_every_item_takes_none(service: Service) -> None:
    for _ in range(2):
        await submit(service, [a_picture()] * 256)

    refused = await submit(service, [a_picture()] * 100)

    assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")
    assert "no place for 100 jobs under 600" in refused.json()["detail"]
    assert len(service.broker.jobs) == 512


async def test_a_store_that_is_away_after_the_publish_does_not_cost_the_ids(service: Service) -> None:
    service.store.is_away = True

    accepted = await submit(service, [a_picture(), a_picture(1)])

    assert (accepted.status_code, accepted.json()["counts"]) == (202, {"pending": 2})


async def test_an_unreadable_item_that_cannot_be_stored_is_a_503(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def put(_: Sequence[Result]) -> int:
        raise StoreUnavailable("Redis did not answer; try again later")

    monkeypatch.setattr(service.store, "put", put)

    refused = await submit(service, [a_picture(), BROKEN])

    assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")


async def test_a_call_that_waits_is_answered_when_the_last_result_arrives(service: Service) -> None:
    accepted = await submit(service, [a_picture(), a_picture(1), BROKEN])
    ids = ids_of(accepted)
    waiting = asyncio.create_task(read(service, accepted.json()["batch_id"], "?wait=5"))
    await until(lambda: len(service.waiters))
    await service.answer(ids[0])
    await asyncio.sleep(0)
    assert not waiting.done()
    await service.answer(ids[1])

    answer = await asyncio.wait_for(waiting, 3)

    assert answer.json()["counts"] == {"succeeded": 2, "failed": 1}
    assert answer.headers["preference-applied"] == "wait=5"
    assert "retry-after" not in answer.headers
    assert len(service.waiters) == 0


async def test_a_wait_ends_with_the_server(service: Service) -> None:
    accepted = await submit(service, [a_picture()])
    waiting = asyncio.create_task(read(service, accepted.json()["batch_id"], "?wait=5"))
    await until(lambda: len(service.waiters))

    service.waiters.close()

    assert (await asyncio.wait_for(waiting, 3)).json()["counts"] == {"pending": 1}


async def test_a_wait_that_is_over_answers_what_there_is(service: Service) -> None:
    accepted = await submit(service, [a_picture(), a_picture(1)])
    await service.answer(ids_of(accepted)[0])

    answer = await read(service, accepted.json()["batch_id"], "?wait=0.1")

    assert answer.json()["counts"] == {"succeeded": 1, "pending": 1}


async def test_a_canceled_batch_keeps_the_results_that_it_has(service: Service) -> None:
    accepted = await submit(service, [a_picture(), a_picture(1), BROKEN])
    await service.answer(ids_of(accepted)[0])

    for _ in range(2):
        answer = await service.client.post(f"{BATCH}/{accepted.json()['batch_id']}/cancel")
        assert statuses_of(answer) == ["succeeded", "canceled", "failed"]
    assert 'inference_canceled_total{model="mnist"} 1.0' in await service.metrics()


@pytest.mark.parametrize("age_s", [JOB_TTL_S + GRACE_S + 1, JOB_TTL_S + GRACE_S / 2 + 1])
async def test_a_batch_that_is_too_late_for_results_gets_none(service: Service, age_s: float) -> None:
    batch_id, ids = a_batch(service, 2, age_s)
    await service.store.put([classified(ids[0], [0.1] * 10, SPEC)])

    answer = await service.client.post(f"{BATCH}/{batch_id}/cancel")

    assert answer.status_code == 200
    assert await service.store.get(ids[1:]) == [None]


async def test_an_item_without_a_result_is_expired_when_it_is_too_old(service: Service) -> None:
    batch_id, ids = a_batch(service, 3, JOB_TTL_S + GRACE_S + 1)
    await service.answer(ids[0])
    await service.store.reset(ids[2], ttl_s=60)

    assert statuses_of(await read(service, batch_id)) == ["succeeded", "expired", "pending"]


async def test_a_repetition_long_after_still_answers_the_results(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [a_picture(), a_picture(1)]
    accepted = await submit(service, pictures, **{"Idempotency-Key": "one"})
    for inference_id in ids_of(accepted):
        await service.answer(inference_id)
    later = time.time_ns() + (JOB_TTL_S + GRACE_S + 60) * 1_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later)

    again = await submit(service, pictures, **{"Idempotency-Key": "one"})

    assert (again.status_code, again.json()["batch_id"]) == (202, accepted.json()["batch_id"])
    assert again.json()["counts"] == {"succeeded": 2}


@pytest.mark.parametrize("call", ["", "/cancel"])
async def test_an_id_that_is_not_of_a_batch_is_unknown(service: Service, call: str) -> None:
    of_a_job = service.signer.issue(int(time.time() * 1000))
    of_another = service.signer.issue_batch(int(time.time() * 1000), 2, "alice")

    for unknown in (of_a_job, of_another, "x", "A" * 24):
        answer = await service.client.request("POST" if call else "GET", f"{BATCH}/{unknown}{call}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_id")
        assert f"use the id from POST {BATCH}" in answer.json()["detail"]


async def test_the_id_of_a_batch_is_not_the_id_of_a_job(service: Service) -> None:
    batch_id, _ = a_batch(service, 2)

    assert (await service.client.get(f"/models/mnist/result/{batch_id}")).status_code == 404
