"""How a process starts, and how it says why it does not."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.deployment import MODEL, ROOT, SPECS, TICKET_KEY, Deployment
from tests.support.servers import START_TIMEOUT_S, RabbitMQ, RedisServer
from tests.support.waiting import wait_for


def start(module: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": "/usr/bin", "PYTHONPATH": str(ROOT), "INFERENCE_MODEL": MODEL, **environment}
    return subprocess.run(
        [sys.executable, "-m", module], env=variables, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("module", "environment", "problems"),
    [
        pytest.param("inference_api", {}, ["INFERENCE_TICKET_KEY is not set"], id="no-ticket-key"),
        pytest.param(
            "inference_api",
            {"INFERENCE_TICKET_KEY": "short", "INFERENCE_PORT": "99999", "INFERENCE_AMQP_URL": "http://x"},
            ["INFERENCE_TICKET_KEY", "INFERENCE_PORT", "INFERENCE_AMQP_URL"],
            id="a-short-ticket-key-a-port-out-of-range-and-no-amqp-url",
        ),
        pytest.param("inference_worker", {"INFERENCE_MODEL": "no_such:Model"}, ["INFERENCE_MODEL"], id="no-such-model"),
        pytest.param(
            "inference_worker", {"INFERENCE_WEIGHTS": "/no/such/file"}, ["/no/such/file"], id="no-such-weights"
        ),
    ],
)
def test_a_wrong_setting_ends_the_start_and_is_named(
    module: str, environment: dict[str, str], problems: list[str]
) -> None:
    done = start(module, **environment)

    assert done.returncode == 78
    assert [problem for problem in problems if problem not in done.stdout] == []
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("setting", ["INFERENCE_PORT", "INFERENCE_OPERATIONS_PORT"])
def test_a_port_that_another_process_holds_ends_the_start_and_its_setting_is_named(setting: str) -> None:
    ports = {"INFERENCE_PORT": "0", "INFERENCE_OPERATIONS_PORT": "0"}
    with socket.create_server(("127.0.0.1", 0)) as held:
        ports[setting] = str(held.getsockname()[1])
        done = start("inference_api", INFERENCE_TICKET_KEY=TICKET_KEY, INFERENCE_MODELS=SPECS, **ports)

    assert done.returncode == 78
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["reason"].partition(":")[0], ports[setting] in last["reason"]) == (setting, True)
    assert "Traceback" not in done.stdout + done.stderr


def test_a_secret_in_a_wrong_setting_is_not_printed() -> None:
    done = start("inference_api", INFERENCE_TICKET_KEY=TICKET_KEY, INFERENCE_REDIS_URL="http://user:secret@host")

    assert done.returncode == 78
    assert "secret" not in done.stdout + done.stderr


@pytest.mark.parametrize("module", ["inference_api", "inference_worker"])
@pytest.mark.parametrize("variable", ["INFERENCE_AMQP_URL=amqp", "INFERENCE_REDIS_URL=redis"])
def test_a_special_character_in_a_password_ends_the_start_in_one_line(module: str, variable: str) -> None:
    name, scheme = variable.split("=")
    done = start(module, INFERENCE_TICKET_KEY=TICKET_KEY, **{name: f"{scheme}://u:s3cret#wxyz@127.0.0.1/"})

    assert done.returncode == 78
    [line] = (done.stdout + done.stderr).splitlines()
    assert name in line
    assert "percent-encode" in line
    assert [piece for piece in ("s3cret", "wxyz") if piece in line] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_api_that_is_asked_to_stop_ends_without_an_error(
    rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path: Path, number: int
) -> None:
    with Deployment(tmp_path, amqp_url=rabbitmq.url, redis_url=redis_server.url) as deployment:
        api = deployment.api().wait_until_ready()

        assert api.process.stop(number) == 0
        assert "Traceback" not in api.process.log.read_text()


def test_a_worker_that_is_asked_to_stop_while_it_loads_ends_without_an_error(tmp_path: Path) -> None:
    """No server answers either."""
    with Deployment(tmp_path, amqp_url="amqp://127.0.0.1:1", redis_url="redis://127.0.0.1:1") as deployment:
        worker = deployment.worker()
        wait_until_caught(worker.process.pid, signal.SIGTERM)

        assert worker.process.stop(signal.SIGTERM) == 0
        assert "model loaded" not in worker.process.log.read_text()


def wait_until_caught(pid: int, number: int) -> None:
    """Return when the process has a handler for the signal; its first one, long before it has loaded anything."""

    def is_caught() -> int:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        caught = next(line for line in lines if line.startswith("SigCgt"))
        return int(caught.split()[1], 16) >> (number - 1) & 1

    wait_for(f"a handler of process {pid} for signal {number}", is_caught, START_TIMEOUT_S, every_s=0.005)
