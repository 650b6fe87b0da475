import asyncio
from collections.abc import Iterator

import pytest

from inference_bridge.errors import DeviceLost, PredictionFailed
from inference_worker.engine import Engine
from tests.support.models import ANSWERS_NAN, HANGS, LOSES_THE_DEVICE, RAISES, RUNS_OUT_OF_MEMORY, FaultyModel


@pytest.fixture
def model() -> FaultyModel:
    return FaultyModel()


@pytest.fixture
def engine(model: FaultyModel) -> Iterator[Engine]:
    engine = Engine(model, max_batch_size=8, forward_timeout_s=5)
    yield engine
    engine.close()


def bodies(*marks: int) -> list[bytes]:
    return [bytes([mark]) + bytes(783) for mark in marks]


async def classes(engine: Engine, *marks: int) -> list[int | str]:
    answers = await engine.predict(bodies(*marks))
    return ["failed" if isinstance(answer, PredictionFailed) else int(answer.argmax()) for answer in answers]


async def test_answers_come_in_the_order_of_the_inputs(engine: Engine) -> None:
    assert await classes(engine, 3, 1, 4, 1, 5) == [3, 1, 4, 1, 5]


async def test_a_batch_runs_in_one_go(engine: Engine, model: FaultyModel) -> None:
    await classes(engine, 1, 2, 3)

    assert model.batch_sizes == [3]


@pytest.mark.parametrize("position", range(7))
async def test_an_input_that_raises_fails_alone(engine: Engine, position: int) -> None:
    marks = [0, 1, 2, 3, 4, 5, 6]
    marks[position] = RAISES

    answers = await classes(engine, *marks)

    assert answers == ["failed" if mark == RAISES else mark for mark in marks]


async def test_an_answer_that_is_no_number_fails_alone(engine: Engine) -> None:
    assert await classes(engine, 1, ANSWERS_NAN, 2) == [1, "failed", 2]


async def test_out_of_memory_lowers_the_ceiling_and_loses_nothing(engine: Engine) -> None:
    answers = await classes(engine, *[RUNS_OUT_OF_MEMORY] * 8)

    assert answers == [RUNS_OUT_OF_MEMORY % 10] * 8
    assert engine.max_batch_size == 2


async def test_a_lost_device_is_nobodys_failure(engine: Engine) -> None:
    with pytest.raises(DeviceLost, match="illegal memory access"):
        await classes(engine, 1, LOSES_THE_DEVICE)


async def test_a_forward_pass_that_hangs_is_ended_by_a_deadline(model: FaultyModel) -> None:
    engine = Engine(model, max_batch_size=8, forward_timeout_s=0.1)

    with pytest.raises(DeviceLost, match=r"more than 0\.1 s"):
        await asyncio.wait_for(classes(engine, HANGS), 5)

    model.released.set()


async def test_the_event_loop_turns_while_a_batch_runs(engine: Engine) -> None:
    predicting = asyncio.create_task(classes(engine, 1))
    turns = 0

    while not predicting.done():
        await asyncio.sleep(0)
        turns += 1

    assert turns > 1


async def test_warming_up_runs_the_smallest_and_the_largest_batch(engine: Engine, model: FaultyModel) -> None:
    await engine.warm_up()

    assert model.batch_sizes == [1, 8]
