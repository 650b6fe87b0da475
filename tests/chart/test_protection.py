"""`worker.protectBusy` gives the workers what they need to tell Kubernetes that they are busy, and no more."""

from typing import Any

import pytest

from tests.chart.helm import (
    NAME,
    NEEDS_HELM,
    Object,
    container_of,
    environment_of,
    kinds,
    one,
    pod_of,
    values,
    workloads,
)

pytestmark = NEEDS_HELM
ON = values("worker.protectBusy=true", "models.mnist.pools.spot.replicas=1", "networkPolicy.enabled=true")
OFF = values("models.mnist.pools.spot.replicas=1", "networkPolicy.enabled=true")
POOLS = ["worker-mnist", "worker-mnist-spot"]


def token_volumes(workload: Object) -> list[Object]:
    return [volume for volume in pod_of(workload)["volumes"] if "projected" in volume]


def egress_of(component: str, arguments: tuple[str, ...]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = one("NetworkPolicy", component, *arguments)["spec"]["egress"]
    return rules


def test_without_it_nothing_of_it_is_there() -> None:
    assert not kinds(*OFF) & {"ServiceAccount", "Role", "RoleBinding"}
    for workload in workloads(*OFF):
        assert not token_volumes(workload)
    for pool in POOLS:
        assert not {"INFERENCE_POD_NAME", "INFERENCE_POD_NAMESPACE"} & set(
            environment_of(one("Deployment", pool, *OFF))
        )


def test_a_worker_may_patch_pods_and_nothing_else() -> None:
    role = one("Role", "worker", *ON)
    binding = one("RoleBinding", "worker", "--namespace", "inference", *ON)

    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["patch"]}]
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": f"{NAME}-worker"}
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": f"{NAME}-worker", "namespace": "inference"}]
    assert not {"ClusterRole", "ClusterRoleBinding"} & kinds(*ON)


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_gets_a_short_token_which_it_cannot_change(pool: str) -> None:
    worker = one("Deployment", pool, *ON)
    (volume,) = token_volumes(worker)
    token, authority = volume["projected"]["sources"]
    (mount,) = [mount for mount in container_of(worker)["volumeMounts"] if mount["name"] == volume["name"]]

    assert pod_of(worker)["serviceAccountName"] == f"{NAME}-worker"
    assert token == {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}}
    assert authority["configMap"]["name"] == "kube-root-ca.crt"
    assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    assert mount["readOnly"] is True


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_knows_its_own_pod(pool: str) -> None:
    environment = environment_of(one("Deployment", pool, *ON))

    assert environment["INFERENCE_POD_NAME"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert environment["INFERENCE_POD_NAMESPACE"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}


def test_nobody_but_a_worker_gets_a_token_and_nobody_gets_one_unasked() -> None:
    with_token = [found["metadata"]["name"] for found in workloads(*ON) if token_volumes(found)]

    assert with_token == [f"{NAME}-{pool}" for pool in POOLS]
    assert one("ServiceAccount", "worker", *ON)["automountServiceAccountToken"] is False
    assert {pod_of(found)["automountServiceAccountToken"] for found in workloads(*ON)} == {False}


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_stays_restricted(pool: str) -> None:
    before, after = one("Deployment", pool, *OFF), one("Deployment", pool, *ON)

    assert pod_of(after)["securityContext"] == pod_of(before)["securityContext"]
    assert container_of(after)["securityContext"] == container_of(before)["securityContext"]


def test_a_worker_that_is_no_longer_protected_needs_no_account_that_is_gone() -> None:
    """Kubernetes would go on to name the old account if the field were left out."""
    assert pod_of(one("Deployment", "worker-mnist", *OFF))["serviceAccountName"] == "default"


def test_only_a_worker_reaches_kubernetes_and_only_when_it_must() -> None:
    (added,) = [rule for rule in egress_of("worker", ON) if rule not in egress_of("worker", OFF)]

    assert added == {"ports": [{"port": 443}, {"port": 6443}]}
    for component in ("api", "rabbitmq", "redis"):
        assert egress_of(component, ON) == egress_of(component, OFF)
