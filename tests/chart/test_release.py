"""The services and `helm test` work with the files that the chart gives to their pods, to RabbitMQ and to Redis."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import redis

from tests.chart.helm import NEEDS_HELM, environment_of, one, values
from tests.chart.spec_files import add_spec
from tests.support.deployment import Deployment
from tests.support.models import ScalesModel
from tests.support.servers import RabbitMQ, RedisServer, free_port

pytestmark = NEEDS_HELM
#: Version 2 of a model that answers files, beside MNIST.
ARGUMENTS = (*add_spec("scales", ScalesModel.spec), *values("models.scales.worker.image.repository=mine/scales"))
CLASSES = {"mnist": "mnist_model.predict", "scales": "tests.support.models:ScalesModel"}
PASSWORD = "secret"  # noqa: S105


class Servers(NamedTuple):
    """A RabbitMQ and a Redis with the chart's users, and the address of RabbitMQ's management API."""

    rabbitmq: RabbitMQ
    redis: RedisServer
    management_url: str

    def urls_of(self, user: str) -> dict[str, str]:
        """Return the variables that connect a service as a user."""
        return {
            "INFERENCE_AMQP_URL": self.rabbitmq.url.replace("guest:guest", f"{user}:{PASSWORD}"),
            "INFERENCE_REDIS_URL": self.redis.url.replace("//", f"//{user}:{PASSWORD}@"),
        }


def files_of(component: str) -> dict[str, str]:
    data: dict[str, str] = one("ConfigMap", component, *ARGUMENTS)["data"]
    return data


def write(path: Path, text: str) -> Path:
    """Write a file with every password filled in."""
    path.write_text(re.sub(r"@[A-Z_]+_PASSWORD@", PASSWORD, text))
    return path


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    port = free_port()
    listens = f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {port}\n"
    counts = "management.disable_stats = true\nmanagement.enable_queue_totals = true\n"
    rabbitmq = RabbitMQ(tmp_path / "rabbitmq", config=listens + counts, plugins=["rabbitmq_management"])
    # Redis 7.0, which may be the one at hand, does not know that command.
    users = files_of("redis")["users.acl"].replace(" +client|setinfo", "")
    store = RedisServer(tmp_path, {"aclfile": str(write(tmp_path / "users.acl", users))})
    try:
        store.start()
        rabbitmq.start().process.wait_for_port(port)
        definitions = write(tmp_path / "definitions.json", files_of("rabbitmq")["definitions.json"])
        rabbitmq.control("import_definitions", str(definitions))
        yield Servers(rabbitmq, store, f"http://127.0.0.1:{port}/")
    finally:
        rabbitmq.close()
        store.close()


def run_helm_test(directory: Path, servers: Servers, api_url: str) -> str:
    """Run the program of `helm test` with its pod's variables; return its text."""
    for name, text in files_of("test").items():
        (directory / name).write_text(text.replace("/smoke/", f"{directory}/"))
    variables = {
        name: value for name, value in environment_of(one("Pod", "test", *ARGUMENTS)).items() if "/" not in value
    }
    addresses = {"API_URL": api_url, "MANAGEMENT_URLS": servers.management_url, "AUTOSCALER_PASSWORD": PASSWORD}
    done = subprocess.run(
        [sys.executable, str(directory / "smoke.py")],
        env=os.environ
        | variables
        | addresses
        | {"TIMEOUT_S": "60", "REDIS_ADDRESS": f"127.0.0.1:{servers.redis.port}"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    return done.stdout + done.stderr


@pytest.mark.timeout(240)
def test_every_model_answers_with_the_rights_that_the_chart_gives(servers: Servers, tmp_path: Path) -> None:
    specs = tmp_path / "models"
    specs.mkdir()
    for name, text in files_of("models").items():
        (specs / name).write_text(text)

    with Deployment(tmp_path, amqp_url="amqp://unused", redis_url="redis://unused") as deployment:
        for name, model in CLASSES.items():
            deployment.worker(INFERENCE_MODEL=model, **servers.urls_of(f"worker-{name}"))
        api = deployment.api(
            INFERENCE_MODELS=str(specs), INFERENCE_DEFAULT_MODEL="mnist", **servers.urls_of("api")
        ).wait_until_ready()
        said = run_helm_test(tmp_path, servers, api.url)

    assert "mnist answered its example" in said, said
    assert "scales answered its example" in said, said
    assert said.endswith("a picture was answered: 7\n"), said
    with redis.Redis.from_url(servers.urls_of("operator")["INFERENCE_REDIS_URL"]) as operator:
        assert operator.acl_log() == []
