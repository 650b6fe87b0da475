"""Connections that no proper client makes: odd requests, and thousands that say nothing.

python -m tests.support.hostile.connections --url http://127.0.0.1:8000 --count 10000
"""

import argparse
import asyncio
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import httpx

from tests.support.pictures import encoded, sample

TIMEOUT_S = 10.0
#: File descriptors that this process needs for itself.
SPARE_FILES = 200

_HOST = b"Host: x\r\n"
_GET = b"GET /healthz HTTP/1.1\r\n" + _HOST
_POST = b"POST /classify HTTP/1.1\r\n" + _HOST
_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"

#: Requests that are wrong or at least odd, and complete: each gets an answer or a closed connection.
ODD_REQUESTS: dict[str, bytes] = {
    "zero bytes": bytes(1_000) + b"\r\n\r\n",
    "binary garbage": bytes(range(256)) * 4 + b"\r\n\r\n",
    "TLS on a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(512),
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/1.0": b"GET /healthz HTTP/1.0\r\n\r\n",
    "HTTP/1.0 with a body": b"POST /classify HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/7.3": b"GET / HTTP/7.3\r\n" + _HOST + b"\r\n",
    "unknown method": b"FETCH /healthz HTTP/1.1\r\n" + _HOST + b"\r\n",
    "method in lower case": b"get /healthz HTTP/1.1\r\n" + _HOST + b"\r\n",
    "wrong method": b"DELETE /classify HTTP/1.1\r\n" + _HOST + b"\r\n",
    "CONNECT": b"CONNECT example.com:443 HTTP/1.1\r\n" + _HOST + b"\r\n",
    "TRACE": b"TRACE /healthz HTTP/1.1\r\n" + _HOST + b"\r\n",
    "OPTIONS *": b"OPTIONS * HTTP/1.1\r\n" + _HOST + b"\r\n",
    "absolute address": b"GET http://x/healthz HTTP/1.1\r\n" + _HOST + b"\r\n",
    "absolute address without a path": b"GET http://x HTTP/1.1\r\n" + _HOST + b"\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "NUL in the path": b"GET /health\0z HTTP/1.1\r\n" + _HOST + b"\r\n",
    "NUL in a header": _GET + b"A: b\0c\r\n\r\n",
    "bytes above 127 in the path": b"GET /\xff\xfe HTTP/1.1\r\n" + _HOST + b"\r\n",
    "encoded NUL and rubbish in the path": b"GET /result/%00%ff%zz%2e%2e%2f HTTP/1.1\r\n" + _HOST + b"\r\n",
    "long path": b"GET /result/" + b"a" * 30_000 + b" HTTP/1.1\r\n" + _HOST + b"\r\n",
    "long query": b"GET /result/x?wait=" + b"9" * 30_000 + b" HTTP/1.1\r\n" + _HOST + b"\r\n",
    "path above the limit": b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\n" + _HOST + b"\r\n",
    "header above the limit": _GET + b"A: " + b"a" * 60_000 + b"\r\n\r\n",
    "too many headers": _GET + b"A: b\r\n" * 3_000 + b"\r\n",
    "header without a colon": _GET + b"nonsense\r\n\r\n",
    "space before a colon": _GET + b"A : b\r\n\r\n",
    "folded header": _GET + b"A: b\r\n c\r\n\r\n",
    "header without a name": _GET + b": b\r\n\r\n",
    "bytes above 127 in a key": _POST + b"Idempotency-Key: \xff\xfe\r\nContent-Length: 1\r\n\r\na",
    "negative length": _POST + b"Content-Length: -1\r\n\r\n",
    "length with a sign": _POST + b"Content-Length: +1\r\n\r\na",
    "length that is not a number": _POST + b"Content-Length: many\r\n\r\n",
    "length beyond all bounds": _POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "length of terabytes": _POST + b"Content-Length: 9999999999999\r\n\r\nabc",
    "two lengths": _POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "the same length twice": _POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "length too short": _POST + b"Content-Length: 1\r\n\r\nabcdef\r\n\r\n",
    "length and chunks": _POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "unknown encoding": _POST + b"Transfer-Encoding: gzip\r\n\r\nabc",
    "chunked twice": _POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "chunk size that is not a number": _CHUNKED + b"zz\r\na\r\n0\r\n\r\n",
    "negative chunk size": _CHUNKED + b"-1\r\na\r\n0\r\n\r\n",
    "chunk size beyond all bounds": _CHUNKED + b"f" * 20 + b"\r\na\r\n0\r\n\r\n",
    "chunk without an end": _CHUNKED + b"1\r\nabc\r\n0\r\n\r\n",
    "100-continue": _POST + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\na",
    "unknown expectation": _POST + b"Expect: wonders\r\nContent-Length: 1\r\n\r\na",
    "upgrade to websocket": _GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: YQ==\r\n\r\n",
    "upgrade to h2c": _GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
    "garbage behind a request": _GET + b"\r\n" + bytes(range(256)) + b"\r\n\r\n",
    "form without a boundary": _POST + b"Content-Type: multipart/form-data\r\nContent-Length: 1\r\n\r\na",
    "form with an odd boundary": _POST
    + b'Content-Type: multipart/form-data; boundary="\\\xff;"\r\nContent-Length: 1\r\n\r\na',
    "form with a long boundary": _POST
    + b"Content-Type: multipart/form-data; boundary="
    + b"a" * 20_000
    + b"\r\nContent-Length: 1\r\n\r\na",
}
#: Requests that end before they are complete: the connection is closed.
BROKEN_OFF: dict[str, bytes] = {
    "nothing": b"",
    "half a head": _GET,
    "half a word": b"GE",
    "length too long": _POST + b"Content-Length: 1000\r\n\r\nabc",
    "half a chunk": _CHUNKED + b"ff\r\nabc",
    "no last chunk": _CHUNKED + b"1\r\na\r\n",
    "half a trailer": _CHUNKED + b"1\r\na\r\n0\r\nA: b",
}


