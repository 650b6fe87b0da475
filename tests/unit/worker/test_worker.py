"""The worker's loop against the stand-ins: the stored results, and the fate of each message."""

import asyncio
import time

import pytest
from pika import BasicProperties

from inference_bridge.errors import DeviceLost
from inference_bridge.jobs import to_properties
from inference_bridge.memory.broker import Message
from inference_bridge.rabbitmq.topology import SOLO_ATTEMPTS
from inference_bridge.results import failed
from mnist_model.spec import SPEC
from tests.support.jobs import a_request, marked
from tests.support.models import LOSES_THE_DEVICE, RAISES, SlowModel, WordsModel
from tests.support.waiting import until
from tests.unit.worker.bench import TIMEOUT_S, Bench, suspect


async def test_each_job_gets_its_own_answer(bench: Bench) -> None:
    ids = await bench.publish(*(number % 10 for number in range(100)))

    results = await bench.results(ids)

    assert [result["predicted_class"] for result in results] == [number % 10 for number in range(100)]


async def test_a_message_is_gone_once_its_result_is_stored(bench: Bench) -> None:
    await bench.results(await bench.publish(1, 2, 3))

    await bench.until_empty()

    assert len(bench.broker.dead) == 0


async def test_jobs_that_arrive_together_run_in_one_batch(bench: Bench) -> None:
    await bench.results(await bench.publish(1, 2, 3, 4))

    assert bench.model.batch_sizes == [4]


@pytest.mark.parametrize("model_class", [SlowModel])
async def test_jobs_that_arrive_while_a_batch_runs_make_up_the_next(bench: Bench) -> None:
    first = await bench.publish(1)
    await asyncio.sleep(0)
    await until(lambda: not (bench.broker.jobs or len(bench.consumer.inbox)), every_s=0)
    more = [await bench.publish_one(100 + number, number) for number in range(5)]

    await bench.results(first + more)

    assert bench.model.batch_sizes == [1, 5]


@pytest.mark.parametrize("model_class", [SlowModel])
async def test_the_device_counts_as_busy_while_a_batch_is_on_it(bench: Bench) -> None:
    ids = await bench.publish(*range(10))
    await until(lambda: bench.count("inference_device_busy"))

    await bench.results(ids)

    await until(lambda: bench.count("inference_device_busy") == 0)


async def test_results_that_are_held_leave_the_device_idle(bench: Bench) -> None:
    bench.store.is_away = True
    await bench.publish(1)

    await until(lambda: bench.count("inference_store_retries_total"))

    assert bench.count("inference_device_busy") == 0


@pytest.mark.parametrize("status", ["succeeded", "failed", "expired"])
async def test_results_of_each_status_are_counted_from_zero(bench: Bench, status: str) -> None:
    assert bench.registry.get_sample_value("inference_results_total", {"model": "mnist", "status": status}) == 0


async def test_a_poisonous_job_fails_alone_and_is_parked(bench: Bench) -> None:
    ids = await bench.publish(1, RAISES, 3)

    results = await bench.results(ids)
    await until(lambda: bench.broker.dead)

    assert [result["status"] for result in results] == ["succeeded", "failed", "succeeded"]
    assert results[1]["error"]["code"] == "prediction_failed"
    assert [message.properties.message_id for message in bench.broker.dead] == [ids[1]]
    await bench.until_empty()


async def test_a_late_job_is_answered_expired_and_not_run(bench: Bench) -> None:
    job = a_request(1, marked(1), deadline_ms=time.time_ns() // 1_000_000 - 1)
    await bench.broker.publisher().publish(job)

    [result] = await bench.results([job.inference_id])

    assert result["status"] == "expired"
    assert bench.model.batch_sizes == []


async def test_nothing_runs_until_the_result_of_a_suspect_is_stored(bench: Bench) -> None:
    # Else a killer among what runs next takes an innocent suspect with it, and that counts as an attempt of its own.
    bench.store.is_away = True
    job = a_request(1, marked(5))
    bench.broker.put(suspect(job))
    await until(lambda: bench.count("inference_store_retries_total"))
    retries = bench.count("inference_store_retries_total")
    ids = [await bench.publish_one(100, 7)]
    await until(lambda: bench.count("inference_store_retries_total") >= retries + 2)

    assert bench.model.batch_sizes == [1]
    bench.store.is_away = False
    assert [result["predicted_class"] for result in await bench.results([job.inference_id, *ids])] == [5, 7]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(Message(BasicProperties(), b"\x80\x04."), id="a-pickle-without-an-id"),
        pytest.param(Message(BasicProperties(message_id="x" * 24, type="mnist.v1"), b"short"), id="a-wrong-length"),
        pytest.param(Message(BasicProperties(message_id="x" * 24, type="other.v9"), bytes(784)), id="another-type"),
    ],
)
async def test_a_foreign_message_is_parked_and_harms_nobody(bench: Bench, message: Message) -> None:
    bench.broker.put(message)
    ids = await bench.publish(1, 2)

    results = await bench.results(ids)
    await until(lambda: bench.broker.dead)

    assert [result["predicted_class"] for result in results] == [1, 2]
    assert [parked.body for parked in bench.broker.dead] == [message.body]
    assert bench.count("inference_invalid_messages_total") == 1


