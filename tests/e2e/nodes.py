"""The nodes of a RabbitMQ: which of them leads a queue, how many jobs each of them counts, whom KEDA asks."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx

from tests.e2e.command import port_forward, run
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
"""As KEDA asks."""


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

    def leader(self) -> str:
        """Return the pod that leads the queue."""
        node: str = self._queue(self.pods[0])["leader"]
        return node.removeprefix("rabbit@").removesuffix(f".{self._domain}")

    def move_leader(self, pod: str) -> None:
        """Let a pod lead the queue; return when it does."""
        if self.leader() != pod:
            self._exec(self.pods[0], "rabbitmq-queues", "transfer_leadership", QUEUE, f"rabbit@{pod}.{self._domain}")
            wait_for(f"{pod} leads {QUEUE}", lambda: self.leader() == pod, 30, every_s=0.1)

    def move_leader_on(self) -> str:
        """Let the next pod lead the queue, after the last one the first; return which."""
        following = self.pods[(self.pods.index(self.leader()) + 1) % len(self.pods)]
        self.move_leader(following)
        return following

    def counts(self) -> list[int]:
        """Return how many jobs each pod tells KEDA."""
        return [int(self._queue(pod)["messages"]) for pod in self.pods]

    def asked_by(self, address: str) -> list[str]:
        """Return the pods to whose management API an IPv4 address holds a connection."""
        peer = "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
        return [pod for pod in self.pods if peer in self._peers(pod)]

    def _queue(self, pod: str) -> dict[str, Any]:
        """Return what a pod says about the queue when it is asked as KEDA asks."""
        answer = httpx.get(f"{self._urls[pod]}/api/queues/%2F", params=_LIST, auth=self._auth, timeout=10)
        found = answer.raise_for_status().json()["items"]
        # For a moment after a leader has gone, the list may lack its queue. KEDA takes that for a 0.
        return dict(found[0]) if found else {"leader": "", "messages": 0}

    def _peers(self, pod: str) -> set[str]:
        """Return who is connected to a pod's management API, as the kernel writes IPv4 addresses."""
        table = self._exec(pod, "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6")
        rows = [line.split()[1:4] for line in table.splitlines()]
        port = f":{_MANAGEMENT_PORT:04X}"
        return {
            peer.partition(":")[0][-8:] for local, peer, state in rows if local.endswith(port) and state == _ESTABLISHED
        }

    def _exec(self, pod: str, *command: str) -> str:
        return run("kubectl", "--namespace", self._namespace, "exec", pod, "--container=rabbitmq", "--", *command)


@contextmanager
def opened(namespace: str, statefulset: str, count: int, password: str) -> Iterator[Nodes]:
    """Yield the nodes, whose management APIs are reached while the block runs."""
    pods = [f"{statefulset}-{number}" for number in range(count)]
    with ExitStack() as stack:
        ports = {pod: stack.enter_context(port_forward(namespace, f"pod/{pod}", _MANAGEMENT_PORT)) for pod in pods}
        yield Nodes(namespace, statefulset, {pod: f"http://127.0.0.1:{port}" for pod, port in ports.items()}, password)
