"""Starts the servers that are compared, each with the model of `benchmarks.large_model`: this system, and its peers."""

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from benchmarks.jobs import Waiting, submit
from benchmarks.large_model import SPEC, make_inputs
from benchmarks.loads import Job
from inference_bridge.spec import to_json
from tests.support.client import Connection
from tests.support.deployment import ROOT, Deployment
from tests.support.servers import Process, RabbitMQ, RedisServer, free_port, running_servers

MAX_BATCH_SIZE = 16
WAIT_S = 20
START_TIMEOUT_S, POLL_S = 60.0, 0.1
MODEL_PATH = f"/models/{SPEC.name}"
#: By name: the module that serves the model, and the path that takes an input.
PEERS = {
    "mosec": ("benchmarks.peers.mosec_server", "/inference"),
    "LitServe": ("benchmarks.peers.litserve_server", "/predict"),
}


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that runs.

    Attributes:
        port: of 127.0.0.1.
        parts: its processes by name.
        job: runs one job as a client.
    """

    port: int
    parts: dict[str, Process]
    job: Job


def deploy(scratch: Path, rabbitmq: RabbitMQ, redis: RedisServer) -> Deployment:
    """Return a deployment whose API reads the model's spec from a file, so that it does not import torch."""
    spec = scratch / f"{SPEC.name}.json"
    spec.write_text(to_json(SPEC))
    return Deployment(
        scratch,
        amqp_url=rabbitmq.url,
        redis_url=redis.url,
        INFERENCE_MODEL="benchmarks.large_model:Large",
        INFERENCE_MODELS=str(spec),
        INFERENCE_MAX_BATCH_SIZE=str(MAX_BATCH_SIZE),
    )


@contextmanager
def run_this_system() -> Iterator[Contender]:
    """Run one API process and one worker, with a RabbitMQ and a Redis."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_servers(Path(folder)) as (rabbitmq, redis),
        deploy(Path(folder), rabbitmq, redis) as system,
    ):
        api, worker = system.api(), system.worker()
        port = int(api.wait_until_ready().url.rpartition(":")[2])
        worker.wait_until_ready()
        parts = {"API": api.process, "worker": worker.process, "RabbitMQ": rabbitmq.process, "Redis": redis.process}
        yield Contender(port, parts, _run_our_job)


@contextmanager
def run_peer(name: str, python: Path) -> Iterator[Contender]:
    """Run another server, with the Python that it is installed for."""
    module, path = PEERS[name]
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [str(python), "-m", module, str(port), str(MAX_BATCH_SIZE)]
        server = Process(command, Path(folder) / "log", {"PYTHONPATH": str(ROOT)}).start()
        try:
            _wait_for_answer(server, f"http://127.0.0.1:{port}{path}")
            yield Contender(port, {name: server}, partial(_run_job_of_peer, path=path))
        finally:
            server.stop(signal.SIGKILL)


def _wait_for_answer(server: Process, url: str) -> None:
    """Wait until an input is answered; the port may be open before the model is loaded."""
    [body] = make_inputs(1)
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end and server.exit_status is None:
        try:
            if httpx.post(url, content=body).is_success:
                return
        except httpx.TransportError:
            time.sleep(POLL_S)
    raise TimeoutError(f"{url} does not answer:\n{server.log.read_text(errors='replace')[-2000:]}")


async def _run_our_job(connection: Connection, body: bytes, waiting: Waiting) -> None:
    answer = await submit(connection, body, wait_s=WAIT_S, path=MODEL_PATH)
    if answer["status"] != "succeeded":
        raise RuntimeError(f"a job ended {answer}")


async def _run_job_of_peer(connection: Connection, body: bytes, waiting: Waiting, *, path: str) -> None:
    answer = await connection.request(f"POST {path} HTTP/1.1\r\n".encode(), body)
    if answer.status != 200:
        raise RuntimeError(f"POST {path} answered {answer.status}: {answer.body!r}")
