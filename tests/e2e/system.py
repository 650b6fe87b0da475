"""What Kubernetes says about the installed system."""

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
    """Asks about a release's objects through the Kubernetes API; its namespace is called as it is."""

    def __init__(self, release: str = RELEASE) -> None:
        self._release = self._namespace = release
        self._fullname = f"{release}-mnist-inference"
        self.core: Any = client.CoreV1Api()
        self._apps: Any = client.AppsV1Api()

    def pods(self, component: str) -> list[Any]:
        """Return the pods of a component that are not on their way out, in any order."""
        return [pod for pod in self._existing(component) if not pod.metadata.deletion_timestamp]

    def uids(self) -> dict[str, str]:
        """Return the uid of each pod by its name, those of workers and tests left out."""
        pods = [pod for component in ("api", "rabbitmq", "redis") for pod in self.pods(component)]
        return {pod.metadata.name: pod.metadata.uid for pod in pods}

    def generations(self) -> dict[str, int]:
        """Return how often the wishes for each Deployment and StatefulSet have changed, by its name."""
        workloads = self._apps.list_namespaced_deployment(self._namespace).items
        workloads += self._apps.list_namespaced_stateful_set(self._namespace).items
        return {workload.metadata.name: workload.metadata.generation for workload in workloads}

    def running_workers(self) -> list[Any]:
        """Return the workers that are ready."""
        return [pod for pod in self.pods("worker") if is_ready(pod)]

    def paid_workers(self) -> list[Any]:
        """Return the workers that hold their GPU: they have a node and have not ended, leaving or not."""
        return [
            pod
            for pod in self._existing("worker")
            if pod.spec.node_name and pod.status.phase not in ("Succeeded", "Failed")
        ]

    def started_workers(self) -> list[Any]:
        """Return the workers whose probes and metrics answer, ready or not."""
        return [pod for pod in self.pods("worker") if _has_started(pod)]

    def busy_workers(self) -> list[Any]:
        """Return the workers that are in a forward pass; it may end a moment later."""
        return [pod for pod in self.started_workers() if self.jobs_on_device(pod)]

    def jobs_on_device(self, worker: Any) -> int:
        """Return the size of the batch that a worker's model runs now, as slow_model.py logs it; 0 for none."""
        log = self.core.read_namespaced_pod_log(worker.metadata.name, self._namespace)
        events = [json.loads(line) for line in log.splitlines() if '"slow_model"' in line]
        return sum({"started": 1, "finished": -1}[event["message"]] * event["jobs"] for event in events)

    def workers_wanted(self) -> int:
        """Return the number of workers that KEDA asks for."""
        return int(self._apps.read_namespaced_deployment(f"{self._fullname}-worker", self._namespace).spec.replicas)

    def passwords(self) -> dict[str, str]:
        """Return what the Secret holds."""
        data = self.core.read_namespaced_secret(f"{self._fullname}-auth", self._namespace).data
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def queued(self) -> dict[str, int]:
        """Return the messages of each queue, those that are worked on included, as RabbitMQ counts them now."""
        command = ("rabbitmqctl", "--quiet", "list_queues", "--no-table-headers", "name", "messages")
        pod = f"{self._fullname}-rabbitmq-0"
        lines = run("kubectl", "--namespace", self._namespace, "exec", pod, "--container=rabbitmq", "--", *command)
        counts = dict(line.split() for line in lines.splitlines())
        return {queue: int(counts[queue]) for queue in _QUEUES}

    def worker_metric(self, name: str) -> float:
        """Return the sum of a metric over the workers that have started."""
        return sum(self.metric_of(pod, name) for pod in self.started_workers())

    def metric_of(self, worker: Any, name: str) -> float:
        """Return the sum of a metric of one worker."""
        pod = f"{worker.metadata.name}:8081"
        text = self.core.connect_get_namespaced_pod_proxy_with_path(pod, self._namespace, "metrics/")
        return sum_of_samples(text, name)

    def wait_until_idle(self) -> None:
        """Return when the API is ready and there is no worker, not even a leaving one, and no job."""
        self.wait_until_ready("api")
        wait_for("no worker", lambda: self.workers_wanted() == 0 and not self._existing("worker"), IDLE_TIMEOUT_S)
        assert self.queued() == dict.fromkeys(_QUEUES, 0)

    def wait_for_workers(self, count: int) -> None:
        """Return once so many workers are ready."""
        wait_for(f"{count} ready workers", lambda: len(self.running_workers()) >= count, READY_TIMEOUT_S)

    def wait_for_busy_worker(self) -> Any:
        """Return a worker that is in a forward pass; it may end a moment later."""
        return wait_for("a worker in a forward pass", self.busy_workers, READY_TIMEOUT_S, every_s=0.1)[0]

    def wait_for_restart(self, worker: Any) -> None:
        """Return once Kubernetes has seen a worker's container end, and has started it again."""
        before = worker.status.container_statuses[0].restart_count

        def has_restarted() -> bool:
            pod = self.core.read_namespaced_pod(worker.metadata.name, self._namespace)
            return bool(pod.status.container_statuses[0].restart_count > before)

        wait_for(f"a restart of {worker.metadata.name}", has_restarted, READY_TIMEOUT_S)

    def wait_until_ready(self, component: str) -> None:
        """Return when a component has pods, and all are ready."""
        wait_for(
            f"{component} is ready",
            lambda: bool(self.pods(component)) and all(is_ready(pod) for pod in self.pods(component)),
            READY_TIMEOUT_S,
        )

    def delete_pod(self, name: str) -> None:
        """Delete a pod as a scale-down does, and do not wait."""
        self.core.delete_namespaced_pod(name, self._namespace)

    def _existing(self, component: str) -> list[Any]:
        labels = f"app.kubernetes.io/instance={self._release},app.kubernetes.io/component={component}"
        return list(self.core.list_namespaced_pod(self._namespace, label_selector=labels).items)


def is_ready(pod: Any) -> bool:
    """Ask whether a pod's readiness probe succeeds."""
    return any(condition.type == "Ready" and condition.status == "True" for condition in pod.status.conditions or ())


def _has_started(pod: Any) -> bool:
    return any(container.started for container in pod.status.container_statuses or ())