@pytest.mark.parametrize("model_class", [WordsModel])
async def test_an_input_that_the_model_refuses_is_answered_and_not_parked(bench: Bench) -> None:
    job = a_request(1, b"refuse this")

    await bench.broker.publisher().publish(job)
    [result] = await bench.results([job.inference_id])
    await bench.until_empty()

    assert result["error"]["code"] == "invalid_input"
    assert len(bench.broker.dead) == 0


@pytest.mark.parametrize("model_class", [WordsModel])
async def test_a_refused_input_that_comes_again_is_not_parked_either(bench: Bench) -> None:
    job = a_request(1, b"refuse this")
    await bench.store.put([failed(job.inference_id, "invalid_input", "why")])

    bench.broker.put(Message(to_properties(job, WordsModel.spec), job.body, is_redelivered=True))
    await until(lambda: not bench.broker.jobs)
    await bench.until_empty()

    assert len(bench.broker.dead) == 0


async def test_a_result_that_exists_is_never_changed(bench: Bench) -> None:
    job = a_request(1, marked(5))
    await bench.store.put([failed(job.inference_id, "first", "why")])

    await bench.broker.publisher().publish(job)
    await until(lambda: bench.broker.dead)

    assert bench.model.batch_sizes == []
    assert (await bench.results([job.inference_id]))[0]["error"] == {"code": "first", "message": "why"}


async def test_a_repeated_job_with_a_result_is_not_run_again(bench: Bench) -> None:
    job = a_request(1, marked(5))
    await bench.broker.publisher().publish(job)
    await bench.results([job.inference_id])

    bench.broker.put(Message(to_properties(job, SPEC), job.body, is_redelivered=True))
    await bench.results(await bench.publish(7))

    assert sum(bench.model.batch_sizes) == 2


async def test_a_suspect_gets_a_solo_run(bench: Bench) -> None:
    job = a_request(1, marked(5))

    bench.broker.put(suspect(job))
    [result] = await bench.results([job.inference_id])

    assert result["predicted_class"] == 5
    assert bench.count("inference_solo_runs_total") == 1


async def test_a_suspect_that_was_tried_often_enough_is_failed_and_parked(bench: Bench) -> None:
    job = a_request(1, marked(5))
    for number in range(SOLO_ATTEMPTS):
        await bench.store.count_attempt(job.inference_id, f"token-{number}")

    bench.broker.put(suspect(job))
    [result] = await bench.results([job.inference_id])
    await until(lambda: bench.broker.dead)

    assert result["error"]["code"] == "worker_crashed"
    assert bench.model.batch_sizes == []


async def test_results_are_held_while_the_store_is_away(bench: Bench) -> None:
    bench.store.is_away = True
    ids = await bench.publish(1, 2, 3)
    await until(lambda: bench.count("inference_store_retries_total"))

    bench.store.is_away = False

    assert [result["predicted_class"] for result in await bench.results(ids)] == [1, 2, 3]
    assert bench.model.batch_sizes == [3]


@pytest.mark.parametrize("model_class", [SlowModel])
async def test_a_stop_finishes_what_runs_and_hands_back_the_rest(bench: Bench) -> None:
    ids = await bench.publish(*[1] * 40)
    await bench.results(ids[:1])

    bench.stop.set()
    await asyncio.wait_for(bench.working, TIMEOUT_S)

    finished = sum(body is not None for body in await bench.store.get(ids))
    assert finished + len(bench.broker.jobs) == 40
    assert 8 <= finished < 40
    assert all(message.delivery_count == 0 for message in bench.broker.jobs)


async def test_a_stopping_worker_is_not_ready(bench: Bench) -> None:
    await bench.results(await bench.publish(1))
    assert bench.worker.is_ready

    bench.stop.set()
    await asyncio.wait_for(bench.working, TIMEOUT_S)

    assert not bench.worker.is_ready


async def test_a_stop_with_the_store_away_hands_back_what_could_not_be_stored(bench: Bench) -> None:
    bench.store.is_away = True
    await bench.publish(1, 2, 3)
    await until(lambda: bench.count("inference_store_retries_total"))

    bench.stop.set()
    await asyncio.wait_for(bench.working, TIMEOUT_S)

    assert len(bench.broker.jobs) == 3


async def test_a_lost_device_ends_the_worker_and_acknowledges_nothing(bench: Bench) -> None:
    await bench.publish(LOSES_THE_DEVICE, 1)

    with pytest.raises(DeviceLost):
        await asyncio.wait_for(bench.working, TIMEOUT_S)

    assert [message.delivery_count for message in bench.broker.jobs] == [1, 1]
