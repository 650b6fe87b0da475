"""The promises of a spec, and the file that it is written to."""

import json
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from inference_bridge.kinds import Bytes, File, Json, Picture, Probabilities, Tensor, Text
from inference_bridge.spec import ModelSpec, from_json, to_json
from tests.support.specs import ANSWER, INPUT, small_spec


class Unit(StrEnum):
    SECONDS = "s"
    SAMPLES = "samples"


class Params(BaseModel):
    threshold: float = Field(default=0.5, ge=0, le=1)
    unit: Unit = Unit.SECONDS
    top_k: int | None = None


class Segments(BaseModel):
    starts_s: list[float]


KINDS_OF_INPUT = [Picture(8, 4), Tensor("float32", (2, 3)), Text(10), Json(Segments), File(("audio/wav",), 99)]
KINDS_OF_ANSWER = [Probabilities(7), Json(Segments), Bytes("image/png")]


@pytest.mark.parametrize("takes", KINDS_OF_INPUT, ids=lambda kind: kind.kind)
@pytest.mark.parametrize("answers", KINDS_OF_ANSWER, ids=lambda kind: kind.kind)
def test_a_spec_file_holds_the_whole_spec(takes: Picture, answers: Json) -> None:
    spec = ModelSpec("voice", 2, takes=takes, answers=answers, params=Params, example=b"\x00\xff")

    read = from_json(to_json(spec))

    assert to_json(read) == to_json(spec)
    assert (read.digest, read.example, read.params_schema) == (spec.digest, spec.example, spec.params_schema)


def test_a_spec_file_says_what_the_chart_needs() -> None:
    written = json.loads(to_json(ModelSpec("voice", 2, takes=Text(10), answers=ANSWER)))

    assert (written["queue_prefix"], written["max_body_bytes"]) == ("voice.v2", 40)


def test_the_digest_changes_with_all_but_the_example() -> None:
    spec = small_spec("a")
    others = [
        ModelSpec("b", 1, takes=INPUT, answers=ANSWER),
        ModelSpec("a", 2, takes=INPUT, answers=ANSWER),
        ModelSpec("a", 1, takes=Tensor("uint8", (4,)), answers=ANSWER),
        ModelSpec("a", 1, takes=INPUT, answers=Probabilities(4)),
        ModelSpec("a", 1, takes=INPUT, answers=ANSWER, params=Params),
    ]

    assert len({spec.digest, *(other.digest for other in others)}) == 6
    assert ModelSpec("a", 1, takes=INPUT, answers=ANSWER, example=b"other").digest == spec.digest


def test_each_version_after_the_first_has_queues_of_its_own() -> None:
    prefixes = [ModelSpec("voice", version, takes=INPUT, answers=ANSWER).queue_prefix for version in (1, 2, 3)]

    assert prefixes == ["voice", "voice.v2", "voice.v3"]


@pytest.mark.parametrize("name", ["", "Voice", "-voice", "voice-", "voice.v2", "v" * 31, "*", "a_b", "9lives"])
def test_a_name_that_cannot_be_part_of_a_queues_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid name of a model"):
        ModelSpec(name, 1, takes=INPUT, answers=ANSWER)


def test_an_example_that_is_a_text_is_refused() -> None:
    with pytest.raises(ValueError, match="the example is a str; write b'…'"):
        ModelSpec("voice", 1, takes=Text(10), answers=ANSWER, example="text")  # type: ignore[arg-type]


def test_a_limit_of_an_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="max_bytes is for inputs"):
        ModelSpec("voice", 1, takes=INPUT, answers=Json(Segments, max_bytes=100))


def test_an_input_larger_than_a_message_is_refused() -> None:
    with pytest.raises(ValueError, match="up to 48000000 bytes, but a message holds 8388608; take a File"):
        ModelSpec("video", 1, takes=Tensor("float32", (3, 2_000, 2_000)), answers=ANSWER)


def test_a_type_of_file_that_the_api_cannot_recognise_is_refused() -> None:
    with pytest.raises(ValueError, match="does not recognise 'audio/x'; it knows application/pdf"):
        File(("audio/x",))


class Nested(BaseModel):
    inner: Params


class Reserved(BaseModel):
    wait: int = 1


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        (Nested, "'inner' is not a text, number, boolean or enum"),
        (Segments, "'starts_s'"),
        (Reserved, "'wait' belongs"),
    ],
)
def test_parameters_that_cannot_be_query_parameters_are_refused(params: type[BaseModel], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        ModelSpec("voice", 1, takes=INPUT, answers=ANSWER, params=params)


@given(st.binary(max_size=300))
def test_what_is_no_spec_file_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        from_json(text)
