"""Each process ends when it is asked to, whatever hangs in it."""

import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import System, some_pictures
from tests.support.deployment import POLL_S, ROOT, Deployment, Service
from tests.support.embedded import running_embedded
from tests.support.pictures import encoded, sample
from tests.support.servers import Process, RabbitMQ, RedisServer, free_port
from tests.support.waiting import wait_for

#: Far more than the drain takes here, far less than the hour that the hang takes.
END_TIMEOUT_S = 30.0
HANGS = {
    "INFERENCE_MODEL": "tests.support.models:HangingModel",
    "INFERENCE_DRAIN_TIMEOUT_S": "1",
    "INFERENCE_FORWARD_TIMEOUT_S": "3600",
}
HANGING_PICTURES = """
import time
import inference_api.http.server, mnist_model.prepare

mnist_model.prepare.begin = lambda *_, **__: lambda: time.sleep(3600)
inference_api.http.server.SHUTDOWN_TIMEOUT_S = 1
from inference_api.__main__ import main

main()
"""


@pytest.fixture
def deployment(rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(tmp_path, amqp_url=rabbitmq.url, redis_url=redis_server.url) as deployment:
        yield deployment


@pytest.fixture
async def system(deployment: Deployment) -> AsyncIterator[System]:
    api = deployment.api().wait_until_ready()
    async with httpx.AsyncClient(base_url=api.url, timeout=30) as client:
        yield System(api, [], client)


def path_of_the_tests() -> str:
    return ":".join([str(ROOT), *(entry for entry in sys.path if entry)])


def exit_status_after_sigterm(service: Service) -> int:
    service.process.send_signal(signal.SIGTERM)
    return service.process.wait(END_TIMEOUT_S)


def wait_for_log(process: Process, text: str) -> None:
    wait_for(f"{text!r} in {process.log}", lambda: text in process.log.read_text(), END_TIMEOUT_S, POLL_S)


async def test_a_worker_whose_forward_pass_hangs_hands_its_jobs_back_and_ends(
    system: System, deployment: Deployment
) -> None:
    hanging = deployment.worker(**HANGS).wait_until_ready()
    ids = await system.submit_all(some_pictures(3))
    wait_for_log(hanging.process, "model hangs")

    assert exit_status_after_sigterm(hanging) == 0

    assert "drain finished" in hanging.process.log.read_text()
    deployment.worker()
    assert {result["status"] for result in await system.results(ids)} == {"succeeded"}


def test_a_worker_whose_warm_up_hangs_ends(deployment: Deployment) -> None:
    hanging = deployment.worker(**{**HANGS, "INFERENCE_MODEL": "tests.support.models:NeverWarmModel"})
    wait_for_log(hanging.process, "model loaded")

    assert exit_status_after_sigterm(hanging) == 0


def test_a_worker_with_a_probe_that_reads_no_answer_ends(deployment: Deployment) -> None:
    worker = deployment.worker().wait_until_ready()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        probe.connect(("127.0.0.1", httpx.URL(worker.url).port))
        probe.sendall(1_000 * b"GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert probe.recv(1)

        assert exit_status_after_sigterm(worker) == 0


def test_an_api_with_a_picture_that_hangs_ends(rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path: Path) -> None:
    environment = {
        "INFERENCE_AMQP_URL": rabbitmq.url,
        "INFERENCE_REDIS_URL": redis_server.url,
        "INFERENCE_TICKET_KEY": "a key for the tests only",
        "INFERENCE_QUEUE_SETTLE_S": "0",
        "INFERENCE_PORT": str(free_port()),
        "PYTHONPATH": path_of_the_tests(),
    }
    process = Process([sys.executable, "-c", HANGING_PICTURES], tmp_path / "log", environment).start()
    try:
        process.wait_for_port(int(environment["INFERENCE_PORT"]))
        url = f"http://127.0.0.1:{environment['INFERENCE_PORT']}"
        wait_for("an API that is ready", lambda: httpx.get(f"{url}/readyz").status_code == 200, END_TIMEOUT_S, POLL_S)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/classify", content=encoded(sample("seven")), timeout=1)
        process.send_signal(signal.SIGTERM)

        assert process.wait(END_TIMEOUT_S) == 0
    finally:
        process.stop(signal.SIGKILL)


def test_one_process_for_everything_ends_though_its_forward_pass_hangs(tmp_path: Path) -> None:
    with running_embedded(tmp_path, PYTHONPATH=path_of_the_tests(), **HANGS) as (process, url):
        httpx.post(f"{url}/classify", content=encoded(sample("seven")))
        wait_for_log(process, "model hangs")
        process.send_signal(signal.SIGTERM)

        assert process.wait(END_TIMEOUT_S) == 0


def test_one_process_for_everything_ends_by_itself_when_its_forward_pass_hangs(tmp_path: Path) -> None:
    """Exit status 70 says that the device is lost."""
    environment = {"PYTHONPATH": path_of_the_tests(), **HANGS, "INFERENCE_FORWARD_TIMEOUT_S": "0.5"}
    with running_embedded(tmp_path, **environment) as (
        process,
        url,
    ):
        httpx.post(f"{url}/classify", content=encoded(sample("seven")))

        assert process.wait(END_TIMEOUT_S) == 70
