from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties

from inference_bridge.errors import InvalidMessage
from inference_bridge.jobs import Job, from_message, message_id, to_properties
from inference_bridge.kinds import File, Probabilities
from inference_bridge.spec import ModelSpec
from mnist_model.spec import SPEC

ID = "A" * 24
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
REQUEST = Job(ID, bytes(784), submitted_s=1_700_000_000, deadline_ms=1_700_000_900_000)


def on_the_wire(properties: BasicProperties) -> BasicProperties:
    return BasicProperties().decode(b"".join(properties.encode()))


@given(
    body=st.binary(min_size=784, max_size=784),
    deadline_ms=st.integers(1, 2**48),
    traceparent=st.none() | st.just(TRACE),
    has_timeline=st.booleans(),
)
def test_a_request_survives_the_wire(
    body: bytes, deadline_ms: int, traceparent: str | None, has_timeline: bool
) -> None:
    job = Job(ID, body, 1_700_000_000, deadline_ms, traceparent=traceparent, has_timeline=has_timeline)

    received = from_message(on_the_wire(to_properties(job, SPEC)), body, SPEC)

    assert received == replace(job, content_type="application/octet-stream", spec_digest=SPEC.digest)


def test_the_name_of_an_endpoint_survives_the_wire() -> None:
    received = from_message(on_the_wire(to_properties(replace(REQUEST, webhook="done"), SPEC)), REQUEST.body, SPEC)

    assert received.webhook == "done"


@pytest.mark.parametrize("name", ["", "a b", "a:b", "x" * 65, 7, None, ["done"]])
def test_a_name_that_no_endpoint_has_names_none(name: Any) -> None:
    properties = to_properties(REQUEST, SPEC)
    properties.headers = {"deadline": REQUEST.deadline_ms, "webhook": name}

    assert from_message(on_the_wire(properties), REQUEST.body, SPEC).webhook == ""


def test_a_request_is_persistent_and_says_what_it_is() -> None:
    properties = to_properties(REQUEST, SPEC)

    assert (properties.delivery_mode, properties.type, properties.message_id) == (2, "mnist.v1", ID)
    assert properties.headers == {"deadline": REQUEST.deadline_ms, "spec": SPEC.digest}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param({"message_id": None}, "not a valid inference id", id="no-id"),
        pytest.param({"message_id": "../etc/passwd"}, "not a valid inference id", id="an-id-of-another-form"),
        pytest.param({"type": "letters.v9"}, "expected 'mnist.v1'", id="another-type"),
        pytest.param({"headers": None}, "deadline", id="no-headers"),
        pytest.param({"headers": {"deadline": "soon"}}, "expected milliseconds", id="a-deadline-in-words"),
    ],
)
def test_a_strangers_message_is_refused_by_name(change: dict[str, object], problem: str) -> None:
    properties = to_properties(REQUEST, SPEC)
    for name, value in change.items():
        setattr(properties, name, value)

    with pytest.raises(InvalidMessage, match=problem):
        from_message(properties, REQUEST.body, SPEC)


@pytest.mark.parametrize("length", [0, 783, 785])
def test_a_body_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(InvalidMessage, match="expected 784"):
        from_message(to_properties(REQUEST, SPEC), bytes(length), SPEC)


VOICE = ModelSpec("voice", 1, takes=File(("audio/wav", "audio/flac"), 10), answers=Probabilities(2))


def test_a_file_travels_with_its_type_and_its_parameters() -> None:
    job = Job(ID, b"RIFF", 1, 2, content_type="audio/flac", params='{"threshold":0.5}')

    received = from_message(on_the_wire(to_properties(job, VOICE)), job.body, VOICE)

    assert (received.content_type, received.params) == ("audio/flac", '{"threshold":0.5}')


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param({"content_type": "audio/mpeg"}, "expected 'audio/wav' or 'audio/flac'", id="another-type-of-file"),
        pytest.param({"headers": {"deadline": 1, "params": "x" * 4_097}}, "at most 4096 bytes", id="endless-params"),
        pytest.param({"headers": {"deadline": 1, "params": 7}}, "expected a text", id="params-that-are-a-number"),
    ],
)
def test_a_file_of_a_stranger_is_refused_by_name(change: dict[str, object], problem: str) -> None:
    properties = to_properties(Job(ID, b"RIFF", 1, 2), VOICE)
    for name, value in change.items():
        setattr(properties, name, value)

    with pytest.raises(InvalidMessage, match=problem):
        from_message(properties, b"RIFF", VOICE)


@pytest.mark.parametrize("length", [0, 11])
def test_a_file_of_a_length_out_of_bounds_is_refused(length: int) -> None:
    with pytest.raises(InvalidMessage, match="expected 1 to 10"):
        from_message(to_properties(Job(ID, b"", 1, 2), VOICE), bytes(length), VOICE)


def test_an_odd_traceparent_is_dropped_not_refused() -> None:
    properties = to_properties(REQUEST, SPEC)
    properties.headers = {"deadline": 1, "traceparent": {"not": "text"}}

    assert from_message(properties, REQUEST.body, SPEC).traceparent is None


@pytest.mark.parametrize(
    "traceparent",
    [
        pytest.param(TRACE + "0" * 30_000, id="endless"),
        pytest.param(TRACE.upper(), id="upper-case"),
        pytest.param("00-trace", id="short"),
        pytest.param("ünicode", id="unicode"),
    ],
)
def test_a_traceparent_that_is_not_well_formed_travels_in_neither_direction(traceparent: str) -> None:
    """The API does not send it, and the worker does not read it."""
    sent = to_properties(Job(ID, REQUEST.body, 1, 2, traceparent=traceparent), SPEC)
    received = to_properties(REQUEST, SPEC)
    received.headers = {"deadline": 2, "traceparent": traceparent}

    assert sent.headers is not None
    assert "traceparent" not in sent.headers
    assert from_message(received, REQUEST.body, SPEC).traceparent is None


def test_only_a_well_formed_id_counts() -> None:
    assert message_id(BasicProperties(message_id=ID)) == ID
    assert message_id(BasicProperties(message_id="short")) is None
