"""RabbitMQ and Redis as the chart configures them with `tls.enabled`: a picture passes, plain connections do not."""

import importlib.util
import json
import socket
import subprocess
from collections.abc import Iterator
from types import ModuleType

import httpx
import pytest

from tests.chart.helm import CHART, NEEDS_HELM
from tests.integration.chart_servers import PASSWORD, ChartServers, chart_servers
from tests.integration.conftest import TIMEOUT_S, some_pictures
from tests.support.deployment import POLL_S, Deployment
from tests.support.servers import free_port
from tests.support.waiting import wait_for

pytestmark = NEEDS_HELM


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChartServers]:
    with chart_servers(tmp_path_factory.mktemp("chart")) as started:
        yield started


@pytest.fixture
def smoke(servers: ChartServers, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program of `helm test`, as KEDA's user."""
    variables = {"VHOST": "%2F", "AUTOSCALER_USERNAME": "autoscaler", "AUTOSCALER_PASSWORD": PASSWORD}
    for name, value in {**variables, "QUEUES": "mnist.jobs", "CA_FILE": str(servers.ca_file)}.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("smoke", CHART / "files/smoke.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_picture_is_answered_at_the_urls_of_the_chart(
    servers: ChartServers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("services")
    with Deployment(directory, amqp_url="", redis_url="") as deployment:
        api, worker = deployment.api(**servers.urls("api")), deployment.worker(**servers.urls("worker-mnist"))
        api.wait_until_ready()
        worker.wait_until_ready()

        answer = httpx.post(f"{api.url}/classify?wait=20", files={"file": some_pictures(1)[0]}, timeout=30)

    assert answer.json()["status"] == "succeeded", answer.text


def test_rabbitmq_listens_with_tls_only(servers: ChartServers) -> None:
    """The nodes and `rabbitmqctl` among themselves do without."""
    status = json.loads(servers.rabbitmq.control("status", "--formatter", "json"))

    assert {each["protocol"] for each in status["listeners"]} == {"amqp/ssl", "https", "clustering"}


def test_redis_does_not_answer_a_plain_connection(servers: ChartServers) -> None:
    with socket.create_connection(("127.0.0.1", servers.redis_port), timeout=5) as plain:
        plain.sendall(b"PING\r\n")
        try:
            answer = plain.recv(100)
        except ConnectionResetError:
            answer = b""

    assert b"PONG" not in answer
    assert b"NOAUTH" not in answer


def test_the_checks_of_helm_test_pass(
    servers: ChartServers, smoke: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    management = [f"https://localhost:{servers.management_port}/"]

    smoke.check_job_counts(management)
    smoke.check_rabbitmq_password(management)
    smoke.check_redis_password(f"localhost:{servers.redis_port}")

    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_redis_passes_its_probes_without_a_line_in_its_log(servers: ChartServers, probe: str) -> None:
    environment = {"PATH": "/usr/bin:/bin", "REDISCLI_AUTH": PASSWORD}
    before = servers.redis.log.read_text()

    done = subprocess.run(servers.probe(probe), env=environment, capture_output=True, text=True, timeout=10)

    assert done.returncode == 0, done.stderr
    assert servers.redis.log.read_text() == before


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_a_redis_that_is_away_fails_its_probes(servers: ChartServers, probe: str) -> None:
    command = [word.replace(str(servers.redis_port), str(free_port())) for word in servers.probe(probe)]

    assert subprocess.run(command, capture_output=True, timeout=10).returncode != 0


def test_redis_shows_a_new_certificate_without_a_restart(servers: ChartServers) -> None:
    before, pid = servers.serial(servers.redis_port), servers.redis.pid
    servers.renew()

    servers.reload.start()

    wait_for("a new certificate", lambda: servers.serial(servers.redis_port) != before, TIMEOUT_S, POLL_S)
    assert servers.redis.exit_status is None
    assert servers.redis.pid == pid


def test_rabbitmq_shows_a_new_certificate_without_a_restart(servers: ChartServers) -> None:
    """It looks at the files every two minutes; the command makes it look now."""
    ports = (servers.amqp_port, servers.management_port)
    before = [servers.serial(port) for port in ports]
    servers.renew()

    servers.rabbitmq.control("eval", "ssl:clear_pem_cache().")

    after = [servers.serial(port) for port in ports]
    assert all(old != new for old, new in zip(before, after, strict=True))


def test_the_script_that_reloads_the_certificate_ends_with_its_pod(servers: ChartServers) -> None:
    servers.reload.stop()
    servers.reload.log.unlink(missing_ok=True)

    servers.reload.start()
    wait_for("its first line", lambda: "has read" in servers.reload.log.read_text(), TIMEOUT_S, POLL_S)

    assert servers.reload.stop() == 0
