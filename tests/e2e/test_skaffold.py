"""`skaffold run`, `skaffold verify` and `skaffold delete`, in a namespace beside the installed release."""

import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.command import forward_port, run
from tests.e2e.conftest import OUTPUT
from tests.e2e.release import create_namespace
from tests.e2e.system import System
from tests.support.deployment import ROOT
from tests.support.results import fetch_result

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


@pytest.mark.usefixtures("namespace")
def test_skaffold_serves_a_model_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL", "models/voice")
    monkeypatch.setenv("PYTHONPATH", "models/voice")
    (ROOT / "build/model.json").write_text(run(sys.executable, "-m", "inference_worker", "describe", "voice"))

    run_skaffold("run")
    try:
        with forward_port(NAMESPACE, "service/mnist-inference-api", 8000) as port:
            result = ask_example(f"http://127.0.0.1:{port}", "voice")
    finally:
        run_skaffold("delete")

    assert (result["status"], len(result["output"]["segments"])) == ("succeeded", 2)


def ask_example(url: str, model: str) -> dict[str, Any]:
    """Send a model's example; return its result."""
    example = httpx.get(f"{url}/models/{model}/example", timeout=30).content
    location = httpx.post(f"{url}/models/{model}", content=example, timeout=30).headers["location"]
    return fetch_result(url + location, 240)


def run_skaffold(command: str, *arguments: str) -> None:
    run("skaffold", command, "--profile", "ci", "--namespace", NAMESPACE, *arguments, timeout_s=900)


def list_objects() -> str:
    return run("kubectl", "--namespace", NAMESPACE, "get", "deployments,statefulsets", "--output", "name")
