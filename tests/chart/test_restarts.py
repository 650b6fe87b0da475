"""The next upgrade restarts the pods that use a changed URL, password or CA, and no other pod."""

import base64
from collections.abc import Iterator

import pytest

from tests.chart.cluster import Cluster, serving
from tests.chart.helm import CHART, HELMS, KUBERNETES, NEEDS_HELM, RELEASE, helm, values

pytestmark = [NEEDS_HELM, pytest.mark.parametrize("program", HELMS or ["helm"])]
OF_SOMEBODY_ELSE = values(
    "auth.existingSecret=passwords",
    "rabbitmq.enabled=false",
    "externalRabbitmq.existingSecret=broker",
    "externalRabbitmq.managementUrl=https://rabbitmq.example.org:15671/",
    "redis.enabled=false",
    "externalRedis.existingSecret=store",
    "ca.existingSecret=authority",
    "api.keys.existingSecret=clients",
)
OWN_SERVERS = values("auth.existingSecret=passwords")
BOTH = {"api", "worker-mnist"}
#: A key of each Secret that somebody else holds, and the pods that read it at their start.
READERS = [
    ("passwords", "ticket-key", OF_SOMEBODY_ELSE, {"api"}),
    ("broker", "rabbitmq-api-url", OF_SOMEBODY_ELSE, {"api"}),
    ("broker", "rabbitmq-worker-mnist-url", OF_SOMEBODY_ELSE, {"worker-mnist"}),
    ("store", "redis-api-url", OF_SOMEBODY_ELSE, {"api"}),
    ("store", "redis-worker-mnist-url", OF_SOMEBODY_ELSE, {"worker-mnist"}),
    ("authority", "ca.crt", OF_SOMEBODY_ELSE, BOTH),
    ("passwords", "rabbitmq-api-password", OWN_SERVERS, {"api", "rabbitmq"}),
    ("passwords", "rabbitmq-worker-mnist-password", OWN_SERVERS, {"worker-mnist", "rabbitmq"}),
    ("passwords", "redis-worker-mnist-password", OWN_SERVERS, {"worker-mnist", "redis"}),
    ("passwords", "rabbitmq-erlang-cookie", OWN_SERVERS, {"rabbitmq"}),
    # KEDA and the API read these again.
    ("broker", "rabbitmq-autoscaler-password", OF_SOMEBODY_ELSE, set()),
    ("clients", "keys.toml", OF_SOMEBODY_ELSE, set()),
    # A Secret may hold more than the chart uses.
    ("authority", "tls.crt", OF_SOMEBODY_ELSE, set()),
]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with serving() as found:
        for secret in ("passwords", "broker", "store", "authority", "clients"):
            put(found, secret)
        yield found


def put(cluster: Cluster, secret: str, **changed: str) -> None:
    keys = {key: "old" for name, key, _, _ in READERS if name == secret} | changed
    cluster.put("Secret", secret, data={key: base64.b64encode(text.encode()).decode() for key, text in keys.items()})


def templates(cluster: Cluster, *arguments: str, program: str) -> dict[str, object]:
    """Return the pod template of each workload: Kubernetes restarts the pods if it changes."""
    found = cluster.objects(*arguments, program=program)
    return {name: made["spec"]["template"] for (_, name), made in found.items() if "template" in made.get("spec", {})}


def restarted(before: dict[str, object], after: dict[str, object]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    ("secret", "key", "arguments", "readers"), READERS, ids=[f"{secret}-{key}" for secret, key, _, _ in READERS]
)
def test_a_changed_key_of_a_secret_restarts_its_readers_and_nobody_else(
    cluster: Cluster, secret: str, key: str, arguments: tuple[str, ...], readers: set[str], program: str
) -> None:
    before = templates(cluster, *arguments, program=program)
    put(cluster, secret, **{key: "new"})

    assert restarted(before, templates(cluster, *arguments, program=program)) == readers


@pytest.mark.parametrize("server", ["rabbitmq", "redis"])
def test_a_new_url_in_the_values_restarts_the_api_and_the_workers(cluster: Cluster, server: str, program: str) -> None:
    def with_host(host: str) -> dict[str, object]:
        external = values(
            "auth.existingSecret=passwords",
            "autoscaling.enabled=false",
            f"{server}.enabled=false",
            f"external{server.title()}.url={'amqp' if server == 'rabbitmq' else 'redis'}://{host}",
        )
        return templates(cluster, *external, program=program)

    assert restarted(with_host("old.example.org"), with_host("new.example.org")) == BOTH


@pytest.mark.parametrize("arguments", [OF_SOMEBODY_ELSE, OWN_SERVERS], ids=["servers of somebody else", "own servers"])
def test_an_upgrade_that_changes_nothing_restarts_nobody(
    cluster: Cluster, arguments: tuple[str, ...], program: str
) -> None:
    before, after = (templates(cluster, *arguments, program=program) for _ in range(2))

    assert restarted(before, after) == set()


def test_without_a_cluster_two_renderings_are_equal(program: str) -> None:
    """Argo CD renders so."""
    arguments = ("--kube-version", KUBERNETES, *OF_SOMEBODY_ELSE)
    first, second = (helm("template", RELEASE, str(CHART), *arguments, program=program) for _ in range(2))

    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
