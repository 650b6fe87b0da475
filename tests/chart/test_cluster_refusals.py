"""Changes that Kubernetes would refuse halfway through an upgrade, or that lose jobs, are refused before it begins."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.chart.cluster import Cluster, serving
from tests.chart.helm import HELMS, NAME, NEEDS_HELM, values

pytestmark = [NEEDS_HELM, pytest.mark.parametrize("program", HELMS or ["helm"])]

CLAIM = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "8Gi"}}}}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with serving() as found:
        yield found


def put(cluster: Cluster, server: str, replicas: int = 1, claims: list[dict[str, Any]] | None = None) -> None:
    spec = {"replicas": replicas, "volumeClaimTemplates": [CLAIM] if claims is None else claims}
    cluster.put("StatefulSet", f"{NAME}-{server}", spec=spec)


@pytest.mark.parametrize("server", ["rabbitmq", "redis"])
@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("persistence.size=16Gi", "size is 16Gi, but the volumes of"),
        ("persistence.storageClass=fast", 'storageClass is "fast", but'),
        ("persistence.enabled=false", "enabled is false, but"),
        ("persistence.existingClaim=mine", "enabled is false, but"),
    ],
)
def test_another_volume_is_refused(cluster: Cluster, program: str, server: str, setting: str, reason: str) -> None:
    put(cluster, server)

    done = cluster.render(*values(f"{server}.{setting}"), program=program)

    assert done.returncode != 0
    assert f"{server}.persistence.{reason}" in done.stderr


@pytest.mark.parametrize("server", ["rabbitmq", "redis"])
def test_a_claim_of_ones_own_stays(cluster: Cluster, program: str, server: str) -> None:
    put(cluster, server, claims=[])

    assert cluster.objects(*values(f"{server}.persistence.existingClaim=mine"), program=program)


@pytest.mark.parametrize("server", ["rabbitmq", "redis"])
def test_the_same_size_may_be_written_in_another_way(cluster: Cluster, program: str, server: str) -> None:
    put(cluster, server)

    assert cluster.objects(*values(f"{server}.persistence.size=8192Mi"), program=program)


def test_fewer_nodes_are_refused(cluster: Cluster, program: str) -> None:
    put(cluster, "rabbitmq", replicas=3)

    done = cluster.render(*values("rabbitmq.replicas=1"), program=program)

    assert "rabbitmq.replicas is 1, but digits-mnist-inference-rabbitmq has 3 nodes" in done.stderr
