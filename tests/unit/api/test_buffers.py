"""Bodies on their way in: all of them together are bounded, and the room is there again when they are gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from inference_api.errors import BuffersFull
from inference_api.http.buffers import Buffers
from inference_api.settings import ApiSettings
from tests.support.waiting import until, until_found
from tests.unit.api.conftest import TIMEOUT_S, Service, a_picture

CONNECTIONS = 150
BODY_BYTES = 100_000
MAX_BUFFERED_BYTES = 1_000_000
LARGE_BYTES = 30_000_000


@pytest.fixture
def settings() -> ApiSettings:
    return ApiSettings(
        port=0, operations_port=0, max_bytes=BODY_BYTES, max_buffered_bytes=MAX_BUFFERED_BYTES, max_wait_s=5
    )


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(
    service: Service, request: str, length: str = f"Content-Length: {BODY_BYTES}"
) -> AsyncIterator[Connection]:
    """Open a connection that has sent the head of a request."""
    url = service.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        writer.write(f"{request}\r\nHost: x\r\n{length}\r\n\r\n".encode())
        yield reader, writer
    finally:
        writer.close()


async def buffered_bytes(service: Service) -> int:
    text = await service.metrics()
    [line] = [line for line in text.splitlines() if line.startswith("inference_buffered_bytes ")]
    return int(float(line.split()[1]))


async def until_buffered(service: Service, byte_count: int) -> None:
    async def are_buffered() -> bool:
        return await buffered_bytes(service) == byte_count

    await until_found(are_buffered)


async def test_slow_bodies_hold_no_more_than_all_may(service: Service) -> None:
    async with asyncio.timeout(3 * TIMEOUT_S):
        waiting = [asyncio.create_task(slow_upload(service)) for _ in range(CONNECTIONS)]
        # Ten bodies fit, each a byte short of its end; every other is answered.
        refusals, seen = 0, 0
        while refusals < CONNECTIONS - 10:
            seen = max(seen, await buffered_bytes(service))
            refusals = sum(task.done() for task in waiting)
        heads = [task.result() for task in waiting if task.done()]
        await until_buffered(service, 10 * (BODY_BYTES - 1))
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        await until_buffered(service, 0)

    assert seen <= MAX_BUFFERED_BYTES
    assert all(head.startswith(b"HTTP/1.1 503 ") for head in heads)
    assert all(b"\r\nretry-after: " in head and b"\r\nconnection: close\r\n" in head for head in heads)
    assert (await service.submit()).status_code == 202


async def slow_upload(service: Service) -> bytes:
    """Send a body but for its last byte; return the head of the answer."""
    async with connected(service, "POST /classify HTTP/1.1") as (reader, writer):
        writer.write(bytes(BODY_BYTES - 1))
        return (await reader.readuntil(b"\r\n\r\n")).lower().replace(b"http/1.1", b"HTTP/1.1")


async def test_a_length_that_is_announced_holds_nothing(service: Service) -> None:
    async with connected(service, "POST /classify HTTP/1.1") as (_, writer):
        writer.write(b"x")
        await until_buffered(service, 1)


@pytest.mark.parametrize(("body", "status"), [(a_picture(), 202), (b"no picture", 415)], ids=["prepared", "refused"])
async def test_a_picture_holds_nothing_after_it_was_prepared_or_refused(
    service: Service, body: bytes, status: int
) -> None:
    submitting = asyncio.create_task(service.client.post("/classify?wait=5", content=body))
    if status == 202:
        await until(lambda: len(service.waiters))
        assert await buffered_bytes(service) == 0
        service.waiters.close()

    assert (await submitting).status_code == status
    assert await buffered_bytes(service) == 0


async def test_a_body_that_no_call_reads_is_not_kept(service: Service) -> None:
    accepted = (await service.submit()).json()["inference_id"]
    length = f"Content-Length: {LARGE_BYTES}"
    async with connected(service, f"GET /result/{accepted}?wait=5 HTTP/1.1", length) as (reader, writer):
        writer.write(bytes(LARGE_BYTES - 1))
        # More than all sockets hold: it is sent once the server has taken it.
        await asyncio.wait_for(writer.drain(), 4)
        connections: set[Any] = service.server.server_state.connections
        bodies = [one.cycle.body for one in connections]
        await service.answer(accepted)

        assert not any(bodies)
        assert (await asyncio.wait_for(reader.readline(), TIMEOUT_S)).startswith(b"HTTP/1.1 200 ")


def test_what_does_not_fit_is_not_counted() -> None:
    buffers = Buffers(max_bytes=10)

    with buffers.body("picture") as kept, buffers.body("picture") as late:
        buffers.take(kept, 10)
        kept.keep()
        with pytest.raises(BuffersFull, match="10 bytes"):
            buffers.take(late, 1)
        assert buffers.byte_count == 10

    assert buffers.byte_count == 0


def test_the_body_that_has_been_silent_for_longest_makes_room() -> None:
    buffers = Buffers(max_bytes=10)

    with buffers.body("picture") as slow, buffers.body("picture") as silent, buffers.body("picture") as late:
        buffers.take(slow, 1)
        buffers.take(silent, 4)
        buffers.take(slow, 1)
        buffers.take(late, 5)

        assert [body.is_evicted for body in (slow, silent, late)] == [False, True, False]
        assert buffers.byte_count == 7


async def test_bodies_that_never_end_keep_no_picture_out(service: Service) -> None:
    endless = [asyncio.create_task(slow_upload(service)) for _ in range(MAX_BUFFERED_BYTES // BODY_BYTES)]
    await until_buffered(service, len(endless) * (BODY_BYTES - 1))
    room = MAX_BUFFERED_BYTES - len(endless) * (BODY_BYTES - 1)
    assert room < len(a_picture())

    response = await service.submit()
    done, _ = await asyncio.wait(endless, timeout=TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)

    assert response.status_code == 202
    assert [task.result().startswith(b"HTTP/1.1 503 ") for task in done] == [True]
    for task in endless:
        task.cancel()
    await asyncio.wait(endless)


def test_the_largest_picture_must_fit() -> None:
    with pytest.raises(ValidationError, match="at least INFERENCE_MAX_BYTES \\+ 65536 = 365536"):
        ApiSettings(max_bytes=300_000, max_buffered_bytes=365_535)
