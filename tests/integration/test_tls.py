"""TLS to RabbitMQ and Redis with certificates of a CA of our own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import TIMEOUT_S, some_pictures
from tests.support.certificates import Authority
from tests.support.deployment import POLL_S, Deployment, Service
from tests.support.servers import RabbitMQ, RedisServer, free_port
from tests.support.waiting import wait_for

AMQP = "amqps://guest:guest@{host}:{port}/%2F"
REDIS = "rediss://{host}:{port}/0"


class Servers:
    """A RabbitMQ and a Redis whose certificates are for `localhost`."""

    def __init__(self, directory: Path, authority: Authority) -> None:
        self.ca_file = authority.file
        self.amqp_port, self.redis_port = free_port(), free_port()
        certificate = authority.issue("localhost")
        lines = (
            f"listeners.ssl.1 = 127.0.0.1:{self.amqp_port}",
            f"ssl_options.cacertfile = {authority.file}",
            f"ssl_options.certfile = {certificate.file}",
            f"ssl_options.keyfile = {certificate.key_file}",
            "ssl_options.verify = verify_none",
        )
        self.rabbitmq = RabbitMQ(directory / "rabbitmq", config="\n".join((*lines, "")))
        options = {
            "tls-port": str(self.redis_port),
            "tls-cert-file": str(certificate.file),
            "tls-key-file": str(certificate.key_file),
            "tls-ca-cert-file": str(authority.file),
            "tls-auth-clients": "no",
        }
        self.redis = RedisServer(directory / "redis", options)

    def start(self) -> None:
        self.rabbitmq.start().process.wait_for_port(self.amqp_port)
        self.redis.start().process.wait_for_port(self.redis_port)

    def deployment(self, directory: Path, *, host: str, ca_file: Path) -> Deployment:
        amqp_url = AMQP.format(host=host, port=self.amqp_port)
        redis_url = REDIS.format(host=host, port=self.redis_port)
        return Deployment(directory, amqp_url=amqp_url, redis_url=redis_url, INFERENCE_CA_FILE=str(ca_file))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    directory = tmp_path_factory.mktemp("tls")
    started = Servers(directory, Authority(directory / "ours").create())
    try:
        started.start()
        yield started
    finally:
        started.rabbitmq.close()
        started.redis.close()


def wait_until_logged(service: Service, event: str, reason: str) -> None:
    """Return when the service has logged an event for a reason."""
    wait_for(
        f"{event!r} with {reason!r} in {service.process.log}",
        lambda: any(event in line and reason in line for line in service.process.log.read_text().splitlines()),
        TIMEOUT_S,
        POLL_S,
    )


def test_a_picture_is_answered_over_tls(servers: Servers, tmp_path: Path) -> None:
    with servers.deployment(tmp_path, host="localhost", ca_file=servers.ca_file) as deployment:
        api, worker = deployment.api(), deployment.worker()
        api.wait_until_ready()
        worker.wait_until_ready()

        answer = httpx.post(f"{api.url}/classify?wait=20", files={"file": some_pictures(1)[0]}, timeout=30)

    assert answer.json()["status"] == "succeeded", answer.text


@dataclass(frozen=True, slots=True)
class Refusing:
    """An API process that must not trust the servers, and the reason that it logs."""

    api: Service
    reason: str


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("localhost", False, "CERTIFICATE_VERIFY_FAILED"), id="ca"),
        pytest.param(("127.0.0.1", True, "IP address mismatch"), id="host"),
    ],
)
def refusing(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Refusing]:
    directory = tmp_path_factory.mktemp("refusing")
    host, is_ours, reason = request.param
    ca_file = servers.ca_file if is_ours else Authority(directory / "theirs").create().file
    with servers.deployment(directory, host=host, ca_file=ca_file) as deployment:
        yield Refusing(deployment.api(), reason)


def test_servers_with_a_certificate_of_another_are_refused(refusing: Refusing) -> None:
    wait_until_logged(refusing.api, "subscription lost", refusing.reason)
    wait_for("an API that is alive", refusing.api.is_alive, TIMEOUT_S, POLL_S)

    ready = httpx.get(f"{refusing.api.url}/readyz", timeout=10)

    assert ready.status_code == 503
    assert ready.json() == {"broker": "unavailable", "store": "unavailable"}


def test_the_log_says_why_a_broker_with_a_certificate_of_another_is_refused(refusing: Refusing) -> None:
    """pika's error has its text in its `repr` alone."""
    wait_until_logged(refusing.api, "broker connection lost", refusing.reason)
