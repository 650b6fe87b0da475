"""From the body of a job to the item of a model: kinds, parameters, groups, and every failure there."""

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference_bridge.errors import DeviceLost
from inference_bridge.jobs import Job
from inference_bridge.kinds import File, Json, Picture, Probabilities, Takes, Tensor, Text
from inference_bridge.spec import ModelSpec
from inference_worker.engine import Engine
from inference_worker.items import as_input
from tests.support.jobs import a_request
from tests.support.models import EchoModel, Options, Score, WordsModel
from tests.support.waiting import until
from tests.unit.worker.engines import engine_of, outcomes_of


@pytest.fixture
def model() -> WordsModel:
    return WordsModel()


@pytest.fixture
def engine(model: WordsModel) -> Iterator[Engine]:
    engine = engine_of(model)
    yield engine
    engine.close()


def a_text(text: str, *, params: str = "") -> Job:
    return replace(a_request(body=text.encode()), params=params)


async def texts(engine: Engine, *given: str) -> list[Any]:
    """Return the text in the answer to each text, or the code of its error."""
    outcomes = await outcomes_of(engine, *(a_text(text) for text in given))
    return [outcome if isinstance(outcome, str) else outcome["output"]["text"] for outcome in outcomes]


def spec_of(takes: Takes) -> ModelSpec:
    return ModelSpec("any", 1, takes=takes, answers=Probabilities(2))


async def test_items_of_one_group_share_a_batch_and_keep_their_order(engine: Engine, model: WordsModel) -> None:
    given = ["aa", "b", "cc", "d", "ee"]

    assert await texts(engine, *given) == given
    assert model.batch_sizes == [3, 2]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("refuse it", "invalid_input"),
        ("raise-in-decode", "prediction_failed"),
        ("stop-in-decode", "prediction_failed"),
        ("raise-in-group", "prediction_failed"),
        ("unhashable", "prediction_failed"),
        ("raise it", "prediction_failed"),
        ("stop it", "prediction_failed"),
        ("error it", "prediction_failed"),
        ("error-for-client", "invalid_input"),
        ("wrong-type", "bad_answer"),
        ("none at all", "bad_answer"),
        ("nan", "bad_answer"),
        ("changed", "bad_answer"),
        ("huge", "result_too_large"),
    ],
)
async def test_a_bad_text_fails_alone(engine: Engine, bad: str, code: str) -> None:
    neighbours = ["x" * len(bad), "y" * len(bad), "z"]  # two of the same group

    assert await texts(engine, neighbours[0], bad, *neighbours[1:]) == [neighbours[0], code, *neighbours[1:]]


async def test_a_client_reads_the_words_of_a_refusal(engine: Engine) -> None:
    [refusal] = await engine.read([a_text("refuse it")])

    assert str(refusal) == "this text is not for us"


async def test_a_client_reads_only_the_type_of_a_foreign_error(engine: Engine) -> None:
    [failure] = await engine.read([a_text("raise-in-decode")])

    assert str(failure) == "the model could not answer this input (ValueError)"


async def test_the_ceiling_of_one_group_leaves_the_others_alone(engine: Engine, model: WordsModel) -> None:
    await texts(engine, *["memory a"] * 8)
    model.batch_sizes.clear()

    await texts(engine, *["memory b"] * 4, *["c"] * 4)

    assert model.batch_sizes == [2, 2, 4]
    assert engine.max_batch_size == 8


