"""Starts the servers that are compared, each with the same model: this system, and its peers."""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from benchmarks.jobs import Waiting
from benchmarks.loads import Job
from benchmarks.subjects import Subject
from inference_bridge.spec import to_json
from tests.support.client import Connection
from tests.support.deployment import ROOT, Deployment
from tests.support.servers import Process, RabbitMQ, RedisServer, free_port, running_servers

WAIT_S = 20
START_TIMEOUT_S, POLL_S = 60.0, 0.1
#: By name: the module that serves the model, and the path that takes an input.
PEERS = {
    "mosec": ("benchmarks.peers.mosec_server", "/inference"),
    "LitServe": ("benchmarks.peers.litserve_server", "/predict"),
}
#: Every process has one thread for its matrix products.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that runs.

    Attributes:
        port: of 127.0.0.1.
        parts: its processes by name.
        job: runs one job as a client.
        forward: file with the CPU seconds of all forward passes so far, of a worker that writes one.
    """

    port: int
    parts: dict[str, Process]
    job: Job
    forward: Path | None = None


Start = Callable[[], AbstractContextManager[Contender]]


def deploy(scratch: Path, rabbitmq: RabbitMQ, redis: RedisServer, subject: Subject, **environment: str) -> Deployment:
    """Return a deployment whose API reads the model's spec from a file, so that it does not import torch."""
    spec = scratch / f"{subject.spec.name}.json"
    spec.write_text(to_json(subject.spec))
    return Deployment(
        scratch,
        amqp_url=rabbitmq.url,
        redis_url=redis.url,
        INFERENCE_MODEL=subject.model,
        INFERENCE_MODELS=str(spec),
        INFERENCE_MAX_BATCH_SIZE=str(subject.max_batch_size),
        FORWARD_FILE=str(scratch / "forward"),
        **ONE_THREAD,
        **environment,
    )


@contextmanager
def run_this_system(subject: Subject) -> Iterator[Contender]:
    """Run one API process and one worker, with a RabbitMQ and a Redis."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_servers(Path(folder)) as (rabbitmq, redis),
        deploy(Path(folder), rabbitmq, redis, subject) as system,
    ):
        api, worker = system.api(), system.worker()
        port = int(api.wait_until_ready().url.rpartition(":")[2])
        worker.wait_until_ready()
        parts = {"API": api.process, "worker": worker.process, "RabbitMQ": rabbitmq.process, "Redis": redis.process}
        yield Contender(port, parts, partial(run_our_job, path=f"/models/{subject.spec.name}"), Path(folder, "forward"))


@contextmanager
def run_peer(name: str, python: Path, subject: Subject) -> Iterator[Contender]:
    """Run another server, with the Python that it is installed for."""
    module, path = PEERS[name]
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [str(python), "-m", module, *map(str, (port, subject.max_batch_size, subject.wait_ms[name]))]
        server = Process(command, Path(folder) / "log", _describe(subject)).start()
        try:
            _wait_for_answer(server, f"http://127.0.0.1:{port}{path}", subject.example)
            yield Contender(port, {name: server}, partial(_run_job_of_peer, path=path))
        finally:
            server.stop(signal.SIGKILL)


@contextmanager
def run_celery(python: Path, subject: Subject) -> Iterator[Contender]:
    """Run Celery's worker and a web server that sends it tasks, with a RabbitMQ and a Redis."""
    module, port = "benchmarks.peers.celery_server", free_port()
    with tempfile.TemporaryDirectory() as folder, running_servers(Path(folder)) as (rabbitmq, redis):
        urls = {"CELERY_BROKER_URL": rabbitmq.url, "CELERY_RESULT_BACKEND": redis.url}
        celery = ["celery", "--app", f"{module}:tasks", "worker", "--concurrency", "1", "--loglevel", "warning"]
        web = ["uvicorn", f"{module}:http", "--port", str(port), "--log-level", "warning", "--no-access-log"]
        processes = [
            Process([str(python), "-m", *command], Path(folder) / command[0], _describe(subject) | urls).start()
            for command in (web, celery)
        ]
        try:
            _wait_for_answer(processes[0], f"http://127.0.0.1:{port}/classify", subject.example)
            parts = dict(zip(("API", "worker"), processes, strict=True))
            parts |= {"RabbitMQ": rabbitmq.process, "Redis": redis.process}
            yield Contender(port, parts, partial(_run_job_of_peer, path="/classify"))
        finally:
            for process in processes:
                process.stop(signal.SIGKILL)


def _describe(subject: Subject) -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path, "MODEL": subject.name, **ONE_THREAD}


def _wait_for_answer(server: Process, url: str, body: bytes) -> None:
    """Wait until an input is answered; the port may be open before the model is loaded."""
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end and server.exit_status is None:
        try:
            if httpx.post(url, content=body, timeout=START_TIMEOUT_S).is_success:
                return
        except httpx.TransportError:
            time.sleep(POLL_S)
    raise TimeoutError(f"{url} does not answer:\n{server.log.read_text(errors='replace')[-2000:]}")


async def run_our_job(
    connection: Connection, body: bytes, waiting: Waiting, *, path: str, headers: bytes = b""
) -> None:
    """Run one job of this system in one call, with more header lines if it needs them."""
    # As for the peers, the answer is not parsed: the load generator's time is part of each server's figures.
    head = f"POST {path} HTTP/1.1\r\nPrefer: wait={WAIT_S}\r\n".encode()
    answer = await connection.request(head + headers, body)
    if b'"status":"succeeded"' not in answer.body:
        raise RuntimeError(f"POST {path} answered {answer.status}: {answer.body!r}")


async def _run_job_of_peer(connection: Connection, body: bytes, waiting: Waiting, *, path: str) -> None:
    answer = await connection.request(f"POST {path} HTTP/1.1\r\n".encode(), body)
    if answer.status != 200:
        raise RuntimeError(f"POST {path} answered {answer.status}: {answer.body!r}")
