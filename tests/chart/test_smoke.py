"""The program of `helm test` asks every model of the API, and every node of RabbitMQ by its own name."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import ModuleType
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.chart.helm import NAME, NEEDS_HELM, environment_of, objects, one, values
from tests.support.servers import free_port

CREDENTIALS = f"Basic {base64.b64encode(b'autoscaler:secret').decode()}"
QUEUES = {"^mnist[.]jobs$": "mnist.jobs", "^mnist[.]retry$": "mnist.retry"}
EXTERNAL = values(
    "rabbitmq.enabled=false",
    "externalRabbitmq.existingSecret=broker",
    "externalRabbitmq.managementUrl=https://rabbitmq.example.org:15671/",
)

Nodes = Callable[..., list[str]]


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    """Start a management API for each list of counts, one count a call, the last one for good; return their URLs."""
    with ExitStack() as stack:
        yield lambda *counts, **how: [stack.enter_context(management_api(list(each), **how)) for each in counts]


@contextmanager
def management_api(
    counts: list[int], field: str = "messages", leader: str = "rabbit@0", stranger: int = 401
) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if self.headers["Authorization"] != CREDENTIALS:
                return self.answer(stranger, b"{}")
            (pattern,) = parse_qs(url.query)["name"]
            assert url.path == "/api/queues/%2F"
            count = counts.pop(0) if len(counts) > 1 else counts[0]
            queue = {"name": QUEUES[pattern], "leader": leader, field: count}
            return self.answer(200, json.dumps({"items": [queue]}).encode())

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_nodes_that_count_alike_pass(smoke: ModuleType, nodes: Nodes, capsys: pytest.CaptureFixture[str]) -> None:
    smoke.check_job_counts(nodes([10], [10], [10]))

    assert "alike at 3 addresses" in capsys.readouterr().out


def test_a_node_that_counts_differently_fails(smoke: ModuleType, nodes: Nodes) -> None:
    with pytest.raises(SystemExit, match="the nodes of RabbitMQ differ"):
        smoke.check_job_counts(nodes([10], [0], [10]), patience_s=0)


def test_a_node_outside_the_cluster_of_the_others_fails(smoke: ModuleType, nodes: Nodes) -> None:
    with pytest.raises(SystemExit, match="the nodes of RabbitMQ differ"):
        smoke.check_job_counts(nodes([0], [0]) + nodes([0], leader="rabbit@2"), patience_s=0)


def test_a_job_that_comes_between_two_looks_is_no_difference(smoke: ModuleType, nodes: Nodes) -> None:
    smoke.check_job_counts(nodes([10, 11], [11]))


def test_a_node_without_a_count_fails(smoke: ModuleType, nodes: Nodes) -> None:
    with pytest.raises(SystemExit, match="the autoscaler cannot count jobs"):
        smoke.check_job_counts(nodes([10], field="messages_ready"))


def test_a_node_that_asks_no_stranger_for_a_password_fails(smoke: ModuleType, nodes: Nodes) -> None:
    with pytest.raises(SystemExit, match="answers 200 to a caller without a password"):
        smoke.check_rabbitmq_password(nodes([0]) + nodes([0], stranger=200))


def test_a_node_that_is_away_fails_with_its_address(smoke: ModuleType, nodes: Nodes) -> None:
    gone = f"http://127.0.0.1:{free_port()}/"

    with pytest.raises(SystemExit, match=f"{gone}.*must run, be in DNS and let this pod in"):
        smoke.check_job_counts([*nodes([10]), gone])


@NEEDS_HELM
@pytest.mark.parametrize("replicas", [1, 3])
def test_the_address_that_keda_asks_and_every_node_are_asked(replicas: int) -> None:
    arguments = ("--namespace", "inference", *values(f"rabbitmq.replicas={replicas}", "clusterDomain=example.internal"))
    (keda,) = {
        trigger["metadata"]["host"] for trigger in one("ScaledObject", "worker-mnist", *arguments)["spec"]["triggers"]
    }
    of_pods = f"{one('StatefulSet', 'rabbitmq', *arguments)['spec']['serviceName']}.inference.svc.example.internal"

    asked = environment_of(one("Pod", "test", *arguments))["MANAGEMENT_URLS"].split()

    assert asked == [keda, *(f"http://{NAME}-rabbitmq-{number}.{of_pods}:15672/" for number in range(replicas))]


@NEEDS_HELM
def test_every_pod_of_rabbitmq_has_a_name_even_before_it_is_ready() -> None:
    nodes = one("Service", "rabbitmq-nodes")["spec"]

    assert nodes["clusterIP"] == "None"
    assert nodes["publishNotReadyAddresses"] is True
    assert nodes["selector"] == one("StatefulSet", "rabbitmq")["spec"]["selector"]["matchLabels"]


@NEEDS_HELM
def test_the_network_lets_the_test_reach_the_management_api_of_every_node() -> None:
    arguments = values("networkPolicy.enabled=true", "rabbitmq.replicas=3")
    policy = one("NetworkPolicy", "rabbitmq", *arguments)["spec"]
    labels = one("Pod", "test", *arguments)["metadata"]["labels"]

    def is_test(peer: dict[str, dict[str, dict[str, str]]]) -> bool:
        wanted = peer.get("podSelector", {}).get("matchLabels", {"": ""})
        return bool(wanted.items() <= labels.items())

    assert policy["podSelector"]["matchLabels"] == one("StatefulSet", "rabbitmq")["spec"]["selector"]["matchLabels"]
    assert [rule["ports"] for rule in policy["ingress"] if any(map(is_test, rule["from"]))] == [
        [{"port": "management"}]
    ]
    closed = [found for found in objects(*arguments) if found["kind"] == "NetworkPolicy"]
    assert not [p for p in closed if p["spec"]["podSelector"]["matchLabels"].items() <= labels.items()]


@NEEDS_HELM
def test_a_rabbitmq_of_somebody_else_is_not_asked() -> None:
    assert "MANAGEMENT_URLS" not in environment_of(one("Pod", "test", *EXTERNAL))
