"""The volumes of RabbitMQ and Redis."""

import pytest

from tests.chart.helm import NEEDS_HELM, Object, one, pod_of, refusal, values

pytestmark = NEEDS_HELM
BOTH = pytest.mark.parametrize("owner", ["rabbitmq", "redis"])


def claim_of(owner: str, *arguments: str) -> Object:
    (claim,) = one("StatefulSet", owner, *arguments)["spec"]["volumeClaimTemplates"]
    return dict(claim)


@BOTH
def test_claims_have_the_labels_annotations_and_modes_of_the_values(owner: str) -> None:
    path = f"{owner}.persistence"
    claim = claim_of(
        owner,
        *values(
            f"{path}.labels.backup=daily", f"{path}.annotations.keep=x", f"{path}.accessModes={{ReadWriteOncePod}}"
        ),
    )

    assert claim["metadata"]["labels"] == claim_of(owner)["metadata"]["labels"] | {"backup": "daily"}
    assert claim["metadata"]["annotations"] == {"keep": "x"}
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert claim_of(owner)["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert "annotations" not in claim_of(owner)["metadata"]


@BOTH
def test_a_claim_that_exists_is_used_and_none_is_made(owner: str) -> None:
    found = one("StatefulSet", owner, *values(f"{owner}.persistence.existingClaim=mine"))

    assert {"name": "data", "persistentVolumeClaim": {"claimName": "mine"}} in pod_of(found)["volumes"]
    assert not {"volumeClaimTemplates", "persistentVolumeClaimRetentionPolicy"} & set(found["spec"])


@BOTH
def test_without_persistence_the_volume_goes_with_the_pod(owner: str) -> None:
    found = one("StatefulSet", owner, *values(f"{owner}.persistence.enabled=false"))

    assert {"name": "data", "emptyDir": {}} in pod_of(found)["volumes"]
    assert "volumeClaimTemplates" not in found["spec"]


def test_several_nodes_cannot_share_a_claim() -> None:
    message = refusal("rabbitmq.persistence.existingClaim=mine", "rabbitmq.replicas=3")

    assert "rabbitmq.persistence.existingClaim is mine, but rabbitmq.replicas is 3" in message


@BOTH
def test_wrong_access_modes_are_refused_by_name(owner: str) -> None:
    assert "accessModes" in refusal(f"{owner}.persistence.accessModes={{ReadOnlyMany}}")
