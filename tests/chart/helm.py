"""The chart as Helm renders it, without a cluster."""

import functools
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.support.deployment import ROOT

CHART = ROOT / "charts/mnist-inference"
RELEASE = "digits"
NAME = f"{RELEASE}-mnist-inference"
#: Helm 3 built from source believes in Kubernetes 1.20.
KUBERNETES = "1.34.0"
HELMS = [name for name in ("helm", "helm3") if shutil.which(name)]
VALUES_FILES = [None, *sorted(path.name for path in CHART.glob("values-*.yaml"))]
NEEDS_HELM = pytest.mark.skipif(not HELMS, reason="helm is not on the PATH: install Helm 3 or 4 to test the chart")

REGISTRY = "registry.example.org"
#: Values that every rendering begins with: the chart names no registry of its own.
FIRST_VALUES = ROOT / "tests/chart/values.yaml"

Object = dict[str, Any]


def helm(*arguments: str, program: str = "helm") -> subprocess.CompletedProcess[str]:
    """Run Helm; a rendering begins with the first values."""
    program = program if program in HELMS else HELMS[0]
    command, *others = arguments
    first = ("--values", str(FIRST_VALUES)) if command == "template" else ()
    return subprocess.run([program, command, *first, *others], capture_output=True, text=True, timeout=60)


@functools.cache
def template(*arguments: str, program: str = "helm") -> str:
    """Return what `helm template` prints."""
    done = helm("template", RELEASE, str(CHART), "--kube-version", KUBERNETES, *arguments, program=program)
    assert done.returncode == 0, done.stderr
    return done.stdout


def values(*settings: str) -> tuple[str, ...]:
    """Return `--set` for each of `name=value`."""
    return tuple(part for setting in settings for part in ("--set", setting))


def numbers(*settings: str) -> tuple[str, ...]:
    """Return `--set-json` for each of `name=value`: `--set` takes 2.5 for text."""
    return tuple(part for setting in settings for part in ("--set-json", setting))


def refusal(*settings: str, program: str = "helm") -> str:
    """Return the message with which Helm refuses values."""
    done = helm("template", RELEASE, str(CHART), "--kube-version", KUBERNETES, *values(*settings), program=program)
    assert done.returncode != 0, f"{settings} was accepted"
    return done.stderr


def objects(*arguments: str, program: str = "helm") -> list[Object]:
    """Return the rendered objects."""
    return [found for found in yaml.safe_load_all(template(*arguments, program=program)) if found]


def kinds(*arguments: str) -> set[str]:
    """Return the kinds of the rendered objects."""
    return {found["kind"] for found in objects(*arguments)}


def one(kind: str, name: str, *arguments: str) -> Object:
    """Return the one object of that kind and name, which follows the release's: `api` or `` for example."""
    full = f"{NAME}-{name}" if name else NAME
    (found,) = [o for o in objects(*arguments) if (o["kind"], o["metadata"]["name"]) == (kind, full)]
    return found


def pod_of(workload: Object) -> Object:
    """Return the pod's spec in a Deployment or a StatefulSet, or the spec of a Pod."""
    spec: Object = workload["spec"]
    return spec["template"]["spec"] if "template" in spec else spec


def container_of(workload: Object) -> Object:
    """Return the one container."""
    (container,) = pod_of(workload)["containers"]
    return dict(container)


def environment_of(workload: Object) -> dict[str, Any]:
    """Return the container's environment; a value from a Secret as `secret/key`."""

    def value(variable: Object) -> Any:
        if "value" in variable:
            return variable["value"]
        source = variable["valueFrom"].get("secretKeyRef")
        return f"{source['name']}/{source['key']}" if source else variable["valueFrom"]

    return {variable["name"]: value(variable) for variable in container_of(workload)["env"]}


def workloads(*arguments: str, where: Callable[[Object], bool] = lambda _: True) -> list[Object]:
    """Return everything that makes pods."""
    makers = {"Deployment", "StatefulSet", "Pod", "Job", "DaemonSet"}
    return [found for found in objects(*arguments) if found["kind"] in makers and where(found)]
