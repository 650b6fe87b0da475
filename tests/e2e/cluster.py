"""A kind cluster with KEDA and pretended GPUs."""

import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.command import run
from tests.support.deployment import ROOT

NAME = "mnist-e2e"
NODE = f"{NAME}-control-plane"
"""Runs everything but the workers."""
GPU_NODE = f"{NAME}-worker"
API_URL = "http://127.0.0.1:18080"
"""Where kind.yaml maps the node port of the API to."""
GPUS = 2
KUBECONFIG = ROOT / "build/e2e/kubeconfig"
"""A separate file, so that the user's own context does not change."""
IMAGES = ("rabbitmq:4.3-management", "redis:8")
"""The chart's images besides our own."""


def exists() -> bool:
    """Ask whether the cluster exists."""
    return NAME in run("kind", "get", "clusters").split()


def create(node_image: str) -> None:
    """Create the cluster; `node_image` empty takes kind's own."""
    # A separate network without IPv6: with both, a node may ask for names at an address that does not answer.
    if NAME not in run("docker", "network", "ls", "--format", "{{.Name}}").split():
        run("docker", "network", "create", NAME)
    os.environ["KIND_EXPERIMENTAL_DOCKER_NETWORK"] = NAME
    image = ["--image", node_image] if node_image else []
    config = ["--config", str(Path(__file__).with_name("kind.yaml")), "--kubeconfig", str(KUBECONFIG)]
    run("kind", "create", "cluster", "--name", NAME, "--wait", "180s", *image, *config, timeout_s=600)


def delete() -> None:
    """Delete the cluster and everything in it."""
    run("kind", "delete", "cluster", "--name", NAME, "--kubeconfig", str(KUBECONFIG), timeout_s=120)
    run("docker", "network", "rm", NAME)


def write_kubeconfig() -> None:
    """Write the kubeconfig of an existing cluster."""
    run("kind", "export", "kubeconfig", "--name", NAME, "--kubeconfig", str(KUBECONFIG))


def prepare_nodes() -> None:
    """Pretend that one node has GPUs; make Services reachable from both nodes, and only inside the cluster."""
    _tell_where_the_api_server_is()
    for node in (NODE, GPU_NODE):
        _keep_service_addresses_inside(node)
    gpus = [
        {"op": "add", "path": f"/status/{field}/nvidia.com~1gpu", "value": str(GPUS)}
        for field in ("capacity", "allocatable")
    ]
    run("kubectl", "patch", "node", GPU_NODE, "--subresource=status", "--type=json", "--patch", json.dumps(gpus))
    run("kubectl", "taint", "node", GPU_NODE, "nvidia.com/gpu=present:NoSchedule", "--overwrite")


def _tell_where_the_api_server_is() -> None:
    # With some node images, no pod can ask docker for names. Then kube-proxy never learns of a Service.
    if NODE not in run("docker", "exec", GPU_NODE, "cat", "/etc/hosts"):
        address = run("docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", NODE)
        run("docker", "exec", GPU_NODE, "sh", "-c", f"echo {address.strip()} {NODE} >> /etc/hosts")
        proxy = ("--selector", "k8s-app=kube-proxy", "--field-selector", f"spec.nodeName={GPU_NODE}")
        run("kubectl", "--namespace", "kube-system", "delete", "pod", *proxy)


def _keep_service_addresses_inside(node: str) -> None:
    # For about a second, until the node knows a Service's pods, its address leads out of the cluster. If a proxy there
    # answers for any address, KEDA or the API server would keep that connection and always read 404.
    subnet = run("kubectl", "get", "service", "kubernetes", "--output", "jsonpath={.spec.clusterIP}").rpartition(".")[0]
    for chain in ("FORWARD", "OUTPUT"):
        rule = f"{chain} -d {subnet}.0/16 -j REJECT"
        run("docker", "exec", node, "sh", "-c", f"iptables -C {rule} 2>/dev/null || iptables -I {rule}")


def install_keda(command: str) -> None:
    """Install KEDA with a command, unless it is installed."""
    if "keda" not in run("kubectl", "get", "namespaces", "--output", "name"):
        run(*shlex.split(command), timeout_s=600)


def find_keda_address() -> str:
    """Return the address of KEDA's operator, which reads the figures."""
    pods = ("--namespace", "keda", "get", "pods", "--selector", "app=keda-operator")
    return run("kubectl", *pods, "--output", "jsonpath={.items[0].status.podIP}")


def load(node: str, *images: str) -> None:
    """Load images from docker into a node, unless the node has them."""
    for image in images:
        loaded = f"/loaded/{run('docker', 'image', 'inspect', '--format', '{{.Id}}', image).strip()}/{image}"
        if run("docker", "exec", node, "sh", "-c", f"ls -d {loaded} || true"):
            continue
        run("kind", "load", "docker-image", "--name", NAME, "--nodes", node, image, timeout_s=600)
        run("docker", "exec", node, "mkdir", "-p", loaded)


def kill_hard(container_id: str) -> None:
    """Send SIGKILL to the first process of a worker's container, as the kernel does when memory runs out."""
    pids = {task: pid for task, pid, _ in _list_tasks("list")}
    run("docker", "exec", GPU_NODE, "kill", "-KILL", pids[_name_task(container_id)])


@contextmanager
def freeze(container_id: str) -> Iterator[None]:
    """Stop all processes of a worker's container while the block runs; SIGKILL still reaches them."""
    pids = [pid for pid, *_ in _list_tasks("ps", _name_task(container_id))]
    run("docker", "exec", GPU_NODE, "kill", "-STOP", *pids)
    try:
        yield
    finally:
        run("docker", "exec", GPU_NODE, "kill", "-CONT", *pids, expected_status=None)


def _name_task(container_id: str) -> str:
    return container_id.removeprefix("containerd://")


def _list_tasks(*arguments: str) -> list[list[str]]:
    """Return a table of containerd on the workers' node: the columns of each line, without the head."""
    table = run("docker", "exec", GPU_NODE, "ctr", "--namespace", "k8s.io", "tasks", *arguments)
    return [line.split() for line in table.splitlines()[1:]]
