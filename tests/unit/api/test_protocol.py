"""The HTTP server's bounds before there is a request: the size and the time of a head, idle and odd connections."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from inference_api.http import protocol, uploads
from inference_api.http.protocol import MAX_HEAD_BYTES, MAX_HEADERS, MAX_PIPELINED, BoundedProtocol
from inference_api.settings import ApiSettings
from tests.support.waiting import until
from tests.unit.api.conftest import TIMEOUT_S, Service

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
UPLOAD = b"POST /classify HTTP/1.1\r\nHost: x\r\n"
SHORT_S = 0.2


@dataclass
class Connection:
    """A socket to the API."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """Everything the API still says, up to the end of the connection."""
        answer = b""
        # A reset hides only what has not been read by then.
        with suppress(ConnectionResetError):
            while piece := await asyncio.wait_for(self.reader.read(4_096), TIMEOUT_S):
                answer += piece
        return answer

    async def status(self) -> int:
        """The status of the next answer, whose body is read too."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), TIMEOUT_S)
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        await asyncio.wait_for(self.reader.readexactly(int(fields[b"content-length"])), TIMEOUT_S)
        return int(head.split()[1])


@asynccontextmanager
async def connected(service: Service) -> AsyncIterator[Connection]:
    host, port = service.client.base_url.host, service.client.base_url.port
    connection = Connection(*await asyncio.open_connection(host, port))
    try:
        yield connection
    finally:
        connection.writer.close()


async def answer_to(service: Service, *pieces: bytes) -> tuple[int, bytes]:
    """The status and the body of what a connection gets that ends with it; 0 for no answer."""
    async with connected(service) as connection:
        for piece in pieces:
            await connection.send(piece)
        head, _, body = (await connection.rest()).partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


