"""Passwords are made once, stand in one Secret, and reach the pods by reference."""

import base64

import pytest
import yaml

from tests.chart.helm import (
    CHART,
    KUBERNETES,
    NAME,
    NEEDS_HELM,
    RELEASE,
    environment_of,
    helm,
    objects,
    one,
    pod_of,
    refusal,
    template,
    values,
    workloads,
)

pytestmark = NEEDS_HELM
EXTERNAL = values(
    "rabbitmq.enabled=false",
    "externalRabbitmq.existingSecret=broker",
    "externalRabbitmq.managementUrl=https://rabbitmq.example.org:15671/",
    "externalRabbitmq.vhost=digits",
    "redis.enabled=false",
    "externalRedis.url=rediss://redis.example.org/0",
    "ca.existingSecret=authority",
)


KEYS = (
    "ticket-key",
    "rabbitmq-erlang-cookie",
    *(f"rabbitmq-{user}-password" for user in ("api", "autoscaler", "operator", "worker-mnist")),
    *(f"redis-{user}-password" for user in ("api", "operator", "worker-mnist")),
)


def passwords() -> dict[str, str]:
    secret = one("Secret", "auth")
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def test_sentinels_may_lead_to_the_redis_of_somebody_else() -> None:
    url = "rediss+sentinel://:p%40@a.example.org:26379,b.example.org:26379/results/0"
    escaped = url.replace(",", "\\,")

    secret = one("Secret", "external", *EXTERNAL, *values(f"externalRedis.url={escaped}"))

    assert secret["stringData"]["redis-api-url"] == url
    assert secret["stringData"]["redis-worker-mnist-url"] == url


def test_every_password_differs_and_fits_into_a_url() -> None:
    made = passwords()

    assert len(made) == 9
    assert len(set(made.values())) == len(made)
    assert all(value.isalnum() and len(value) >= 32 for value in made.values())


def test_the_passwords_outlive_the_release_as_the_volumes_do() -> None:
    assert one("Secret", "auth")["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    for component in ("rabbitmq", "redis"):
        policy = one("StatefulSet", component)["spec"]["persistentVolumeClaimRetentionPolicy"]
        assert policy == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_no_password_stands_outside_its_secret() -> None:
    made = passwords()
    for rendered in objects():
        if (rendered["kind"], rendered["metadata"]["name"]) != ("Secret", f"{NAME}-auth"):
            text = yaml.safe_dump(rendered)
            assert not [key for key, value in made.items() if value in text], rendered["metadata"]["name"]


def test_a_password_of_ones_own_is_taken_and_restarts_only_who_uses_it() -> None:
    mine = values(*(f"auth.passwords.{key}={key}-{'x' * 24}" for key in passwords()))
    changed = (*mine, *values("auth.passwords.redis-worker-mnist-password=another-password"))
    checksum = "checksum/passwords"

    def checksums(arguments: tuple[str, ...]) -> dict[str, str]:
        made = workloads(*arguments, where=lambda found: found["kind"] in ("Deployment", "StatefulSet"))
        return {
            found["metadata"]["name"].removeprefix(f"{NAME}-"): found["spec"]["template"]["metadata"]["annotations"][
                checksum
            ]
            for found in made
        }

    before, after = checksums(mine), checksums(changed)

    assert {name for name in before if before[name] != after[name]} == {"redis", "worker-mnist"}


def test_rendering_twice_with_the_same_passwords_changes_nothing() -> None:
    mine = values(*(f"auth.passwords.{key}={key}-{'x' * 24}" for key in passwords()))

    assert template(*mine) == template.__wrapped__(*mine)


def test_a_secret_of_ones_own_is_used_everywhere_and_none_is_made() -> None:
    arguments = values("auth.existingSecret=mine")

    assert f"{NAME}-auth" not in template(*arguments)
    assert environment_of(one("Deployment", "api", *arguments))["INFERENCE_TICKET_KEY"] == "mine/ticket-key"
    (filling,) = pod_of(one("StatefulSet", "redis", *arguments))["initContainers"]
    assert {variable["valueFrom"]["secretKeyRef"]["name"] for variable in filling["env"]} == {"mine"}


def test_each_side_connects_as_its_own_user() -> None:
    for side in ("api", "worker-mnist"):
        environment = environment_of(one("Deployment", side))
        assert environment["INFERENCE_AMQP_URL"].startswith(f"amqp://{side}:$(RABBITMQ_PASSWORD)@{NAME}-rabbitmq.")
        assert environment["RABBITMQ_PASSWORD"] == f"{NAME}-auth/rabbitmq-{side}-password"
        assert environment["INFERENCE_REDIS_URL"].startswith(f"redis://{side}:$(REDIS_PASSWORD)@{NAME}-redis.")
        assert environment["REDIS_PASSWORD"] == f"{NAME}-auth/redis-{side}-password"


def test_a_variable_stands_before_the_url_that_it_is_part_of() -> None:
    for side in ("api", "worker-mnist"):
        names = list(environment_of(one("Deployment", side)))
        assert names.index("RABBITMQ_PASSWORD") < names.index("INFERENCE_AMQP_URL")
        assert names.index("REDIS_PASSWORD") < names.index("INFERENCE_REDIS_URL")


def test_servers_of_somebody_else_are_used_instead() -> None:
    environment = environment_of(one("Deployment", "worker-mnist", *EXTERNAL))

    assert not [found for found in objects(*EXTERNAL) if found["kind"] == "StatefulSet"]
    assert environment["INFERENCE_AMQP_URL"] == "broker/rabbitmq-worker-mnist-url"
    assert environment["INFERENCE_REDIS_URL"] == f"{NAME}-external/redis-worker-mnist-url"
    assert environment["INFERENCE_CA_FILE"] == "/etc/inference-ca/ca.crt"


def test_keda_reads_a_rabbitmq_of_somebody_else_with_its_own_user() -> None:
    for trigger in one("ScaledObject", "worker-mnist", *EXTERNAL)["spec"]["triggers"]:
        assert trigger["metadata"]["host"] == "https://rabbitmq.example.org:15671/"
        assert trigger["metadata"]["vhostName"] == "digits"
    references = one("TriggerAuthentication", "worker", *EXTERNAL)["spec"]["secretTargetRef"]
    sources = {reference["parameter"]: reference["name"] for reference in references}
    assert sources["username"] == sources["password"] == "broker"


@pytest.mark.parametrize("component", ["rabbitmq", "redis"])
def test_filled_in_files_stay_in_memory(component: str) -> None:
    volumes = {volume["name"]: volume for volume in pod_of(one("StatefulSet", component))["volumes"]}

    assert volumes["filled"]["emptyDir"]["medium"] == "Memory"


def test_nothing_is_made_up_where_no_cluster_keeps_it() -> None:
    given = [f"auth.passwords.{key}={'x' * 24}" for key in KEYS if key != "redis-api-password"]

    message = refusal("auth.generate=false", *given)

    assert "auth.generate is false, but auth.passwords lacks redis-api-password;" in message
    assert "ticket-key" in refusal("auth.generate=false")


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(("auth.existingSecret=mine",), id="a Secret"),
        pytest.param(tuple(f"auth.passwords.{key}={'x' * 24}" for key in KEYS), id="every password"),
    ],
)
def test_a_renderer_without_the_cluster_writes_the_same_each_time(settings: tuple[str, ...]) -> None:
    arguments = ("template", RELEASE, str(CHART), "--kube-version", KUBERNETES)
    once, again = (helm(*arguments, *values("auth.generate=false", *settings)).stdout for _ in range(2))

    assert once == again
    assert "kind: StatefulSet" in once
