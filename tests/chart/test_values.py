"""Wrong values are refused by name, and every setting of the services can be set."""

import json
import re
from typing import Any

import pytest

from inference_api.settings import ApiSettings
from inference_bridge.settings import ENV_PREFIX, BridgeSettings
from inference_worker.settings import WorkerSettings
from tests.chart.helm import CHART, HELMS, NEEDS_HELM, environment_of, one, refusal, template, values
from tests.unit.test_settings_table import PAGE, bounds

pytestmark = NEEDS_HELM

#: Set by the chart, or with a value of another name.
ELSEWHERE = {
    "INFERENCE_AMQP_URL",
    "INFERENCE_REDIS_URL",
    "INFERENCE_CA_FILE",
    "INFERENCE_TICKET_KEY",
    "INFERENCE_API_KEYS_FILE",
    "INFERENCE_WEBHOOKS_FILE",
    "INFERENCE_MODELS",
    "INFERENCE_DEFAULT_MODEL",
    "INFERENCE_POOL",
    "INFERENCE_POD_NAME",
    "INFERENCE_POD_NAMESPACE",
}
SIDES = {"settings": BridgeSettings, "api.settings": ApiSettings, "worker.settings": WorkerSettings}
SCHEMA = json.loads((CHART / "values.schema.json").read_text())

WRONG = {
    "worker.settings.INFERENCE_MAX_BATCH_SIZE=5000": "/worker/settings/INFERENCE_MAX_BATCH_SIZE",
    "worker.settings.INFERENCE_DEVICE=tpu": "/worker/settings/INFERENCE_DEVICE",
    "worker.settings.INFERENCE_PROBE_PORT=null": "INFERENCE_PROBE_PORT",
    "api.settings.INFERENCE_MAXBYTES=1": "INFERENCE_MAXBYTES",
    "settings.INFERENCE_LOG_LEVEL=loud": "/settings/INFERENCE_LOG_LEVEL",
    "settings.INFERENCE_OTLP_ENDPOINT=collector:4318": "/settings/INFERENCE_OTLP_ENDPOINT",
    "settings.INFERENCE_RESULT_TTL_S=100": "settings.INFERENCE_RESULT_TTL_S",
    "api.settings.INFERENCE_MAX_BUFFERED_BYTES=2097152": "api.settings.INFERENCE_MAX_BUFFERED_BYTES is 2097152",
    "worker.gpu.count=-1": "/worker/gpu/count",
    "worker.gpu.resourceName=gpu": "/worker/gpu/resourceName",
    "rabbitmq.replicas=2": "/rabbitmq/replicas",
    "rabbitmq.image.tag=": "rabbitmq has neither a tag nor a digest",
    "redis.appendfsync=no": "/redis/appendfsync",
    "redis=null": "redis",
    "worker.protectBusy=sometimes": "/worker/protectBusy",
    "models.mnist.pools.spot.protectBusy=true": "protectBusy",
    "models.mnist.worker.protectBusy=true": "protectBusy",
    "models.mnist.autoscaling.source=wait": "source",
    "models.mnist.worker.settings.INFERENCE_MAX_RESULT_BYTES=1": "/worker/settings/INFERENCE_MAX_RESULT_BYTES",
    "models.Mnist.spec=x": "Mnist",
    "autoscaling.fallback.replicas=1": "fallback",
    "autoscaling.source=depth": "/autoscaling/source",
    "autoscaling.targetWaitSeconds=0": "/autoscaling/targetWaitSeconds",
    "autoscaling.minReplicas=9": "models.mnist has autoscaling.minReplicas 9",
    "api.settings.INFERENCE_OPERATIONS_PORT=8000": "api.settings.INFERENCE_PORT is the same",
    "auth.passwords.redis-api-password=p@ssword": "/auth/passwords/redis-api-password",
    "rabbitmq.enabled=false": "externalRabbitmq.url",
    "redis.enabled=false": "externalRedis.url",
    "externalRedis.url=redis+cluster://a.example.org": "/externalRedis/url",
    "api.ingress.enabled=true": "api.ingress.hosts",
    "api.httpRoute.enabled=true": "api.httpRoute.parentRefs",
}


def reachable(side: str) -> set[str]:
    """Return the names that the schema takes."""
    found: dict[str, Any] = SCHEMA
    for part in side.split("."):
        found = found["properties"][part]
    return set(found["properties"])


@pytest.mark.parametrize("program", HELMS or ["helm"])
@pytest.mark.parametrize("setting", WRONG)
def test_a_wrong_value_is_refused_by_name(setting: str, program: str) -> None:
    assert WRONG[setting] in refusal(setting, program=program)


def test_the_fewest_api_pods_are_not_above_the_most() -> None:
    message = "api.autoscaling.minReplicas is 11, but it must not be above api.autoscaling.maxReplicas = 10"
    assert message in refusal("api.autoscaling.enabled=true", "api.autoscaling.minReplicas=11")


def test_a_rabbitmq_of_somebody_else_needs_its_management_api_to_scale() -> None:
    message = refusal("rabbitmq.enabled=false", "externalRabbitmq.url=amqp://rabbitmq.example.org")

    assert "externalRabbitmq.managementUrl" in message


@pytest.mark.parametrize("known", ["managementUsername", "managementPassword"])
def test_a_rabbitmq_of_somebody_else_needs_a_user_and_a_password_to_scale(known: str) -> None:
    external = (
        "rabbitmq.enabled=false",
        "externalRabbitmq.url=amqp://rabbitmq.example.org",
        "externalRabbitmq.managementUrl=https://rabbitmq.example.org:15671/",
        f"externalRabbitmq.{known}=keda",
    )

    assert "externalRabbitmq.managementUsername or externalRabbitmq.managementPassword is empty" in refusal(*external)


def test_every_setting_of_the_page_can_be_set() -> None:
    listed = set(re.findall(rf"^\| `({ENV_PREFIX}\w+)`", PAGE, flags=re.MULTILINE))

    assert set.union(*map(reachable, SIDES)) | ELSEWHERE == listed


def test_the_schema_has_the_bounds_of_the_settings() -> None:
    for side, settings in SIDES.items():
        known: dict[str, Any] = SCHEMA
        for part in side.split("."):
            known = known["properties"][part]
        for name, rule in known["properties"].items():
            field = settings.model_fields[name.removeprefix(ENV_PREFIX).lower()]
            limits = f"{rule['minimum']:,} to {rule['maximum']:,}" if "minimum" in rule else ""
            # Any free port will not do where others must know it.
            expected = bounds(field).replace("0 to 65,535", "1 to 65,535") if name.endswith("_PORT") else bounds(field)
            assert (limits or ", ".join(f"`{choice}`" for choice in rule.get("enum", []))) == expected, name


def test_the_chart_changes_no_default_but_the_address_to_listen_on() -> None:
    for component, settings in (("api", ApiSettings), ("worker-mnist", WorkerSettings)):
        environment = environment_of(one("Deployment", component))
        for name, field in settings.model_fields.items():
            value = environment.get(f"{ENV_PREFIX}{name.upper()}")
            if value is not None and name not in {
                "host",
                "require_gpu",
                "amqp_url",
                "redis_url",
                "ticket_key",
                "models",
                "default_model",
            }:
                assert value == str(field.default), name


def test_large_numbers_stay_numbers() -> None:
    api = one("Deployment", "api", *values("api.settings.INFERENCE_MAX_PIXELS=90000000"))

    assert environment_of(api)["INFERENCE_MAX_PIXELS"] == "90000000"
    assert "e+0" not in template()
