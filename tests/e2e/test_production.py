"""The values for production, with three nodes of RabbitMQ, in a namespace of their own."""

from collections.abc import Iterator

import pytest

from tests.e2e.command import port_forward, run
from tests.e2e.release import CHART, create_namespace
from tests.e2e.repeating import repeating
from tests.e2e.system import System
from tests.e2e.traffic import Stream, assert_answered_right, wait_for

NAMESPACE = RELEASE = "production"
NAME = f"{RELEASE}-mnist-inference"
FILES = (f"{CHART}/values-production.yaml", "tests/e2e/values-production.yaml")
NODES = 3
QUEUES = 3


@pytest.fixture
def api_url(idle: System) -> Iterator[str]:
    create_namespace(NAMESPACE)
    files = [part for file in FILES for part in ("--values", file)]
    helm = ("helm", "--namespace", NAMESPACE)
    run(*helm, "install", RELEASE, CHART, *files, "--wait", "--timeout", "5m", timeout_s=320)
    with port_forward(NAMESPACE, f"service/{NAME}-api", 8000) as port:
        yield f"http://127.0.0.1:{port}"
    run(*helm, "uninstall", RELEASE, "--wait", timeout_s=320)
    run("kubectl", "delete", "namespace", NAMESPACE, timeout_s=180)


def test_every_node_of_rabbitmq_can_go_under_load_and_nothing_is_lost(api_url: str) -> None:
    wait_for("every queue is on every node", lambda: members() == [NODES] * QUEUES, 120)

    stream = Stream(api_url)
    with repeating(stream.submit, every_s=0.2):
        wait_for("some accepted jobs", lambda: len(stream.jobs) > 10, 60)
        rollout("restart")
        rollout("status", "--timeout=300s")
        accepted = len(stream.jobs)
        wait_for("more accepted jobs", lambda: len(stream.jobs) > accepted + 10, 60)

    assert set(stream.refusals) <= {503}
    assert_answered_right(stream.jobs, api_url=api_url)
    assert members() == [NODES] * QUEUES


def rollout(command: str, *arguments: str) -> None:
    what = f"statefulset/{NAME}-rabbitmq"
    run("kubectl", "--namespace", NAMESPACE, "rollout", command, what, *arguments, timeout_s=320)


def members() -> list[int]:
    """Return on how many nodes each queue is."""
    command = ("rabbitmqctl", "--quiet", "list_queues", "--no-table-headers", "members")
    pod = ("exec", f"{NAME}-rabbitmq-0", "--container=rabbitmq", "--")
    return [line.count("rabbit@") for line in run("kubectl", "--namespace", NAMESPACE, *pod, *command).splitlines()]
