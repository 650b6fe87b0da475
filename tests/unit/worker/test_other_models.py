"""The worker's loop with models that are not of digits: their results, their failures, their deadlines."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inference_bridge.errors import DeviceLost, InvalidInput
from inference_bridge.kinds import Text
from inference_worker.batch import MAX_MESSAGE_CHARS
from inference_worker.model import Input
from tests.support.jobs import LATE_MS, a_request
from tests.support.models import ScalesModel, Words, WordsModel
from tests.support.waiting import until
from tests.unit.worker.bench import TIMEOUT_S, Bench


@pytest.fixture
def model_class() -> type[WordsModel]:
    return WordsModel


async def publish(bench: Bench, *bodies: bytes, deadline_ms: int = LATE_MS) -> list[str]:
    jobs = [a_request(number, body, deadline_ms=deadline_ms) for number, body in enumerate(bodies)]
    for job in jobs:
        await bench.broker.publisher().publish(job)
    return [job.inference_id for job in jobs]


async def test_each_text_gets_its_own_document(bench: Bench) -> None:
    results = await bench.results(await publish(bench, b"aa", b"b", b"cc"))

    assert [result["output"]["text"] for result in results] == ["aa", "b", "cc"]


async def test_a_text_that_cannot_be_decoded_fails_alone(bench: Bench) -> None:
    ids = await publish(bench, b"aa", b"refuse it", b"cc", b"raise-in-group")

    results = await bench.results(ids)
    await until(lambda: bench.broker.dead)

    assert [result["status"] for result in results] == ["succeeded", "failed", "succeeded", "failed"]
    assert results[1]["error"] == {"code": "invalid_input", "message": "this text is not for us"}
    # The client can mend the first; the second needs an operator.
    assert [message.properties.message_id for message in bench.broker.dead] == [ids[3]]
    await bench.until_empty()


async def test_an_answer_that_does_not_fit_is_parked(bench: Bench) -> None:
    [bad, good] = await bench.results(await publish(bench, b"wrong-type", b"good"))
    await until(lambda: bench.broker.dead)

    assert (bad["error"]["code"], good["status"]) == ("bad_answer", "succeeded")
    await bench.until_empty()


async def test_a_late_text_is_not_even_decoded(bench: Bench) -> None:
    [result] = await bench.results(await publish(bench, b"hang", deadline_ms=time.time_ns() // 1_000_000 - 1))

    assert result["status"] == "expired"


async def test_a_batch_in_which_nothing_can_be_decoded_leaves_the_worker_at_work(bench: Bench) -> None:
    await bench.results(await publish(bench, b"refuse it"))

    assert bench.model.batch_sizes == []
    assert bench.count("inference_batch_size_count") == 0
    await bench.until_empty()


async def test_a_stop_waits_for_a_text_that_is_being_decoded(bench: Bench) -> None:
    ids = await publish(bench, *[b"sleep"] * 8)
    await until(lambda: not (bench.broker.jobs or len(bench.consumer.inbox)), every_s=0)

    bench.stop.set()
    await asyncio.wait_for(bench.working, TIMEOUT_S)

    assert all(await bench.store.get(ids))


class Talkative(WordsModel):
    """Quotes the whole text in its refusal."""

    spec = replace(WordsModel.spec, takes=Text(max_chars=5_000))

    def decode(self, given: Input) -> Words:
        raise InvalidInput(f"not a good text: {given.value}")


class Lost(WordsModel):
    """Answers that the device has failed."""

    def predict_batch(self, items: list[Words]) -> list[Any]:
        return [RuntimeError("CUDA error: an illegal memory access was encountered")] * len(items)


@pytest.mark.parametrize("model_class", [Lost])
async def test_an_answer_that_says_that_the_device_is_lost_ends_the_worker(bench: Bench) -> None:
    await publish(bench, b"a")

    with pytest.raises(DeviceLost):
        await asyncio.wait_for(bench.working, TIMEOUT_S)

    assert [message.delivery_count for message in bench.broker.jobs] == [1]


@pytest.mark.parametrize("model_class", [Talkative])
async def test_a_long_message_of_a_model_is_cut(bench: Bench) -> None:
    [result] = await bench.results(await publish(bench, b"a" * 5_000))

    assert len(result["error"]["message"]) == MAX_MESSAGE_CHARS


@pytest.mark.parametrize("model_class", [ScalesModel])
async def test_bytes_are_stored_beside_the_result(bench: Bench) -> None:
    numbers = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], "<f4")
    ids = await publish(bench, *(row.tobytes() for row in numbers))

    results = await bench.results(ids)

    outputs = [await bench.store.get_output(inference_id) for inference_id in ids]
    assert outputs == [(row * ScalesModel().weights).tobytes() for row in numbers]
    assert results[0]["output"] == {
        "href": f"/models/scales/result/{ids[0]}/output",
        "bytes": 16,
        "content_type": "application/octet-stream",
    }


@pytest.mark.parametrize("model_class", [ScalesModel])
async def test_bytes_that_are_wrong_or_too_many_fail_alone(bench: Bench) -> None:
    numbers = np.array([[-1, 0, 0, 0], [1, 0, 0, 0], [-2, 0, 0, 0]], "<f4")

    results = await bench.results(await publish(bench, *(row.tobytes() for row in numbers)))

    assert [result["status"] for result in results] == ["failed", "succeeded", "failed"]
    assert [results[position]["error"]["code"] for position in (0, 2)] == ["bad_answer", "result_too_large"]
