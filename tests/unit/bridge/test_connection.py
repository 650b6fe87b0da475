"""The one private hook of pika that we use: a change in pika must fail here, not in production."""

import asyncio
from pathlib import Path
from urllib.parse import quote

from pika.adapters.asyncio_connection import AsyncioConnection

from inference_bridge.rabbitmq.corked import CorkedConnection
from inference_bridge.rabbitmq.parameters import HEARTBEAT_S, connection_parameters
from tests.support.certificates import Authority


async def handshake(connection_class: type[AsyncioConnection]) -> list[bytes]:
    """Return what a connection writes first to a server that never answers, chunk by chunk."""
    received: list[bytes] = []
    arrived = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(100))
        arrived.set()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    lost: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    connection = connection_class(
        connection_parameters(f"amqp://127.0.0.1:{port}", name="test"),
        on_open_error_callback=lambda _, error: lost.set_result(error),
    )
    async with asyncio.timeout(5):
        await arrived.wait()
        await lost
    server.close()
    assert connection.is_closed
    return received


async def test_a_corked_connection_writes_what_pika_writes() -> None:
    assert await handshake(CorkedConnection) == await handshake(AsyncioConnection) == [b"AMQP\x00\x00\x09\x01"]


async def test_frames_of_one_turn_of_the_loop_leave_in_one_write() -> None:
    written: list[bytes] = []
    connection = CorkedConnection.__new__(CorkedConnection)
    connection._corked, connection.bytes_sent, connection.frames_sent = [], 0, 0  # type: ignore[attr-defined]
    connection.connection_state = connection.CONNECTION_OPEN
    connection._adapter_emit_data = written.append  # type: ignore[attr-defined]

    connection._output_marshaled_frames([b"method", b"header"])
    connection._output_marshaled_frames([b"body"])
    assert written == []
    await asyncio.sleep(0)

    assert written == [b"methodheaderbody"]


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
