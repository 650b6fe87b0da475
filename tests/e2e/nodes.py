"""The nodes of a RabbitMQ cluster: the leader of the queue, each node's count of jobs, KEDA's connections."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx

from tests.e2e.command import forward_port, run
from tests.support.waiting import wait_for

QUEUE = "mnist.jobs"
_MANAGEMENT_PORT = 15672
_ESTABLISHED = "01"
_LIST = {
    "name": f"^{QUEUE.replace('.', '[.]')}$",
    "use_regex": "true",
    "pagination": "false",
    "page": "1",
    "page_size": "100",
}
"""KEDA's query."""


class Nodes:
    """The pods of a StatefulSet of RabbitMQ.

    Attributes:
        pods: their names, in order.
    """

    def __init__(self, namespace: str, statefulset: str, urls: dict[str, str], password: str) -> None:
        self.pods = list(urls)
        self._namespace = namespace
        self._domain = f"{statefulset}-nodes.{namespace}.svc.cluster.local"
        self._urls = urls
        self._auth = "autoscaler", password

    def find_leader(self) -> str:
        """Return the pod that leads the queue."""
        node: str = self._read_queue(self.pods[0])["leader"]
        return node.removeprefix("rabbit@").removesuffix(f".{self._domain}")

    def move_leader(self, pod: str) -> None:
        """Make a pod the leader of the queue; wait until it is."""
        if self.find_leader() != pod:
            self._exec(self.pods[0], "rabbitmq-queues", "transfer_leadership", QUEUE, f"rabbit@{pod}.{self._domain}")
            wait_for(f"{pod} leads {QUEUE}", lambda: self.find_leader() == pod, 30, every_s=0.1)

    def move_leader_on(self) -> str:
        """Make the next pod the leader of the queue, after the last pod the first; return it."""
        following = self.pods[(self.pods.index(self.find_leader()) + 1) % len(self.pods)]
        self.move_leader(following)
        return following

    def count_jobs(self) -> list[int]:
        """Return the number of jobs that each pod reports to KEDA."""
        return [int(self._read_queue(pod)["messages"]) for pod in self.pods]

    def find_asked_by(self, address: str) -> list[str]:
        """Return the pods to whose management API an IPv4 address holds a connection."""
        peer = "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
        return [pod for pod in self.pods if peer in self._read_peers(pod)]

    def _read_queue(self, pod: str) -> dict[str, Any]:
        """Return a pod's answer about the queue to KEDA's query."""
        answer = httpx.get(f"{self._urls[pod]}/api/queues/%2F", params=_LIST, auth=self._auth, timeout=10)
        found = answer.raise_for_status().json()["items"]
        # Just after a leader has gone, the list may lack its queue. KEDA reads this as 0.
        return dict(found[0]) if found else {"leader": "", "messages": 0}

    def _read_peers(self, pod: str) -> set[str]:
        """Return the clients of a pod's management API; the kernel writes IPv4 addresses in this form."""
        table = self._exec(pod, "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6")
        rows = [line.split()[1:4] for line in table.splitlines()]
        port = f":{_MANAGEMENT_PORT:04X}"
        return {
            peer.partition(":")[0][-8:] for local, peer, state in rows if local.endswith(port) and state == _ESTABLISHED
        }

    def _exec(self, pod: str, *command: str) -> str:
        return run("kubectl", "--namespace", self._namespace, "exec", pod, "--container=rabbitmq", "--", *command)


@contextmanager
def open_nodes(namespace: str, statefulset: str, count: int, password: str) -> Iterator[Nodes]:
    """Yield the nodes; their management APIs are reachable while the block runs."""
    pods = [f"{statefulset}-{number}" for number in range(count)]
    with ExitStack() as stack:
        ports = {pod: stack.enter_context(forward_port(namespace, f"pod/{pod}", _MANAGEMENT_PORT)) for pod in pods}
        yield Nodes(namespace, statefulset, {pod: f"http://127.0.0.1:{port}" for pod, port in ports.items()}, password)
