"""The accounts of the pods, which a cloud may give rights to."""

import pytest

from tests.chart.helm import NAME, NEEDS_HELM, kinds, numbers, objects, one, pod_of, refusal, values

pytestmark = NEEDS_HELM
ROLE = "arn:aws:iam::1:role/weights"
MADE = {"api": "api", "worker": "worker-mnist"}
BOTH = pytest.mark.parametrize("owner", MADE)


def account_of(deployment: str, *arguments: str) -> str | None:
    name: str | None = pod_of(one("Deployment", deployment, *arguments)).get("serviceAccountName")
    return name


@BOTH
def test_an_account_is_made_with_its_annotations_and_gives_no_token(owner: str) -> None:
    role = f"{owner}.serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn={ROLE}"
    made = values(f"{owner}.serviceAccount.create=true", role)

    account = one("ServiceAccount", owner, *made)
    assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": ROLE}
    assert account["automountServiceAccountToken"] is False
    assert account_of(MADE[owner], *made) == f"{NAME}-{owner}"
    assert pod_of(one("Deployment", MADE[owner], *made))["automountServiceAccountToken"] is False


@BOTH
def test_an_account_that_exists_is_used_and_not_made(owner: str) -> None:
    mine = values(f"{owner}.serviceAccount.name=mine")

    assert account_of(MADE[owner], *mine) == "mine"
    assert "ServiceAccount" not in kinds(*mine)


@BOTH
def test_an_account_may_have_a_name_of_its_own(owner: str) -> None:
    named = values(f"{owner}.serviceAccount.create=true", f"{owner}.serviceAccount.name=reader")

    assert account_of(MADE[owner], *named) == "reader"
    assert [o["metadata"]["name"] for o in objects(*named) if o["kind"] == "ServiceAccount"] == ["reader"]


def test_a_pool_may_have_an_account_of_its_own() -> None:
    spot = values("worker.serviceAccount.create=true", "models.mnist.pools.spot.serviceAccount.name=spot")

    assert account_of("worker-mnist", *spot) == f"{NAME}-worker"
    assert account_of("worker-mnist-spot", *spot) == "spot"
    made = {o["metadata"]["name"] for o in objects(*spot) if o["kind"] == "ServiceAccount"}
    assert made == {f"{NAME}-worker", "spot"}


def test_every_account_of_workers_may_protect_busy_ones() -> None:
    protected = values(
        "worker.protectBusy=true", "worker.serviceAccount.name=mine", "models.mnist.pools.spot.serviceAccount.name=spot"
    )

    subjects = one("RoleBinding", "worker", *protected)["subjects"]
    assert [subject["name"] for subject in subjects] == ["mine", "spot"]
    assert "ServiceAccount" not in kinds(*protected)


def test_one_account_cannot_have_two_sets_of_annotations() -> None:
    message = refusal("worker.serviceAccount.create=true", "models.mnist.pools.spot.serviceAccount.annotations.a=b")

    assert "serviceAccount.name" in message
    assert f"{NAME}-worker" in message


def test_a_wrong_account_is_refused_by_name() -> None:
    assert "/api/serviceAccount/name" in refusal("api.serviceAccount.name=My Account")
    assert "automount" in refusal("worker.serviceAccount.automount=true")


def test_an_account_without_a_value_is_the_namespaces_own() -> None:
    assert account_of("api") is None
    assert account_of("worker-mnist", *numbers("models.mnist.worker.serviceAccount={}")) == "default"
