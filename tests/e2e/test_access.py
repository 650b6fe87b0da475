"""RabbitMQ and Redis refuse clients without a password, and clients from other namespaces."""

from collections.abc import Iterator

import httpx
import pika
import pytest
import redis
from pika.exceptions import AMQPConnectionError

from tests.e2e import release
from tests.e2e.command import forward_port, run
from tests.e2e.release import FULLNAME, NAMESPACE
from tests.e2e.system import System
from tests.e2e.traffic import assert_answered_right, submit


def test_rabbitmq_lets_nobody_in_without_its_password(system: System) -> None:
    with forward_port(NAMESPACE, f"service/{FULLNAME}-rabbitmq", 5672) as port:
        parameters = pika.URLParameters(f"amqp://guest:guest@127.0.0.1:{port}/%2F")
        with pytest.raises(AMQPConnectionError):
            pika.BlockingConnection(parameters)


def test_rabbitmqs_management_api_lets_nobody_in_without_its_password(system: System) -> None:
    with forward_port(NAMESPACE, f"service/{FULLNAME}-rabbitmq", 15672) as port:
        for credentials in (None, ("guest", "guest"), ("operator", "operator")):
            assert httpx.get(f"http://127.0.0.1:{port}/api/queues", auth=credentials).status_code == 401


def test_redis_lets_nobody_in_without_its_password(system: System) -> None:
    with forward_port(NAMESPACE, f"service/{FULLNAME}-redis", 6379) as port:
        for user, password in ((None, None), ("default", ""), ("api", "api")):
            stranger = redis.Redis(port=port, username=user, password=password)
            with pytest.raises((redis.AuthenticationError, redis.ResponseError)):
                stranger.get("any")


@pytest.fixture
def enforced(system: System) -> Iterator[None]:
    """The chart with its network policies, on a network that enforces them."""
    if not _network_enforces_policies():
        pytest.skip("the network of this cluster enforces no NetworkPolicy")
    release.install("--set", "networkPolicy.enabled=true")
    yield
    release.install()


def test_with_network_policies_a_stranger_does_not_reach_redis_and_the_system_works(
    enforced: None, system: System
) -> None:
    assert not _reaches(f"{FULLNAME}-redis.{NAMESPACE}", 6379)
    assert_answered_right(submit(3))


def _network_enforces_policies() -> bool:
    """Forbid all traffic to the API, and try to reach it."""
    selector = {"matchLabels": {"app.kubernetes.io/component": "api"}}
    policy: dict[str, object] = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "nobody", "namespace": NAMESPACE},
        "spec": {"podSelector": selector, "policyTypes": ["Ingress"]},
    }
    assert _reaches(f"{FULLNAME}-api.{NAMESPACE}", 8000), "a stranger should reach the API while nothing forbids it"
    release.apply(policy)
    try:
        return not _reaches(f"{FULLNAME}-api.{NAMESPACE}", 8000)
    finally:
        run("kubectl", "--namespace", NAMESPACE, "delete", "networkpolicy", "nobody")


def _reaches(host: str, port: int) -> bool:
    connect = f"timeout 5 bash -c 'exec 3<>/dev/tcp/{host}/{port}' && echo reached || echo not"
    pod = ("run", "stranger", "--image=redis:8", "--image-pull-policy=IfNotPresent", "--restart=Never", "--rm")
    said = run(
        "kubectl", "--namespace", "default", *pod, "--attach", "--quiet", "--command", "--", "bash", "-c", connect
    )
    assert said.strip() in ("reached", "not"), said
    return said.strip() == "reached"
