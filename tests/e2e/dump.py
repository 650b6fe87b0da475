"""Dumps the state of the cluster after a failed test."""

import shlex
import subprocess
from pathlib import Path

from tests.e2e.command import run
from tests.e2e.release import NAMESPACE
from tests.e2e.system import RABBITMQ_POD

_COMMANDS = (
    "kubectl get nodes --output wide",
    "kubectl get pods --all-namespaces --output wide",
    f"kubectl --namespace {NAMESPACE} get events --sort-by .lastTimestamp",
    f"kubectl --namespace {NAMESPACE} get deployments,statefulsets,persistentvolumeclaims,services",
    f"kubectl --namespace {NAMESPACE} describe scaledobjects,horizontalpodautoscalers",
    f"kubectl --namespace {NAMESPACE} describe pods",
    f"kubectl --namespace {NAMESPACE} exec {RABBITMQ_POD} -- rabbitmqctl list_queues name messages consumers",
    "kubectl --namespace keda logs deployment/keda-operator --tail 100",
)
_COMPONENTS = ("api", "worker", "rabbitmq", "redis")


def dump(path: Path) -> None:
    """Write the state of the cluster and the pods' logs, also of former containers, to a file."""
    sections = [_run_safely(command) for command in _COMMANDS]
    for component in _COMPONENTS:
        of = f"--selector app.kubernetes.io/component={component}"
        logs = f"kubectl --namespace {NAMESPACE} logs --prefix --tail 200 --all-containers {of}"
        sections += [_run_safely(logs), _run_safely(f"{logs} --previous")]
    path.write_text("\n".join(sections))


def _run_safely(command: str) -> str:
    try:
        return f"$ {command}\n{run(*shlex.split(command), timeout_s=30, expected_status=None)}"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"$ {command}\n{error}"
