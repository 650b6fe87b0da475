"""The system as it is deployed by hand: API and worker processes in front of a RabbitMQ and a Redis."""

import os
import signal
import sys
import time
import tomllib
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.support.servers import START_TIMEOUT_S, Process, free_port

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "services/api/pyproject.toml").read_text())["project"]["version"]
TICKET_KEY = "a key for the tests only, 32 byte"
#: The model of the workers, and the specs of the API.
MODEL, SPECS = "mnist_model.predict", "mnist_model.spec:SPEC"
POLL_S = 0.05


class Service:
    """An API or a worker process, where it answers HTTP, and where it answers the platform."""

    def __init__(self, module: str, log: Path, environment: dict[str, str], port: int, operations_port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.operations_url = f"http://127.0.0.1:{operations_port}"
        # So that a worker can load the models of the tests, and those in folders of their own.
        folders = [ROOT, *sorted(ROOT.glob("models/*/"))]
        path = os.pathsep.join(filter(None, [*map(str, folders), os.environ.get("PYTHONPATH")]))
        self.process = Process([sys.executable, "-m", module], log, {"PYTHONPATH": path, **environment})

    def start(self) -> Self:
        """Start the process."""
        self.process.start()
        return self

    def is_ready(self) -> bool:
        """Ask whether both servers answer it."""
        return self._status("/readyz") == 200

    def is_serving(self) -> bool:
        """Ask the readiness probe of the chart: should calls come here."""
        return self._status("/serving") == 200

    def is_alive(self) -> bool:
        """Ask the liveness probe."""
        return self._status("/healthz") == 200

    def wait_until_ready(self) -> Self:
        """Return when it is ready; raise with the end of its log when it does not become so."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.exit_status is None:
            if self.is_ready():
                return self
            time.sleep(POLL_S)
        raise TimeoutError(f"{self.url} is not ready:\n{self.process.log.read_text(errors='replace')[-3000:]}")

    def metric(self, name: str) -> float:
        """Return the sum of a metric's samples, 0 when there is none."""
        return sum_of_samples(httpx.get(f"{self.operations_url}/metrics", timeout=5, follow_redirects=True).text, name)

    def _status(self, path: str) -> int:
        try:
            return httpx.get(self.url + path, timeout=2).status_code
        except httpx.TransportError:
            return 0


class Deployment:
    """API processes and workers of one system; ends them all when it is left."""

    def __init__(self, directory: Path, *, amqp_url: str, redis_url: str, **environment: str) -> None:
        self._directory = directory
        self._environment = {
            "INFERENCE_AMQP_URL": amqp_url,
            "INFERENCE_REDIS_URL": redis_url,
            "INFERENCE_TICKET_KEY": TICKET_KEY,
            "INFERENCE_QUEUE_SETTLE_S": "0",
            "INFERENCE_MODEL": MODEL,
            "INFERENCE_MODELS": SPECS,
            **environment,
        }
        self.services: list[Service] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for service in self.services:
            service.process.stop(signal.SIGKILL)

    def api(self, **environment: str) -> Service:
        """Start an API process on free ports."""
        operations_port = free_port()
        variables = {"INFERENCE_OPERATIONS_PORT": str(operations_port), **environment}
        return self.start("inference_api", "INFERENCE_PORT", variables, operations_port)

    def worker(self, **environment: str) -> Service:
        """Start a worker with its probes on a free port."""
        return self.start("inference_worker", "INFERENCE_PROBE_PORT", environment)

    def start(
        self, module: str, port_variable: str, environment: dict[str, str], operations_port: int | None = None
    ) -> Service:
        """Start a module that answers HTTP on the port that a variable names; its metrics may have one of their own."""
        port = free_port()
        log = self._directory / f"{module}-{len(self.services)}.log"
        variables = {**self._environment, port_variable: str(port), **environment}
        service = Service(module, log, variables, port, operations_port or port).start()
        self.services.append(service)
        return service


def sum_of_samples(exposition: str, name: str) -> float:
    """Return the sum of a metric's samples in what `/metrics` answers, 0 when there is none."""
    samples = [line.rsplit(" ", 1) for line in exposition.splitlines() if not line.startswith("#")]
    return sum(float(value) for key, value in samples if key.partition("{")[0] == name)
