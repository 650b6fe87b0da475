"""Several models in one release: objects, queues, users and alerts for each, and nothing of one touches another."""

import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from inference_bridge.rabbitmq.topology import topology_for
from inference_bridge.spec import from_json, to_json
from mnist_model.spec import SPEC
from tests.chart.helm import (
    CHART,
    NAME,
    NEEDS_HELM,
    REGISTRY,
    Object,
    container_of,
    environment_of,
    numbers,
    objects,
    one,
    pod_of,
    values,
)
from tests.chart.spec_files import add_model, spec_of

pytestmark = NEEDS_HELM
VOICE = add_model("voice")
#: The old version keeps its workers, which empty its queue.
TWO_VERSIONS = add_model("voice") + add_model("next", name="voice", version=2)


def names(kind: str, *arguments: str) -> list[str]:
    return [
        found["metadata"]["name"].removeprefix(f"{NAME}-") for found in objects(*arguments) if found["kind"] == kind
    ]


def spec_files(*arguments: str) -> dict[str, str]:
    data: dict[str, str] = one("ConfigMap", "models", *arguments)["data"]
    return data


def definitions(*arguments: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(one("ConfigMap", "rabbitmq", *arguments)["data"]["definitions.json"])
    return loaded


def redis_rules(user: str, *arguments: str) -> list[str]:
    lines = one("ConfigMap", "redis", *arguments)["data"]["users.acl"].splitlines()
    (rules,) = [line.split()[4:] for line in lines if line.split()[1] == user]
    return [rule for rule in rules if rule[0] in "%~&"]


def triggers(pool: str, *arguments: str) -> list[Object]:
    found: list[Object] = one("ScaledObject", pool, *arguments)["spec"]["triggers"]
    return [trigger["metadata"] for trigger in found]


# Specs


def test_the_charts_spec_of_mnist_is_the_models() -> None:
    assert (CHART / "files/specs/mnist.json").read_text() == to_json(SPEC), "write it again: to_json(SPEC)"


def test_the_api_finds_the_spec_of_every_model() -> None:
    api = one("Deployment", "api", *VOICE)
    (mount,) = [mount for mount in container_of(api)["volumeMounts"] if mount["name"] == "models"]

    assert {name: from_json(text).name for name, text in spec_files(*VOICE).items()} == {
        "mnist.json": "mnist",
        "voice.json": "voice",
    }
    assert environment_of(api)["INFERENCE_MODELS"] == mount["mountPath"]
    assert {"name": "models", "configMap": {"name": f"{NAME}-models"}} in pod_of(api)["volumes"]


def test_a_spec_may_be_a_map_in_the_values() -> None:
    given = json.loads(to_json(spec_of("voice")))

    made = spec_files(*VOICE, *numbers(f"models.voice.spec={json.dumps(given)}"))

    assert json.loads(made["voice.json"]) == given


def test_a_changed_spec_starts_new_pods_of_the_api() -> None:
    checksums = [
        one("Deployment", "api", *arguments)["spec"]["template"]["metadata"]["annotations"]["checksum/models"]
        for arguments in ((), VOICE, add_model("voice", version=2))
    ]

    assert len(set(checksums)) == 3


def test_mnist_can_be_left_out() -> None:
    alone = (*VOICE, *values("models.mnist=null", "defaultModel=voice"))

    assert names("ScaledObject", *alone) == ["worker-voice"]
    assert list(spec_files(*alone)) == ["voice.json"]
    assert {queue["name"] for queue in definitions(*alone)["queues"]} == {"voice.jobs", "voice.retry", "voice.dead"}


def test_the_default_model_is_the_one_that_the_values_name() -> None:
    def default(*arguments: str) -> str | None:
        return environment_of(one("Deployment", "api", *arguments)).get("INFERENCE_DEFAULT_MODEL")

    assert default() == "mnist"
    assert default(*VOICE, *values("defaultModel=voice")) == "voice"
    assert default(*VOICE, *values("defaultModel=null")) is None


def test_only_an_image_or_a_setting_says_which_class_a_worker_runs() -> None:
    mine = values("models.voice.worker.settings.INFERENCE_MODEL=voice:Voice")

    assert "INFERENCE_MODEL" not in environment_of(one("Deployment", "worker-voice", *VOICE))
    assert environment_of(one("Deployment", "worker-voice", *VOICE, *mine))["INFERENCE_MODEL"] == "voice:Voice"


# Workers


def test_every_model_has_workers_that_only_it_scales() -> None:
    assert names("Deployment", *VOICE) == ["api", "worker-mnist", "worker-voice"]
    assert names("ScaledObject", *VOICE) == ["worker-mnist", "worker-voice"]
    for key in ("mnist", "voice"):
        assert [metadata["queueName"] for metadata in triggers(f"worker-{key}", *VOICE)] == [
            f"^{key}[.]jobs$",
            f"^{key}[.]retry$",
        ]


def test_no_selector_matches_the_workers_of_another_model() -> None:
    spot = values("models.voice.pools.spot.replicas=1")
    made = [found for found in objects(*VOICE, *spot) if found["kind"] == "Deployment"]

    for selecting in made:
        wanted = selecting["spec"]["selector"]["matchLabels"].items()
        matched = [found for found in made if wanted <= found["spec"]["template"]["metadata"]["labels"].items()]
        assert matched == [selecting]


def test_a_model_overrides_the_values_of_all_workers_and_a_pool_those_of_its_model() -> None:
    settings = numbers(
        'models.voice.worker={"image": {"repository": "mine/voice", "tag": "2"}, "tolerations": []}',
        "models.voice.worker.gpu.count=0",
        'models.voice.worker.settings={"INFERENCE_MAX_BATCH_SIZE": 8, "INFERENCE_DEVICE": "cpu"}',
        "models.voice.autoscaling.maxReplicas=2",
        'models.voice.pools.spot={"image": {"tag": "3"}, "autoscaling": {"maxReplicas": 9}}',
    )
    mnist, voice, spot = (
        one("Deployment", f"worker-{name}", *VOICE, *settings) for name in ("mnist", "voice", "voice-spot")
    )

    assert container_of(mnist)["image"].startswith(f"{REGISTRY}/mnist-inference/worker:")
    assert [container_of(found)["image"] for found in (voice, spot)] == [
        f"{REGISTRY}/mine/voice:2",
        f"{REGISTRY}/mine/voice:3",
    ]
    assert [set(container_of(found)["resources"]["limits"]) for found in (mnist, voice)] == [
        {"memory", "nvidia.com/gpu"},
        {"memory"},
    ]
    assert ["tolerations" in pod_of(found) for found in (mnist, voice)] == [True, False]
    assert [environment_of(found)["INFERENCE_REQUIRE_GPU"] for found in (mnist, voice)] == ["true", "false"]
    assert [environment_of(found)["INFERENCE_MAX_BATCH_SIZE"] for found in (mnist, voice, spot)] == ["64", "8", "8"]
    assert [
        one("ScaledObject", f"worker-{name}", *VOICE, *settings)["spec"]["maxReplicaCount"]
        for name in ("mnist", "voice", "voice-spot")
    ] == [4, 2, 9]


def test_the_api_is_asked_for_the_workers_of_each_model() -> None:
    wait = values("autoscaling.source=wait")

    paths = {
        urlsplit(metadata["url"]).path
        for key in ("mnist", "voice", "next")
        for metadata in triggers(f"worker-{key}", *TWO_VERSIONS, *wait)
    }

    assert paths == {"/scaling/mnist", "/scaling/voice", "/scaling/voice.v2"}


# Queues and users


@pytest.mark.parametrize("length", [100_000, 7])
def test_every_model_has_the_queues_that_the_services_declare(length: int) -> None:
    given = definitions(*TWO_VERSIONS, *values(f"settings.INFERENCE_QUEUE_MAX_LENGTH={length}"))
    expected = [
        topology_for(spec, queue_max_length=length) for spec in (SPEC, spec_of("voice"), spec_of("voice", version=2))
    ]

    assert {queue["name"]: queue["arguments"] for queue in given["queues"]} == {
        queue.name: queue.arguments for topology in expected for queue in topology.queues
    }
    assert {(bond["source"], bond["routing_key"], bond["destination"]) for bond in given["bindings"]} == {
        (queue.exchange, queue.routing_key, queue.name) for topology in expected for queue in topology.queues
    }


def test_a_worker_reads_its_own_models_queues_in_every_version() -> None:
    rights = {p["user"]: [p["configure"], p["write"], p["read"]] for p in definitions(*TWO_VERSIONS)["permissions"]}
    all_three = r"(mnist|voice|voice\.v2)"

    assert rights["worker-mnist"] == ["^$", "^$", r"^mnist\.(jobs|retry)$"]
    assert rights["worker-voice"] == ["^$", "^$", r"^(voice|voice\.v2)\.(jobs|retry)$"]
    assert rights["api"] == [
        rf"^{all_three}\.jobs\.settled$",
        rf"^inference$|^{all_three}\.(jobs|retry)$",
        rf"^{all_three}\.jobs\.settled$",
    ]
    assert rights["operator"] == ["^$", "^inference$", rf"^{all_three}\.dead$"]
    assert set(rights) == {"api", "worker-mnist", "worker-voice", "autoscaler", "operator"}


def test_a_worker_reaches_its_own_models_keys_and_the_api_all() -> None:
    assert redis_rules("worker-mnist", *TWO_VERSIONS) == [
        "~r:mnist:*",
        "~o:mnist:*",
        "~attempts:mnist:*",
        "~workers:mnist",
        "&results:mnist",
    ]
    assert redis_rules("worker-voice", *TWO_VERSIONS)[3:-1] == ["~workers:voice", "~workers:voice.v2"]
    assert redis_rules("api", *VOICE)[-2:] == ["&results:mnist", "&results:voice"]


def test_each_worker_connects_as_its_models_user_in_every_version() -> None:
    for key in ("voice", "next"):
        environment = environment_of(one("Deployment", f"worker-{key}", *TWO_VERSIONS))
        assert environment["INFERENCE_AMQP_URL"].startswith("amqp://worker-voice:")
        assert environment["REDIS_PASSWORD"] == f"{NAME}-auth/redis-worker-voice-password"
    assert {"rabbitmq-worker-voice-password", "redis-worker-voice-password"} <= set(
        one("Secret", "auth", *VOICE)["data"]
    )


def test_servers_of_somebody_else_have_a_user_for_each_model() -> None:
    external = values(
        "rabbitmq.enabled=false",
        "externalRabbitmq.url=amqp://rabbitmq.example.org",
        "externalRabbitmq.managementUrl=https://rabbitmq.example.org:15671/",
        "externalRabbitmq.managementUsername=autoscaler",
        "externalRabbitmq.managementPassword=secret",
        "redis.enabled=false",
        "externalRedis.url=redis://redis.example.org",
    )
    secret = one("Secret", "external", *VOICE, *external)["stringData"]

    assert {f"{server}-worker-{name}-url" for server in ("rabbitmq", "redis") for name in ("mnist", "voice")} < set(
        secret
    )


# Monitoring and the network


def test_the_workers_of_every_model_are_scraped_and_kept_apart_from_strangers() -> None:
    arguments = (*VOICE, *values("metrics.podMonitor.enabled=true", "networkPolicy.enabled=true"))
    worker = one("Deployment", "worker-voice", *arguments)["spec"]["template"]["metadata"]["labels"].items()

    assert one("PodMonitor", "worker", *arguments)["spec"]["selector"]["matchLabels"].items() <= worker
    assert one("NetworkPolicy", "worker", *arguments)["spec"]["podSelector"]["matchLabels"].items() <= worker


def test_every_models_backlog_is_measured_by_its_own_workers_and_queue() -> None:
    rendered = one("PrometheusRule", "", *VOICE, *values("metrics.rules.enabled=true", "autoscaling.maxReplicas=2"))
    (group,) = rendered["spec"]["groups"]

    limits = {
        rule["labels"]["model"]: rule["expr"].rpartition("> ")[2]
        for rule in group["rules"]
        if rule["alert"] == "InferenceBacklog"
    }

    assert limits == {"mnist": "10000", "voice": "858.4"}  # four fifths of 1,073


def test_a_model_that_the_api_or_keda_does_not_see_is_missed() -> None:
    rendered = one("PrometheusRule", "", *TWO_VERSIONS, *values("metrics.rules.enabled=true"))
    (group,) = rendered["spec"]["groups"]
    missed = {rule["alert"]: re.findall(r'(?:queue|scaledObject)="([^"]+)"', rule["expr"]) for rule in group["rules"]}

    assert missed["InferenceUnseen"] == ["mnist.jobs", "voice.jobs", "voice.v2.jobs"]
    assert missed["InferenceAutoscalerAway"] == [f"{NAME}-worker-{key}" for key in ("mnist", "next", "voice")]