def header(byte_count: int) -> bytes:
    return b"A: " + b"a" * byte_count + b"\r\n"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make everything time out soon."""
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", SHORT_S)
    monkeypatch.setattr(uploads, "READ_TIMEOUT_S", SHORT_S)


@pytest.fixture
def settings(settings: ApiSettings, request: pytest.FixtureRequest) -> ApiSettings:
    return settings.model_copy(update={"keep_alive_s": SHORT_S}) if "soon_idle" in request.fixturenames else settings


@pytest.fixture
def soon_idle() -> None:
    """Let connections be idle for `SHORT_S` only."""


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((HEALTH + header(MAX_HEAD_BYTES) + b"\r\n",), id="one-large-header"),
        pytest.param((HEALTH + header(1_000) * 40 + b"\r\n",), id="many-headers"),
        pytest.param((HEALTH + b"a: b\r\n" * MAX_HEADERS + b"\r\n",), id="too-many-small-headers"),
        pytest.param((b"GET /" + b"a" * MAX_HEAD_BYTES + b" HTTP/1.1\r\n\r\n",), id="long-path"),
        pytest.param((HEALTH + b"A: ", *[b"a" * 1_000] * 40), id="header-without-an-end"),
        pytest.param(tuple([b"\r\n" * 1_000] * 40), id="empty-lines-without-an-end"),
        pytest.param(
            (UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", *[b"a: b\r\n" * 50] * 10), id="trailers"
        ),
        pytest.param(
            (UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n1;", *[b"a" * 1_000] * 40), id="endless-chunk-extension"
        ),
    ],
)
async def test_a_head_that_is_too_large_is_answered_431(service: Service, pieces: tuple[bytes, ...]) -> None:
    status, body = await answer_to(service, *pieces)

    assert status == 431
    assert json.loads(body)["code"] == "head_too_large"
    assert (await service.client.get("/healthz")).status_code == 200


async def test_a_head_just_within_the_limit_is_served(service: Service) -> None:
    async with connected(service) as connection:
        await connection.send(HEALTH + header(MAX_HEAD_BYTES - 200) + b"\r\n")
        assert await connection.status() == 200


async def test_each_request_of_a_connection_has_a_limit_of_its_own(service: Service) -> None:
    async with connected(service) as connection:
        for _ in range(4):
            await connection.send(HEALTH + header(MAX_HEAD_BYTES // 2) + b"\r\n")
            assert await connection.status() == 200


async def test_a_body_does_not_count_as_head(service: Service) -> None:
    picture = b"a" * 2 * MAX_HEAD_BYTES
    async with connected(service) as connection:
        await connection.send(UPLOAD + b"Content-Length: %d\r\n\r\n" % len(picture) + picture)
        assert await connection.status() == 415
        await connection.send(HEALTH + b"\r\n")
        assert await connection.status() == 200


@pytest.mark.usefixtures("short")
async def test_a_slow_head_is_answered_408(service: Service) -> None:
    async with connected(service) as connection:
        await connection.send(HEALTH)
        drip = asyncio.create_task(dripped(connection))
        answer = await connection.rest()
        drip.cancel()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 0.2 s" in answer


async def dripped(connection: Connection) -> None:
    while True:
        await connection.send(b"a")
        await asyncio.sleep(SHORT_S / 10)


@pytest.mark.usefixtures("short")
async def test_a_slow_body_is_answered_408(service: Service) -> None:
    async with connected(service) as connection:
        await connection.send(UPLOAD + b"Content-Length: 1000\r\n\r\n")
        drip = asyncio.create_task(dripped(connection))
        answer = await connection.rest()
        drip.cancel()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"the body did not arrive" in answer


@pytest.mark.usefixtures("short")
async def test_a_second_head_is_timed_too(service: Service) -> None:
    async with connected(service) as connection:
        await connection.send(HEALTH + b"\r\n" + HEALTH)
        assert await connection.status() == 200
        assert (await connection.rest()).startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("short")
async def test_a_slow_second_head_does_not_cost_the_first_answer(service: Service) -> None:
    accepted = await service.submit()
    async with connected(service) as connection:
        await connection.send(
            b"GET %b?wait=1 HTTP/1.1\r\nHost: x\r\n\r\nGET /heal" % accepted.headers["location"].encode()
        )
        answer = await connection.rest()

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.usefixtures("short")
async def test_a_body_that_goes_on_after_its_answer_ends_the_connection(service: Service) -> None:
    async with connected(service) as connection:
        await connection.send(b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        assert await connection.status() == 404
        drip = asyncio.create_task(dripped(connection))
        assert await connection.rest() == b""
        drip.cancel()


@pytest.mark.usefixtures("soon_idle")
async def test_a_connection_that_never_says_anything_is_closed_without_a_word(service: Service) -> None:
    async with connected(service) as connection:
        assert await connection.rest() == b""


@pytest.mark.usefixtures("soon_idle")
async def test_a_connection_is_closed_when_it_has_been_idle_for_as_long_as_the_setting_says(service: Service) -> None:
    async with connected(service) as connection:
        await connection.send(HEALTH + b"\r\n")
        assert await connection.status() == 200
        assert await connection.rest() == b""


@pytest.mark.usefixtures("soon_idle")
async def test_a_connection_is_closed_too_when_its_body_ended_after_its_answer(service: Service) -> None:
    async with connected(service) as connection:
        await connection.send(b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        assert await connection.status() == 404
        await connection.send(b"cd")
        assert await connection.rest() == b""


async def test_too_many_requests_ahead_of_their_answers_are_refused(service: Service) -> None:
    accepted = await service.submit()
    waiting = b"GET %b?wait=5 HTTP/1.1\r\nHost: x\r\n\r\n" % accepted.headers["location"].encode()

    status, body = await answer_to(service, waiting * (MAX_PIPELINED + 10))

    assert status == 400
    assert json.loads(body)["detail"].startswith(f"the connection has more than {MAX_PIPELINED} requests waiting")


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
async def test_an_upgrade_is_answered_as_if_it_had_not_been_offered(service: Service, upgrade: bytes) -> None:
    request = HEALTH + b"Connection: Upgrade\r\nUpgrade: " + upgrade + b"\r\n\r\n"
    async with connected(service) as connection:
        await connection.send(request + HEALTH + b"\r\n")
        assert [await connection.status(), await connection.status()] == [200, 200]


async def test_an_upload_that_is_broken_off_is_no_defect(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        async with connected(service) as connection:
            await connection.send(UPLOAD + b"Content-Length: 1000\r\n\r\nabc")
            connection.writer.write_eof()
            assert await connection.rest() == b""
        await service.client.get("/healthz")

    assert caplog.records == []


#: uvicorn's own methods that the bounds hang on; they are not public.
HOOKS = sorted(set(vars(BoundedProtocol)) & set(vars(HttpToolsProtocol)) - {"__doc__", "__module__", "__init__"})


async def test_uvicorn_still_calls_what_the_bounds_hang_on(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    called: set[str] = set()
    for name in HOOKS:
        monkeypatch.setattr(BoundedProtocol, name, noted(name, called))

    async with connected(service) as connection:
        await connection.send(UPLOAD + b"Content-Length: 1\r\n\r\na")
        assert await connection.status() == 415
        await connection.send(b"no request\r\n\r\n")
        await connection.rest()
    await service.client.get("/healthz")

    assert len(HOOKS) == 12
    await until(lambda: sorted(called) == HOOKS)


def noted(name: str, called: set[str]) -> Callable[..., Any]:
    """The method, which notes its name in `called` when it is called."""
    method = getattr(BoundedProtocol, name)

    def note(*arguments: Any) -> Any:
        called.add(name)
        return method(*arguments)

    return note
