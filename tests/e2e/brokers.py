"""The nodes of a release's RabbitMQ as they see each other, and their volumes."""

import json

from tests.e2e.command import CommandError, run
from tests.support.waiting import wait_for

MEMBERS_TIMEOUT_S = 120


class Brokers:
    """The pods of RabbitMQ's StatefulSet in a release whose namespace has its name."""

    def __init__(self, release: str) -> None:
        self.statefulset = f"{release}-mnist-inference-rabbitmq"
        self._namespace = release

    def name(self, number: int) -> str:
        """Return the name of a pod."""
        return f"{self.statefulset}-{number}"

    def list_clusters(self, count: int) -> list[list[int]]:
        """Return the running nodes that each of `count` pods sees; nothing for a pod that does not answer."""
        return [self._list_cluster(number) for number in range(count)]

    def count_members(self, pod: int = 0) -> list[int]:
        """Return the number of nodes of each queue."""
        lines = self._exec(pod, "rabbitmqctl", "--quiet", "list_queues", "--no-table-headers", "members").splitlines()
        return [line.count("rabbit@") for line in lines]

    def wait_for_one_cluster(self, count: int) -> None:
        """Wait until each of `count` pods sees all, and every queue is on every node."""
        everybody = list(range(count))
        wait_for(f"one cluster of {count}", lambda: self.list_clusters(count) == [everybody] * count, 300)
        wait_for("every queue is on every node", lambda: set(self.count_members()) == {count}, MEMBERS_TIMEOUT_S)

    def read_reason(self, number: int) -> str:
        """Return what a node without data waits for: the last line of its init container, or nothing."""
        said = self._kubectl("logs", self.name(number), "--container=fill-in", "--tail=1", fails=True)
        return said.strip()

    def lose(self, *numbers: int) -> None:
        """Delete volumes and their pods at once, without a wait for the drain of the nodes."""
        self._kubectl("delete", "pvc", *(f"data-{self.name(number)}" for number in numbers), "--wait=false")
        self._kubectl("delete", "pod", *map(self.name, numbers), "--grace-period=1")

    def scale(self, count: int) -> None:
        """Set the number of pods, and wait until those above it are gone."""
        self._kubectl("scale", f"statefulset/{self.statefulset}", f"--replicas={count}")
        wait_for(f"{count} pods", lambda: self.count_pods() <= count, 180)

    def count_pods(self) -> int:
        """Return the number of pods, with the ending ones."""
        return len(self._read("pods", "rabbitmq", "metadata.uid"))

    def read_claims(self, field: str, server: str = "rabbitmq") -> dict[str, str]:
        """Return a field of each claim of a server by its name, such as `spec.storageClassName`."""
        return self._read("pvc", server, field)

    def list_ready_addresses(self) -> list[str]:
        """Return the addresses behind the Service that the API and the workers use."""
        path = "{.items[*].endpoints[?(@.conditions.ready==true)].addresses[0]}"
        label = f"kubernetes.io/service-name={self.statefulset}"
        return self._kubectl("get", "endpointslices", "--selector", label, "--output", f"jsonpath={path}").split()

    def _list_cluster(self, number: int) -> list[int]:
        try:
            status = json.loads(self._exec(number, "rabbitmqctl", "--quiet", "cluster_status", "--formatter=json"))
        except CommandError:
            return []
        return sorted(int(node.partition(".")[0].rpartition("-")[2]) for node in status["running_nodes"])

    def _read(self, kind: str, server: str, field: str) -> dict[str, str]:
        labels = f"app.kubernetes.io/instance={self._namespace},app.kubernetes.io/component={server}"
        path = f'{{range .items[*]}}{{.metadata.name}}={{.{field}}}{{"\\n"}}{{end}}'
        lines = self._kubectl("get", kind, "--selector", labels, "--output", f"jsonpath={path}").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def _exec(self, number: int, *command: str) -> str:
        return self._kubectl("exec", self.name(number), "--container=rabbitmq", "--", *command)

    def _kubectl(self, *arguments: str, fails: bool = False) -> str:
        status = None if fails else 0
        return run("kubectl", "--namespace", self._namespace, *arguments, timeout_s=180, expected_status=status)
