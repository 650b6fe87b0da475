"""Values that the four workloads share, and those of every object."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.chart.helm import HELMS, NAME, NEEDS_HELM, Object, numbers, objects, one, pod_of, refusal, values
from tests.chart.test_rendering import EVERYTHING
from tests.chart.test_values import SCHEMA

pytestmark = NEEDS_HELM
EVERYTHING_FILE = ("--values", str(Path(__file__).with_name("everything.yaml")))
SPOT = ("--set-json", "models.mnist.pools.spot={}")
#: Where the values of a workload are: its own, or those of all workers.
OWNERS = {
    "Deployment/api": "api",
    "Deployment/worker-mnist": "worker",
    "Deployment/worker-mnist-spot": "models.mnist.pools.spot",
    "StatefulSet/rabbitmq": "rabbitmq",
    "StatefulSet/redis": "redis",
}
EVERY_WORKLOAD = pytest.mark.parametrize("workload", OWNERS)
POD_FIELDS = {
    "schedulerName": "kueue",
    "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["files.example.org"]}],
    "dnsPolicy": "None",
    "dnsConfig": {
        "nameservers": ["192.0.2.53"],
        "searches": ["example.org"],
        "options": [{"name": "ndots", "value": "2"}],
    },
}
ROLLOUT_FIELDS = {"minReadySeconds": 5, "revisionHistoryLimit": 0}
COMMON_LABELS = {"team": "digits", "release": "theirs"}


def rendered(workload: str, *arguments: str) -> Object:
    kind, name = workload.split("/")
    return one(kind, name, *SPOT, *arguments)


def set_json(workload: str, name: str, value: str) -> tuple[str, ...]:
    return numbers(f"{OWNERS[workload]}.{name}={value}")


@EVERY_WORKLOAD
@pytest.mark.parametrize("field", POD_FIELDS)
def test_a_pod_has_the_fields_of_a_pod_that_the_values_give(field: str, workload: str) -> None:
    assert field not in pod_of(rendered(workload))
    assert pod_of(rendered(workload, *EVERYTHING_FILE))[field] == POD_FIELDS[field]


@EVERY_WORKLOAD
@pytest.mark.parametrize("field", ROLLOUT_FIELDS)
def test_a_workload_has_the_fields_of_a_rollout_that_the_values_give(field: str, workload: str) -> None:
    assert field not in rendered(workload)["spec"]
    assert rendered(workload, *EVERYTHING_FILE)["spec"][field] == ROLLOUT_FIELDS[field]


@EVERY_WORKLOAD
def test_more_variables_come_from_secrets_and_maps(workload: str) -> None:
    container = pod_of(rendered(workload, *EVERYTHING_FILE))["containers"][0]

    assert container["envFrom"] == [
        {"prefix": "MY_", "secretRef": {"name": "mine", "optional": True}},
        {"configMapRef": {"name": "mine"}},
    ]


@EVERY_WORKLOAD
def test_more_containers_run_after_those_of_the_chart(workload: str) -> None:
    before, after = pod_of(rendered(workload)), pod_of(rendered(workload, *EVERYTHING_FILE))

    assert names(after["containers"]) == [*names(before["containers"]), "beside"]
    assert names(after["initContainers"]) == [*names(before.get("initContainers", [])), "before"]
    assert after["containers"][-1]["securityContext"] == {"runAsUser": 1000730000}


@EVERY_WORKLOAD
def test_more_volumes_are_mounted_into_the_main_container(workload: str) -> None:
    pod = pod_of(rendered(workload, *EVERYTHING_FILE))

    assert {"name": "mine", "emptyDir": {"sizeLimit": "1Gi"}} in pod["volumes"]
    assert {"name": "mine", "mountPath": "/mine", "readOnly": True} in pod["containers"][0]["volumeMounts"]


@EVERY_WORKLOAD
def test_a_spread_counts_the_workloads_own_pods(workload: str) -> None:
    spread = rendered(workload, *EVERYTHING_FILE)["spec"]

    *_, constraint = pod_of({"spec": spread})["topologySpreadConstraints"]
    assert constraint == {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/arch",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": spread["selector"],
    }


@EVERY_WORKLOAD
def test_a_spread_may_count_other_pods(workload: str) -> None:
    selector = {"matchLabels": {"a": "b"}}
    other = {"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}
    pod = pod_of(rendered(workload, *set_json(workload, "topologySpreadConstraints", json.dumps([other]))))

    assert pod["topologySpreadConstraints"][-1] == other


@EVERY_WORKLOAD
def test_the_annotations_of_a_workload_are_on_it_and_not_on_its_pods(workload: str) -> None:
    found = rendered(workload, *EVERYTHING_FILE)

    assert found["metadata"]["annotations"]["reloader.stakater.com/auto"] == "true"
    assert "reloader.stakater.com/auto" not in found["spec"]["template"]["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("setting", "message"),
    {
        "dnsPolicy=Nonsense": "dnsPolicy",
        "minReadySeconds=301": "minReadySeconds",
        "revisionHistoryLimit=1001": "revisionHistoryLimit",
        "extraContainers[0].name=without-an-image": "image",
        "extraInitContainers[0].image=without-a-name": "name",
        "extraEnvFrom[0].secret=typo": "secret",
        "extraVolumes[0].emptyDir.medium=Memory": "name",
        "topologySpreadConstraints[0].topologyKey=zone": "maxSkew",
        "hostAliases[0].ip=192.0.2.1": "hostnames",
        "schedulerName=My Scheduler": "schedulerName",
        "dnsConfig.servers=x": "servers",
    }.items(),
)
def test_a_wrong_shared_value_is_refused_by_name(setting: str, message: str) -> None:
    assert message in refusal(f"redis.{setting}")


@pytest.mark.parametrize("owner", ["api", "worker", "rabbitmq", "redis", "someWorkerValues", "pool"])
def test_every_workload_has_the_shared_rules(owner: str) -> None:
    known = SCHEMA["properties"].get(owner) or SCHEMA["definitions"][owner]

    for name in SCHEMA["definitions"]["workload"]["properties"]:
        assert known["properties"][name] == {"$ref": f"#/definitions/workload/properties/{name}"}


@pytest.mark.parametrize("workload", ["Deployment/worker-mnist", "StatefulSet/redis"])
def test_a_container_without_hooks_of_the_chart_takes_hooks(workload: str) -> None:
    assert "lifecycle" in pod_of(rendered(workload, *EVERYTHING_FILE))["containers"][0]


@pytest.mark.parametrize("owner", ["api", "rabbitmq"])
def test_the_hooks_of_the_chart_cannot_be_replaced(owner: str) -> None:
    assert "lifecycle" in refusal(f"{owner}.lifecycle.preStop.sleep.seconds=1")


@pytest.mark.parametrize(
    "workload", ["Deployment/api", "Deployment/worker-mnist", "StatefulSet/rabbitmq", "StatefulSet/redis"]
)
def test_a_start_may_take_as_long_as_the_values_say(workload: str) -> None:
    long = set_json(workload, "startupSeconds", "900")
    probe = pod_of(rendered(workload, *long))["containers"][0]["startupProbe"]

    assert probe["periodSeconds"] * probe["failureThreshold"] == 900


def test_a_rollout_of_the_api_waits_for_a_slow_start() -> None:
    slow = values("api.startupSeconds=900", "api.minReadySeconds=60")

    assert one("Deployment", "api", *slow)["spec"]["progressDeadlineSeconds"] == 1260
    assert "progressDeadlineSeconds" not in one("Deployment", "api")["spec"]


def test_the_limits_of_a_start_are_as_before() -> None:
    def seconds(workload: str) -> int:
        probe = pod_of(rendered(workload))["containers"][0]["startupProbe"]
        return int(probe["periodSeconds"] * probe["failureThreshold"])

    assert [seconds(workload) for workload in OWNERS] == [120, 300, 300, 300, 300]


@pytest.mark.parametrize("program", HELMS or ["helm"])
@pytest.mark.parametrize("arguments", [EVERYTHING, EVERYTHING_FILE], ids=["optional objects", "everything.yaml"])
def test_every_object_has_the_common_labels_and_annotations(arguments: tuple[str, ...], program: str) -> None:
    common = values("commonLabels.team=digits", "commonAnnotations.wave=first")

    for found in objects(*arguments, *common, program=program):
        if found["metadata"]["name"] not in {"as-a-map", "one-gpu"}:
            assert found["metadata"]["labels"]["team"] == "digits", found["metadata"]
            assert found["metadata"]["annotations"]["wave"] == "first", found["metadata"]


@pytest.mark.parametrize("value", ["commonLabels", "commonAnnotations"])
def test_null_means_no_common_labels_and_annotations(value: str) -> None:
    assert objects(*values(f"{value}=null"))


def test_no_selector_pod_or_volume_has_the_common_labels() -> None:
    for found in objects(*values("commonLabels.team=digits", "commonAnnotations.wave=first")):
        assert "team" not in str(found.get("spec")), found["metadata"]
        assert "wave" not in str(found.get("spec")), found["metadata"]


def test_an_objects_own_labels_and_annotations_win() -> None:
    common = values("commonLabels.release=theirs", "commonAnnotations.x=common", "metrics.podMonitor.enabled=true")
    own = values(
        "metrics.labels.release=prometheus", "api.service.annotations.x=own", "api.service.labels.release=mine"
    )

    service = one("Service", "api", *common, *own)["metadata"]
    assert one("PodMonitor", "worker", *common, *own)["metadata"]["labels"]["release"] == "prometheus"
    assert (service["labels"]["release"], service["annotations"]["x"]) == ("mine", "own")


@pytest.mark.parametrize(
    "label",
    ["app\\.kubernetes\\.io/component", "helm\\.sh/chart", "mnist-inference/model", "app\\.kubernetes\\.io/part-of"],
)
@pytest.mark.parametrize("where", ["commonLabels", "api.service.labels", "rabbitmq.persistence.labels"])
def test_the_charts_own_labels_cannot_be_replaced(where: str, label: str) -> None:
    assert label.replace("\\", "") in refusal(f"{where}.{label}=x")


def test_a_label_must_be_one_of_kubernetes() -> None:
    assert "/commonLabels/team" in refusal("commonLabels.team=two words")


def test_secrets_to_pull_images_with_come_from_both_places_and_in_both_forms() -> None:
    for workload in OWNERS:
        secrets = pod_of(rendered(workload, *EVERYTHING_FILE))["imagePullSecrets"]
        assert secrets == [{"name": "shared"}, {"name": "own"}]


def test_more_objects_may_be_maps_or_text_with_templates() -> None:
    found = {o["metadata"]["name"]: o for o in objects(*EVERYTHING_FILE)}

    assert found["as-a-map"]["data"] == {"of": NAME}
    assert found["one-gpu"]["kind"] == "ResourceClaimTemplate"


def names(containers: list[dict[str, Any]]) -> list[str]:
    return [container["name"] for container in containers]
