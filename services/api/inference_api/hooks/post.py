"""Sends one POST to an endpoint and reads the head of the answer.

An HTTP library would resolve the host again after the check of its address, follow redirects, obey proxy variables, or
read an endless body.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from inference_api.hooks.addresses import is_allowed
from inference_api.hooks.endpoints import DEFAULT_PORTS, Endpoint

#: Seconds for a whole try, from the look-up of the host to the head of the answer.
DEADLINE_S = 15.0
MAX_HEAD_BYTES = 16_384
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: |\r)")
_RETRY_AFTER = re.compile(rb"\r\nretry-after:[ \t]*([^\r\n]*?)[ \t]*\r\n", re.IGNORECASE)


class NoAnswer(Exception):
    """Raised when an endpoint gives no valid answer; the client of the job may read the message."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer: its status, and its `Retry-After`, empty without one."""

    status: int
    retry_after: str


async def post(endpoint: Endpoint, headers: Mapping[str, str], body: bytes, tls: ssl.SSLContext) -> Answer:
    """Return the answer of an endpoint; raise NoAnswer if there is none within `DEADLINE_S`."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await _post(endpoint, headers, body, tls)
    except TimeoutError:
        raise NoAnswer(f"no answer within {DEADLINE_S:g} s") from None
    except ssl.SSLError as error:
        raise NoAnswer(f"TLS failed ({error.reason})") from None
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise NoAnswer(f"the connection failed ({type(error).__name__})") from None


async def _post(endpoint: Endpoint, headers: Mapping[str, str], body: bytes, tls: ssl.SSLContext) -> Answer:
    reader, writer = await _connect(endpoint, await _resolve(endpoint), tls)
    try:
        writer.write(_head(endpoint, headers, len(body)) + body)
        await writer.drain()
        while (answer := _parse(await reader.readuntil(b"\r\n\r\n"))).status < 200:
            pass  # an interim answer; the deadline ends an endless row of them
        return answer
    finally:
        writer.transport.abort()


async def _resolve(endpoint: Endpoint) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NoAnswer("its host has no address") from None
    addresses = [str(address[0]) for _, _, _, _, address in found]
    if not all(is_allowed(address, allow_private=endpoint.allow_private) for address in addresses):
        raise NoAnswer("its host has an address that is not allowed")
    return addresses


async def _connect(
    endpoint: Endpoint, addresses: list[str], tls: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    is_tls = endpoint.parts.scheme == "https"
    for number, address in enumerate(addresses, 1):
        try:
            return await asyncio.open_connection(
                address,
                endpoint.port,
                limit=MAX_HEAD_BYTES,
                ssl=tls if is_tls else None,
                server_hostname=endpoint.host if is_tls else None,  # the certificate must have this name
            )
        except OSError:
            if number == len(addresses):
                raise  # otherwise the next one may answer
    raise NoAnswer("its host has no address")


def _head(endpoint: Endpoint, headers: Mapping[str, str], length: int) -> bytes:
    parts = endpoint.parts
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    lines = {
        "Host": host if endpoint.port == DEFAULT_PORTS[parts.scheme] else f"{host}:{endpoint.port}",
        "Content-Type": "application/json",
        "Content-Length": str(length),
        "Connection": "close",
        "User-Agent": "mnist-inference-webhooks",
        **headers,
    }
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return "\r\n".join([f"POST {target} HTTP/1.1", *map(": ".join, lines.items()), "", ""]).encode("ascii")


def _parse(head: bytes) -> Answer:
    status = _STATUS.match(head)
    if status is None:
        raise NoAnswer("the answer is not HTTP/1.1")
    retry_after = _RETRY_AFTER.search(head)
    return Answer(int(status[1]), retry_after[1].decode("latin-1") if retry_after else "")
