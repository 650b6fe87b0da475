"""`skaffold run`, `skaffold verify` and `skaffold delete`, in a namespace beside the installed release."""

from collections.abc import Iterator

import pytest

from tests.e2e.command import run
from tests.e2e.conftest import OUTPUT
from tests.e2e.release import create_namespace
from tests.e2e.system import System

NAMESPACE = "skaffold"
TAGS = OUTPUT / "tags.json"


@pytest.fixture
def namespace(idle: System) -> Iterator[None]:
    create_namespace(NAMESPACE)
    yield
    run("kubectl", "delete", "namespace", NAMESPACE, timeout_s=180)


@pytest.mark.usefixtures("namespace")
def test_skaffold_deploys_the_system_sends_it_a_picture_and_takes_it_away() -> None:
    run_skaffold("run")
    assert "statefulset.apps/mnist-inference-rabbitmq" in list_objects()

    run_skaffold("build", "--file-output", str(TAGS))
    run_skaffold("verify", "--build-artifacts", str(TAGS))

    run_skaffold("delete")
    assert list_objects() == ""


def run_skaffold(command: str, *arguments: str) -> None:
    run("skaffold", command, "--profile", "ci", "--namespace", NAMESPACE, *arguments, timeout_s=900)


def list_objects() -> str:
    return run("kubectl", "--namespace", NAMESPACE, "get", "deployments,statefulsets", "--output", "name")
