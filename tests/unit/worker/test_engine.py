import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from inference_bridge.errors import DeviceLost
from inference_worker.engine import Engine
from tests.support.jobs import a_request, marked
from tests.support.models import (
    ANSWERS_A_DICT,
    ANSWERS_AN_ERROR,
    ANSWERS_NAN,
    ANSWERS_TOO_FEW,
    HANGS,
    LOSES_THE_DEVICE,
    RAISES,
    RUNS_OUT_OF_MEMORY,
    FaultyModel,
)
from tests.unit.worker.engines import engine_of, outcomes_of


@pytest.fixture
def model() -> FaultyModel:
    return FaultyModel()


@pytest.fixture
def engine(model: FaultyModel) -> Iterator[Engine]:
    engine = engine_of(model)
    yield engine
    engine.close()


async def classes(engine: Engine, *marks: int) -> list[int | str]:
    """Return the predicted class of each input, or the code of its error."""
    outcomes = await outcomes_of(engine, *(a_request(body=marked(mark)) for mark in marks))
    return [outcome if isinstance(outcome, str) else outcome["predicted_class"] for outcome in outcomes]


async def test_answers_come_in_the_order_of_the_inputs(engine: Engine) -> None:
    assert await classes(engine, 3, 1, 4, 1, 5) == [3, 1, 4, 1, 5]


async def test_a_batch_runs_in_one_go(engine: Engine, model: FaultyModel) -> None:
    await classes(engine, 1, 2, 3)

    assert model.batch_sizes == [3]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(RAISES, "prediction_failed", id="a-raise"),
        pytest.param(ANSWERS_NAN, "prediction_failed", id="not-a-number"),
        pytest.param(ANSWERS_AN_ERROR, "prediction_failed", id="an-error-as-an-answer"),
        pytest.param(ANSWERS_A_DICT, "bad_answer", id="a-dict"),
        pytest.param(ANSWERS_TOO_FEW, "bad_answer", id="one-answer-too-few"),
    ],
)
@pytest.mark.parametrize("position", range(7))
async def test_a_bad_input_fails_alone(engine: Engine, position: int, fault: int, code: str) -> None:
    marks = [0, 1, 2, 3, 4, 5, 6]
    marks[position] = fault

    answers = await classes(engine, *marks)

    assert answers == [code if mark == fault else mark for mark in marks]


async def test_a_wrong_number_of_answers_is_named_with_the_number_of_inputs(engine: Engine) -> None:
    items = await engine.read([a_request(body=marked(ANSWERS_TOO_FEW))])

    prediction = await engine.predict(items)  # type: ignore[arg-type]

    assert str(prediction.answers[0]) == "the model gave 0 answers to a batch of 1"


async def test_out_of_memory_lowers_the_ceiling_and_loses_nothing(engine: Engine) -> None:
    answers = await classes(engine, *[RUNS_OUT_OF_MEMORY] * 8)

    assert answers == [RUNS_OUT_OF_MEMORY % 10] * 8
    assert engine.max_batch_size == 2


async def test_a_batch_larger_than_the_ceiling_is_cut(engine: Engine, model: FaultyModel) -> None:
    await classes(engine, *[RUNS_OUT_OF_MEMORY] * 8)
    model.batch_sizes.clear()

    await classes(engine, *[1] * 5)

    assert model.batch_sizes == [2, 2, 1]


async def test_a_lost_device_is_nobodys_failure(engine: Engine) -> None:
    with pytest.raises(DeviceLost, match="illegal memory access"):
        await classes(engine, 1, LOSES_THE_DEVICE)


async def test_a_lost_device_is_not_tried_again(
    engine: Engine, model: FaultyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    predict_batch = model.predict_batch

    def note_size(batch: Any) -> Any:
        sizes.append(len(batch))
        return predict_batch(batch)

    monkeypatch.setattr(model, "predict_batch", note_size)

    with pytest.raises(DeviceLost):
        await classes(engine, *[LOSES_THE_DEVICE] * 4)

    assert sizes == [4]


@pytest.mark.parametrize(("fault", "expected"), [(1, False), (RAISES, True), (ANSWERS_NAN, False)])
async def test_the_time_of_a_batch_in_which_the_model_raises_is_marked(
    engine: Engine, fault: int, expected: bool
) -> None:
    items = await engine.read([a_request(body=marked(mark)) for mark in (1, fault)])

    prediction = await engine.predict(items)  # type: ignore[arg-type]

    assert prediction.has_raised == expected


async def test_a_group_that_is_called_none_lowers_no_other_ceiling() -> None:
    class OneGroup(FaultyModel):
        def group(self, item: object) -> None:
            return None

    engine = engine_of(OneGroup())

    await classes(engine, *[RUNS_OUT_OF_MEMORY] * 8)

    assert engine.max_batch_size == 8


async def test_a_forward_pass_that_hangs_is_ended_by_a_deadline(model: FaultyModel) -> None:
    engine = engine_of(model, forward_timeout_s=0.1)

    with pytest.raises(DeviceLost, match=r"a forward pass took more than 0\.1 s"):
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