async def test_the_oldest_ceiling_is_forgotten_first(
    engine: Engine, model: WordsModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference_worker.engine.MAX_GROUPS", 2)
    for text in ("memory a", "memory bb", "memory ccc"):
        await texts(engine, *[text] * 4)
    model.batch_sizes.clear()

    await texts(engine, *["memory a"] * 4)
    await texts(engine, *["memory ccc"] * 4)

    assert model.batch_sizes == [4, 2, 2, 2, 2]


async def test_parameters_reach_the_model(engine: Engine) -> None:
    [once, twice] = await outcomes_of(engine, a_text("abc"), a_text("abc", params='{"factor": 2}'))

    assert twice["output"]["score"] == pytest.approx(2 * once["output"]["score"])


async def test_parameters_that_do_not_fit_fail_one_job(engine: Engine) -> None:
    jobs = [a_text("a"), a_text("b", params='{"factor": 101}'), a_text("c", params="no json")]

    first, *bad = await engine.read(jobs)

    assert not isinstance(first, Exception)
    assert [str(failure).split(":")[0] for failure in bad] == ["the params did not fit"] * 2
    assert "factor" in str(bad[0])


async def test_a_text_that_is_not_utf_8_fails_alone(engine: Engine) -> None:
    [failure, _] = await engine.read([a_request(body=b"ab\xff"), a_text("b")])

    assert str(failure) == "the text is not valid UTF-8 at byte 2; send UTF-8"


@pytest.mark.parametrize(
    ("takes", "body", "value"),
    [
        pytest.param(Text(), "Grüße".encode(), "Grüße", id="text"),
        pytest.param(File(("audio/wav",)), b"RIFF", b"RIFF", id="file"),
        pytest.param(Json(Options), b'{"factor": 3}', Options(factor=3), id="json"),
    ],
)
def test_the_value_of_an_input_has_the_type_of_its_kind(takes: Takes, body: bytes, value: object) -> None:
    assert as_input(a_request(body=body), spec_of(takes)).value == value


@pytest.mark.parametrize(
    ("takes", "body", "value"),
    [
        pytest.param(Picture(2, 1), bytes(range(6)), [[[0, 1, 2], [3, 4, 5]]], id="picture"),
        pytest.param(Tensor("int16", (2,)), b"\x01\x00\x00\x01", [1, 256], id="tensor"),
    ],
)
def test_the_array_of_an_input_has_the_shape_of_its_kind_and_can_be_written(
    takes: Takes, body: bytes, value: object
) -> None:
    array = as_input(a_request(body=body), spec_of(takes)).value

    assert array.tolist() == value
    assert array.flags.writeable


def test_an_input_without_parameters_has_none() -> None:
    assert as_input(a_request(body=b"a"), spec_of(Text())).params is None


@pytest.mark.parametrize(("stated", "expected"), [("audio/ogg", "audio/ogg"), ("", "audio/wav")])
def test_a_file_has_the_type_that_the_api_has_recognised(stated: str, expected: str) -> None:
    job = replace(a_request(body=b"a"), content_type=stated)

    assert as_input(job, spec_of(File(("audio/wav", "audio/ogg")))).content_type == expected


async def test_a_document_that_does_not_parse_fails_alone() -> None:
    class Documents(EchoModel):
        spec = ModelSpec("documents", 1, takes=Json(Options), answers=Json(Score))

    [failure, item] = await engine_of(Documents()).read([a_request(body=b"{"), a_request(body=b"{}")])

    assert str(failure).startswith("the document did not fit: ")
    assert not isinstance(item, Exception)


class Grouped(EchoModel):
    """Groups pictures by their first pixel."""

    def group(self, item: NDArray[np.uint8]) -> int:
        return int(item[0, 0])

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert batch.shape[1:] == (28, 28)
        assert len(set(batch[:, 0, 0])) == 1
        return super().predict_batch(batch)


async def test_pictures_that_are_grouped_still_come_as_one_array() -> None:
    model = Grouped()
    jobs = [a_request(body=bytes([mark]) + bytes(783)) for mark in (3, 4, 3)]

    outcomes = await outcomes_of(engine_of(model), *jobs)

    assert [outcome["predicted_class"] for outcome in outcomes] == [3, 4, 3]
    assert model.batch_sizes == [2, 1]


class Decoded(EchoModel):
    """Decodes a picture to its first pixel."""

    def decode(self, given: Any) -> int:
        return int(given.value[0, 0])

    def predict_batch(self, items: Sequence[int]) -> NDArray[np.float32]:  # type: ignore[override]
        assert isinstance(items, list)
        return np.eye(10, dtype=np.float32)[items]  # (B, 10)


async def test_pictures_that_are_decoded_come_as_a_list() -> None:
    [outcome] = await outcomes_of(engine_of(Decoded()), a_request(body=b"\x07" + bytes(783)))

    assert outcome["predicted_class"] == 7


async def test_decoding_that_hangs_is_ended_by_a_deadline(model: WordsModel) -> None:
    engine = engine_of(model, forward_timeout_s=0.1)

    with pytest.raises(DeviceLost, match=r"the decoding of an input took more than 0\.1 s"):
        await asyncio.wait_for(engine.read([a_text("hang"), a_text("a")]), 5)

    model.released.set()


async def test_the_time_in_which_an_input_waits_for_a_thread_is_none_of_its_decoding(model: WordsModel) -> None:
    engine = engine_of(model, forward_timeout_s=1, decode_threads=1)

    items = await engine.read([a_text("sleep")] * 60)  # 1.2 s

    assert not any(isinstance(item, Exception) for item in items)


async def test_a_batch_is_decoded_while_another_one_runs() -> None:
    class Busy(WordsModel):
        is_running = False

        def predict_batch(self, items: list[Any]) -> list[Any]:
            self.is_running = True
            self.released.wait(5)
            return super().predict_batch(items)

    model = Busy()
    engine = engine_of(model)
    predicting = asyncio.create_task(texts(engine, "a"))
    await until(lambda: model.is_running)

    await engine.read([a_text("b")])

    assert not predicting.done()
    model.released.set()
    assert await predicting == ["a"]


async def test_threads_decode_side_by_side(model: WordsModel) -> None:
    both = threading.Barrier(2, timeout=5)

    class Together(WordsModel):
        def decode(self, given: Any) -> Any:
            both.wait()
            return super().decode(given)

    assert await texts(engine_of(Together()), "a", "b") == ["a", "b"]


async def test_a_model_of_texts_is_warmed_up_with_its_own_example(engine: Engine, model: WordsModel) -> None:
    await engine.warm_up()

    assert model.batch_sizes == [1, 8]


async def test_a_model_that_refuses_its_own_example_starts_cold() -> None:
    class Picky(WordsModel):
        spec = replace(WordsModel.spec, example=b"refuse all")

    model = Picky()

    await engine_of(model).warm_up()

    assert model.batch_sizes == []


async def test_a_model_that_fails_with_its_own_example_does_not_start() -> None:
    class Broken(WordsModel):
        spec = replace(WordsModel.spec, example=b"raise it")

    with pytest.raises(Exception, match=r"could not answer this input \(ValueError\)"):
        await engine_of(Broken()).warm_up()


def test_an_answer_in_json_is_what_the_model_said() -> None:
    engine = engine_of(WordsModel())

    [outcome] = asyncio.run(outcomes_of(engine, a_text("dict it", params=json.dumps({"factor": 0}))))

    assert outcome["output"] == {"score": 0.0, "text": "dict it"}
    assert outcome["model"] == "words.v1"
