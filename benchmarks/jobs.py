"""Runs one job as a client: submits a picture and waits for the result in one of three ways."""

import asyncio
from enum import StrEnum
from typing import Any

from tests.support.client import Connection

POLL_S = 0.02


class Waiting(StrEnum):
    """The ways to wait for a result."""

    #: one call: the submission is answered with the result
    PREFER = "prefer wait"
    #: two calls: the second is held until the result is there
    LONG_POLL = "long poll"
    #: two calls or more: the second is repeated every 20 ms
    POLL = "poll 20 ms"


async def submit(connection: Connection, body: bytes, *, wait_s: int = 0, path: str = "/classify") -> Any:
    """Submit an input as a raw body; return the JSON of the answer: the result, if it came within `wait_s`."""
    prefer = b"Prefer: wait=%d\r\n" % wait_s if wait_s else b""
    answer = await connection.request(f"POST {path} HTTP/1.1\r\n".encode() + prefer, body)
    if answer.status not in {200, 202}:
        raise RuntimeError(f"POST {path} answered {answer.status}: {answer.body!r}")
    return answer.json()


async def fetch(connection: Connection, inference_id: str, *, wait_s: int = 0, path: str = "/result") -> Any:
    """Fetch a result; return the JSON of the answer, pending or not."""
    query = f"?wait={wait_s}" if wait_s else ""
    answer = await connection.request(f"GET {path}/{inference_id}{query} HTTP/1.1\r\n".encode())
    if answer.status != 200:
        raise RuntimeError(f"GET {path} answered {answer.status}: {answer.body!r}")
    return answer.json()


async def run_job(connection: Connection, picture: bytes, waiting: Waiting) -> None:
    """Submit a picture and return when its result has arrived."""
    answer = await submit(connection, picture, wait_s=20 if waiting is Waiting.PREFER else 0)
    while answer["status"] == "pending":
        if waiting is Waiting.POLL:
            await asyncio.sleep(POLL_S)
        answer = await fetch(connection, answer["inference_id"], wait_s=0 if waiting is Waiting.POLL else 20)
    if answer["status"] != "succeeded":
        raise RuntimeError(f"a job ended {answer}")