@dataclass
class Outcome:
    """The fate of a picture while many connections were open.

    Attributes:
        connections: how many were open at once.
        slowest_s: longest time to an answer while they were, seconds.
        crashes: events that must not happen, one sentence each.
    """

    connections: int = 0
    slowest_s: float = 0.0
    crashes: list[str] = field(default_factory=list)


async def status_of(url: str, request: bytes, *, is_broken_off: bool = False) -> int:
    """Send bytes; return the final status that comes back, 0 for a connection that was closed without.

    Raises:
        TimeoutError: neither came within `TIMEOUT_S`.
    """
    address = httpx.URL(url)
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection(address.host, address.port)
        try:
            writer.write(request)
            if is_broken_off:
                writer.write_eof()
            while (line := await reader.readline()) and line.startswith(b"HTTP/1.1 100"):
                await reader.readline()
        except ConnectionError:
            return 0
        finally:
            writer.close()
    return int(line.split()[1]) if line else 0


async def odd_statuses(url: str) -> dict[str, int]:
    """Send every odd request; return the status of each by its name."""
    statuses = {name: await status_of(url, request) for name, request in ODD_REQUESTS.items()}
    broken_off = {name: await status_of(url, part, is_broken_off=True) for name, part in BROKEN_OFF.items()}
    return statuses | broken_off


@contextmanager
def idle_connections(url: str, count: int, first_bytes: bytes = b"") -> Iterator[int]:
    """Hold `count` connections open, or as many as this process may; yield how many.

    Args:
        url: the API's address.
        count: connections wanted.
        first_bytes: the words of each before it falls silent.
    """
    address = httpx.URL(url)
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FILES
    with ExitStack() as stack:
        for _ in range(min(count, allowed)):
            client = stack.enter_context(socket.create_connection((address.host, address.port or 80), TIMEOUT_S))
            client.sendall(first_bytes)
        yield min(count, allowed)


def hold_connections(url: str, count: int, *, pictures: int = 20, headers: dict[str, str] | None = None) -> Outcome:
    """Hold connections open, a half of them with half a head, and send pictures meanwhile.

    Args:
        url: the API's address.
        count: connections to hold open.
        pictures: to send meanwhile, one after the other.
        headers: of those, such as an API key.
    """
    outcome = Outcome()
    picture = encoded(sample("three"))
    with (
        idle_connections(url, count // 2) as silent,
        idle_connections(url, count - count // 2, b"GET /healthz HTTP/1.1\r\nHo") as halting,
        httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S) as client,
    ):
        outcome.connections = silent + halting
        for _ in range(pictures):
            started_s = time.perf_counter()
            try:
                status = client.post("/classify", content=picture).status_code
            except httpx.TransportError as error:
                outcome.crashes.append(f"a picture beside {outcome.connections} connections got no answer: {error!r}")
                continue
            outcome.slowest_s = max(outcome.slowest_s, time.perf_counter() - started_s)
            if status not in (200, 202):
                outcome.crashes.append(f"a picture beside {outcome.connections} connections was answered {status}")
    return outcome


def main() -> None:
    """Run from the command line and print the outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--count", type=int, default=10_000)
    arguments = parser.parse_args()
    print(hold_connections(arguments.url, arguments.count))  # noqa: T201


if __name__ == "__main__":
    main()
