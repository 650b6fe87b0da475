"""A background task that ends by itself is noticed: the process says so and ends, so that it is started again."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from inference_api.background import Background
from inference_api.health import health_routes
from tests.support.waiting import until
from tests.unit.api.conftest import TIMEOUT_S, Service

# The API as it is started, with a defect put in; it connects to nothing before that strikes.
PROGRAM = """
from inference_api import waiters
from inference_api.__main__ import main

async def run(*_):
    raise ValueError("a defect")

waiters.Waiters.run = run
main()
"""


async def break_down(*_: object) -> None:
    raise ValueError("a defect")


async def test_a_defect_in_what_hears_of_results_ends_the_server(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("inference_api.clients.allowances.Allowances.on_notification", break_down)

    await service.answer("A" * 24)
    await asyncio.wait_for(asyncio.shield(service.serving), TIMEOUT_S)

    [record] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)
    assert service.server.exit_status == 70


async def test_a_call_that_waits_is_answered_before_the_server_ends(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = asyncio.create_task(service.submit(Prefer="wait=5"))
    await until(lambda: len(service.waiters))
    monkeypatch.setattr("inference_api.clients.allowances.Allowances.on_notification", break_down)

    await service.answer("A" * 24)

    assert (await asyncio.wait_for(waiting, 3)).status_code == 202


async def test_a_stop_that_was_asked_for_is_no_failure(service: Service) -> None:
    service.server.should_exit = True
    await asyncio.wait_for(asyncio.shield(service.serving), TIMEOUT_S)

    assert service.server.exit_status == 0


async def returns_at_once() -> None:
    pass


@pytest.mark.parametrize("work", [break_down, returns_at_once])
async def test_liveness_fails_once_a_task_has_ended(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    background, app = Background(), FastAPI()
    app.router.routes.extend(health_routes([], background))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        before = await client.get("/healthz")

        background.start("work", work())
        await until(lambda: background.has_failed, every_s=0)

        assert (before.status_code, (await client.get("/healthz")).status_code) == (200, 503)
    await background.stop()


def test_the_process_ends_with_a_status_of_its_own() -> None:
    environment = {
        **os.environ,
        "INFERENCE_MODELS": "mnist_model.spec:SPEC",
        "INFERENCE_PORT": "0",
        "INFERENCE_OPERATIONS_PORT": "0",
        "INFERENCE_TICKET_KEY": "0123456789abcdef",
        "INFERENCE_AMQP_URL": "amqp://127.0.0.1:1/",
    }

    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 70, ended.stdout
    assert '"level": "critical"' in ended.stdout
