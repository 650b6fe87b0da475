"""Asks Kubernetes about the installed system."""

import base64
import json
from typing import Any

from kubernetes import client

from tests.e2e.command import run
from tests.e2e.release import FULLNAME, RELEASE
from tests.support.deployment import sum_of_samples
from tests.support.waiting import wait_for

RABBITMQ_POD = f"{FULLNAME}-rabbitmq-0"
REDIS_POD = f"{FULLNAME}-redis-0"
IDLE_TIMEOUT_S = 180.0
READY_TIMEOUT_S = 120.0
_QUEUES = ("mnist.jobs", "mnist.retry", "mnist.dead")


class System:
    """Asks the Kubernetes API about a release's objects; the namespace has the release's name."""

    def __init__(self, release: str = RELEASE) -> None:
        self._release = self._namespace = release
        self._fullname = f"{release}-mnist-inference"
        self.core: Any = client.CoreV1Api()
        self._apps: Any = client.AppsV1Api()

    def list_pods(self, component: str) -> list[Any]:
        """Return the pods of a component that are not terminating, in any order."""
        return [pod for pod in self._list_existing(component) if not pod.metadata.deletion_timestamp]

    def read_uids(self) -> dict[str, str]:
        """Return the uid of each pod by its name, except of workers and tests."""
        pods = [pod for component in ("api", "rabbitmq", "redis") for pod in self.list_pods(component)]
        return {pod.metadata.name: pod.metadata.uid for pod in pods}

    def read_generations(self) -> dict[str, int]:
        """Return the generation of each Deployment and StatefulSet, by its name."""
        workloads = self._apps.list_namespaced_deployment(self._namespace).items
        workloads += self._apps.list_namespaced_stateful_set(self._namespace).items
        return {workload.metadata.name: workload.metadata.generation for workload in workloads}

    def list_running_workers(self) -> list[Any]:
        """Return the workers that are ready."""
        return [pod for pod in self.list_pods("worker") if is_ready(pod)]

    def list_paid_workers(self) -> list[Any]:
        """Return the workers that hold their GPU: they have a node and have not ended; they may be terminating."""
        return [
            pod
            for pod in self._list_existing("worker")
            if pod.spec.node_name and pod.status.phase not in ("Succeeded", "Failed")
        ]

    def list_started_workers(self) -> list[Any]:
        """Return the workers with answering probes and metrics, ready or not."""
        return [pod for pod in self.list_pods("worker") if _has_started(pod)]

    def list_busy_workers(self) -> list[Any]:
        """Return the workers in a forward pass; it may end a moment later."""
        return [pod for pod in self.list_started_workers() if self.count_jobs_on_device(pod)]

    def count_jobs_on_device(self, worker: Any) -> int:
        """Return the size of the batch that a worker's model runs now, by the log of slow_model.py; 0 for none."""
        log = self.core.read_namespaced_pod_log(worker.metadata.name, self._namespace)
        events = [json.loads(line) for line in log.splitlines() if '"slow_model"' in line]
        return sum({"started": 1, "finished": -1}[event["message"]] * event["jobs"] for event in events)

    def count_wanted_workers(self, model: str = "mnist") -> int:
        """Return the number of workers that KEDA asks for."""
        name = f"{self._fullname}-worker-{model}"
        return int(self._apps.read_namespaced_deployment(name, self._namespace).spec.replicas)

    def read_passwords(self) -> dict[str, str]:
        """Return the contents of the Secret."""
        data = self.core.read_namespaced_secret(f"{self._fullname}-auth", self._namespace).data
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def count_queued(self) -> dict[str, int]:
        """Return RabbitMQ's current number of messages in each queue, ready and unacknowledged."""
        command = ("rabbitmqctl", "--quiet", "list_queues", "--no-table-headers", "name", "messages")
        pod = f"{self._fullname}-rabbitmq-0"
        lines = run("kubectl", "--namespace", self._namespace, "exec", pod, "--container=rabbitmq", "--", *command)
        counts = dict(line.split() for line in lines.splitlines())
        return {queue: int(counts[queue]) for queue in _QUEUES}

    def sum_worker_metric(self, name: str) -> float:
        """Return the sum of a metric over the workers that have started."""
        return sum(self.sum_metric(pod, name) for pod in self.list_started_workers())

    def sum_metric(self, worker: Any, name: str) -> float:
        """Return the sum of a metric of one worker."""
        pod = f"{worker.metadata.name}:8081"
        text = self.core.connect_get_namespaced_pod_proxy_with_path(pod, self._namespace, "metrics/")
        return sum_of_samples(text, name)

    def wait_until_idle(self) -> None:
        """Wait until the API is ready, all workers are gone, and no job is left."""
        self.wait_until_ready("api")
        wait_for(
            "no worker", lambda: self.count_wanted_workers() == 0 and not self._list_existing("worker"), IDLE_TIMEOUT_S
        )
        assert self.count_queued() == dict.fromkeys(_QUEUES, 0)

    def wait_for_workers(self, count: int) -> None:
        """Wait until `count` workers are ready."""
        wait_for(f"{count} ready workers", lambda: len(self.list_running_workers()) >= count, READY_TIMEOUT_S)

    def wait_for_busy_worker(self) -> Any:
        """Wait for a worker in a forward pass, and return it; the pass may end a moment later."""
        return wait_for("a worker in a forward pass", self.list_busy_workers, READY_TIMEOUT_S, every_s=0.1)[0]

    def wait_for_restart(self, worker: Any) -> None:
        """Wait until Kubernetes has restarted a worker's container."""
        before = worker.status.container_statuses[0].restart_count

        def has_restarted() -> bool:
            pod = self.core.read_namespaced_pod(worker.metadata.name, self._namespace)
            return bool(pod.status.container_statuses[0].restart_count > before)

        wait_for(f"a restart of {worker.metadata.name}", has_restarted, READY_TIMEOUT_S)

    def wait_until_ready(self, component: str) -> None:
        """Wait until a component has pods, and all are ready."""
        wait_for(
            f"{component} is ready",
            lambda: bool(self.list_pods(component)) and all(is_ready(pod) for pod in self.list_pods(component)),
            READY_TIMEOUT_S,
        )

    def delete_pod(self, name: str) -> None:
        """Delete a pod as a scale-down does, without a wait."""
        self.core.delete_namespaced_pod(name, self._namespace)

    def _list_existing(self, component: str) -> list[Any]:
        labels = f"app.kubernetes.io/instance={self._release},app.kubernetes.io/component={component}"
        return list(self.core.list_namespaced_pod(self._namespace, label_selector=labels).items)


def is_ready(pod: Any) -> bool:
    """Ask whether a pod's readiness probe succeeds."""
    return any(condition.type == "Ready" and condition.status == "True" for condition in pod.status.conditions or ())


def _has_started(pod: Any) -> bool:
    return any(container.started for container in pod.status.container_statuses or ())
