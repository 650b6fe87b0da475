"""Messages that pika cannot decode arrive all the same, as messages without properties."""

import struct

import pytest
from pika import BasicProperties, frame, spec
from pika.exceptions import InvalidFrameError

from inference_bridge.rabbitmq import corked
from inference_bridge.rabbitmq.corked import CorkedConnection
from inference_bridge.rabbitmq.frames import read_frame
from tests.support.tables import TOO_LATE, field, nested
from tests.unit.bridge.conversation import converse


def header_frame(headers: bytes, body_bytes: int = 5) -> bytes:
    """Return a content header frame with a table of headers that is encoded already."""
    flags = struct.pack(">H", BasicProperties.FLAG_HEADERS)
    table = struct.pack(">I", len(headers)) + headers
    payload = struct.pack(">HHQ", spec.Basic.INDEX, 0, body_bytes) + flags + table
    return struct.pack(">BHL", spec.FRAME_HEADER, 7, len(payload)) + payload + bytes([spec.FRAME_END])


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(TOO_LATE, id="a-moment-after-the-year-9999"),
        pytest.param(nested(10_000), id="tables-in-tables"),
        pytest.param(field("a", b"?", b""), id="an-unknown-type"),
        pytest.param(field("a", b"d", struct.pack(">d", float("nan"))), id="no-number"),
    ],
)
def test_a_message_with_headers_that_pika_fails_on_arrives_without_properties(headers: bytes) -> None:
    """Its length is known all the same, so that the next frame can be read."""
    data = header_frame(headers)

    consumed_bytes, read = read_frame(data + b"the next frame")

    assert consumed_bytes == len(data)
    assert isinstance(read, frame.Header)
    assert (read.channel_number, read.body_size, vars(read.properties)) == (7, 5, vars(BasicProperties(headers={})))


def test_a_sound_frame_is_read_as_pika_reads_it() -> None:
    _, read = read_frame(header_frame(field("a", b"I", struct.pack(">i", 9))))

    assert isinstance(read, frame.Header)
    assert read.properties.headers == {"a": 9}


def test_a_frame_that_is_not_complete_yet_is_waited_for() -> None:
    assert read_frame(header_frame(TOO_LATE)[:-1]) == (0, None)


def test_a_frame_without_its_end_is_an_error() -> None:
    with pytest.raises(InvalidFrameError):
        read_frame(header_frame(TOO_LATE)[:-1] + b"x")


async def test_pika_reads_its_frames_by_the_hook_that_we_override(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    def note(data: bytes) -> tuple[int, None]:
        seen.append(data)
        return 0, None

    monkeypatch.setattr(corked, "read_frame", note)

    await converse(CorkedConnection, [b"a frame"])

    assert b"".join(seen) == b"a frame"
