"""Pods whose user the platform chooses, as OpenShift does."""

import pytest

from tests.chart.helm import NEEDS_HELM, Object, pod_of, values, workloads

pytestmark = NEEDS_HELM
ADAPT = "global.compatibility.openshift.adaptSecurityContext"
OPENSHIFT = ("--api-versions", "security.openshift.io/v1")
FIXED = {"runAsUser", "runAsGroup", "fsGroup"}


def contexts(*arguments: str) -> dict[str, Object]:
    return {found["metadata"]["name"]: pod_of(found)["securityContext"] for found in workloads(*arguments)}


@pytest.mark.parametrize("arguments", [OPENSHIFT, values(f"{ADAPT}=force")], ids=["found", "forced"])
def test_openshift_chooses_the_user_of_every_pod(arguments: tuple[str, ...]) -> None:
    for name, context in contexts(*arguments).items():
        assert not FIXED & set(context), name
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_the_users_stay_as_they_are_where_the_values_say_so() -> None:
    assert contexts(*OPENSHIFT, *values(f"{ADAPT}=disabled")) == contexts()


def test_without_openshift_the_users_are_those_of_the_images() -> None:
    assert {context["runAsUser"] for context in contexts().values()} == {10001, 999}


@pytest.mark.parametrize("owner", ["api", "worker", "rabbitmq", "redis"])
def test_one_workload_may_leave_its_user_to_the_platform(owner: str) -> None:
    left = {name: context for name, context in contexts(*values(f"{owner}.runAsUser=null")).items() if owner in name}

    assert left
    assert not [name for name, context in left.items() if "runAsUser" in context]


def test_a_group_that_is_left_to_the_platform_owns_no_volume() -> None:
    for name, context in contexts(*values("rabbitmq.runAsGroup=null", "redis.runAsGroup=null")).items():
        if "rabbitmq" in name or "redis" in name:
            assert FIXED & set(context) == {"runAsUser"}


def test_a_pool_may_leave_its_user_to_the_platform() -> None:
    spot = contexts("--set-json", 'models.mnist.pools={"spot":{"runAsUser":null}}')

    assert "runAsUser" not in spot["digits-mnist-inference-worker-mnist-spot"]
    assert spot["digits-mnist-inference-worker-mnist"]["runAsUser"] == 10001
