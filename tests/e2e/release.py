"""Installs the chart in a namespace that takes only restricted pods."""

import json
from pathlib import Path

from tests.e2e.command import run

RELEASE = "digits"
NAMESPACE = "digits"
FULLNAME = f"{RELEASE}-mnist-inference"
CHART = "charts/mnist-inference"
FILES = (f"{CHART}/values-kind.yaml", "tests/e2e/values.yaml")
MAX_REPLICAS = 3
"""Most workers, as in values.yaml."""
SOURCES = {
    "queue": ("--set", "autoscaling.source=queue"),
    # Half of the interval in values-kind.yaml: the API's figure is fresh.
    "wait": ("--set", "autoscaling.source=wait,autoscaling.pollingInterval=1"),
}
"""Helm's arguments for each source of KEDA's figure."""


def create_namespace(name: str) -> None:
    """Create a namespace that takes only restricted pods."""
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": restricted}})


def prepare_namespace() -> None:
    """Create the namespace, and the ConfigMap that the workers mount."""
    create_namespace(NAMESPACE)
    set_seconds_per_job(0)


def set_seconds_per_job(seconds: float) -> None:
    """Set the seconds of a job for workers that start from now on."""
    model = Path(__file__).with_name("slow_model.py").read_text()
    data = {"slow_model.py": model, "seconds-per-job": str(seconds)}
    metadata = {"name": "slow-model", "namespace": NAMESPACE}
    apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def apply(thing: dict[str, object]) -> None:
    """Create or change an object."""
    run("kubectl", "apply", "--filename", "-", stdin=json.dumps(thing))


def run_helm(command: str, *arguments: str, timeout_s: float = 400) -> str:
    """Run a Helm command on the release."""
    return run("helm", "--namespace", NAMESPACE, command, *arguments, timeout_s=timeout_s)


def install(*arguments: str) -> None:
    """Install the chart, or upgrade the release, and wait until everything is ready."""
    upgrade("--wait", "--timeout", "5m", *arguments)


def upgrade(*arguments: str) -> None:
    """Install the chart, or upgrade the release, without a wait: a worker may have no GPU for long."""
    files = [part for file in FILES for part in ("--values", file)]
    run_helm("upgrade", "--install", RELEASE, CHART, *files, *arguments)


def uninstall() -> None:
    """Uninstall the release; its volumes and Secret stay."""
    run_helm("uninstall", RELEASE, "--wait", "--timeout", "3m")
