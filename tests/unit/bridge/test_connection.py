"""The private hooks of pika that we use: a change in pika must fail here, not in production."""

import socket
from pathlib import Path
from urllib.parse import quote

import pytest
from pika import spec
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.frame import Method, decode_frame

from inference_bridge.rabbitmq.corked import READ_BYTES, CorkedConnection
from inference_bridge.rabbitmq.parameters import HEARTBEAT_S, connection_parameters
from tests.support.certificates import Authority
from tests.unit.bridge.conversation import converse

#: The server's half of the opening: pika answers the second message with two frames in one turn of the loop.
OPENING = [
    Method(0, spec.Connection.Start(server_properties={}, mechanisms="PLAIN", locales="en_US")).marshal(),
    Method(0, spec.Connection.Tune(channel_max=1, frame_max=131_072, heartbeat=0)).marshal(),
]


async def test_a_corked_connection_writes_what_pika_writes() -> None:
    corked, plain = await converse(CorkedConnection, OPENING), await converse(AsyncioConnection, OPENING)

    assert corked == plain
    assert corked[0] == b"AMQP\x00\x00\x09\x01"


async def test_frames_of_one_turn_of_the_loop_leave_in_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    send = socket.socket.send

    def send_and_note(client: socket.socket, data: bytes) -> int:
        if client.family == socket.AF_INET and data not in OPENING:  # neither the loop's own nor the server's
            sent.append(bytes(data))
        return send(client, data)

    monkeypatch.setattr(socket.socket, "send", send_and_note)

    received = await converse(CorkedConnection, OPENING)

    assert sent == received
    assert decode_frame(sent[-1])[0] < len(sent[-1]), "the last write is one frame alone"


async def test_a_connection_reads_large_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[int] = set()
    recv = socket.socket.recv

    def recv_and_note(client: socket.socket, most_bytes: int) -> bytes:
        if client.family == socket.AF_INET:  # not the loop's own
            asked.add(most_bytes)
        return recv(client, most_bytes)

    monkeypatch.setattr(socket.socket, "recv", recv_and_note)

    await converse(CorkedConnection, OPENING)

    assert READ_BYTES in asked
    assert 4_096 not in asked, "pika's own size, for which a body of 150 KB is 37 reads"


def test_the_parameters_are_ours_whatever_the_url_leaves_open() -> None:
    parameters = connection_parameters("amqp://user:word@host:5673/vhost", name="mnist api")

    assert (parameters.host, parameters.port, parameters.virtual_host) == ("host", 5673, "vhost")
    assert parameters.heartbeat == HEARTBEAT_S
    assert parameters.blocked_connection_timeout is None
    assert parameters.tcp_options == {"TCP_USER_TIMEOUT": 20_000}


def test_a_tls_url_verifies_the_broker() -> None:
    options = connection_parameters("amqps://host", name="mnist api").ssl_options

    assert options is not None
    assert options.context.check_hostname


def test_a_ca_of_ones_own_replaces_the_systems(tmp_path: Path) -> None:
    ca_file = Authority(tmp_path / "a place").create().file

    url = f"amqps://host/v%2Fh?cacertfile={quote(str(ca_file))}&locale=de"

    parameters = connection_parameters(url, name="mnist api")

    assert parameters.ssl_options is not None
    assert parameters.ssl_options.server_hostname == "host"
    assert len(parameters.ssl_options.context.get_ca_certs()) == 1
    assert parameters.ssl_options.context.check_hostname
    assert (parameters.virtual_host, parameters.locale) == ("v/h", "de")
