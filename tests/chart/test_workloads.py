"""How the four workloads run: restricted, probed, drained, on a GPU."""

import math

import pytest

from inference_worker.settings import WorkerSettings
from tests.chart.helm import (
    CHART,
    NAME,
    NEEDS_HELM,
    REGISTRY,
    Object,
    container_of,
    environment_of,
    kinds,
    numbers,
    objects,
    one,
    pod_of,
    refusal,
    values,
    workloads,
)

pytestmark = NEEDS_HELM
CPU = ("--values", str(CHART / "values-cpu.yaml"))
WORKLOADS = {"Deployment": ["api", "worker-mnist"], "StatefulSet": ["rabbitmq", "redis"], "Pod": ["test"]}


def all_containers(workload: Object) -> list[Object]:
    pod = pod_of(workload)
    return [*pod["containers"], *pod.get("initContainers", [])]


def config_of(component: str, file: str, *arguments: str) -> dict[str, str]:
    lines = one("ConfigMap", component, *arguments)["data"][file].splitlines()
    separator = " = " if component == "rabbitmq" else " "
    return dict(line.split(separator, 1) for line in lines if not line.startswith("#"))


def test_there_are_four_workloads_and_a_test() -> None:
    named = {(found["kind"], found["metadata"]["name"]) for found in workloads()}

    assert named == {(kind, f"{NAME}-{name}") for kind, names in WORKLOADS.items() for name in names}


def test_every_pod_is_restricted() -> None:
    for workload in workloads():
        pod = pod_of(workload)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in all_containers(workload):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_no_pod_gets_a_token_or_the_addresses_of_services() -> None:
    for workload in workloads():
        assert pod_of(workload)["automountServiceAccountToken"] is False
        assert pod_of(workload)["enableServiceLinks"] is False  # a Service "mnist" would set INFERENCE_PORT


def test_every_container_says_what_it_needs() -> None:
    for workload in workloads():
        for container in all_containers(workload):
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]
            assert container["imagePullPolicy"] == "IfNotPresent"


def test_every_writable_path_is_a_volume_of_its_own() -> None:
    for workload in workloads(where=lambda found: found["kind"] != "Pod"):
        assert "/tmp" in {mount["mountPath"] for mount in container_of(workload)["volumeMounts"]}  # noqa: S108


def test_selectors_do_not_change_with_the_version() -> None:
    for workload in workloads(where=lambda found: found["kind"] != "Pod"):
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert workload["spec"]["selector"]["matchLabels"] == labels
        assert not [key for key in labels if "version" in key or "chart" in key]


def test_a_worker_asks_for_one_gpu_by_the_name_that_the_values_give() -> None:
    limits = container_of(one("Deployment", "worker-mnist"))["resources"]["limits"]
    mig = values("worker.gpu.resourceName=nvidia.com/mig-1g.10gb", "worker.gpu.count=2")

    assert limits["nvidia.com/gpu"] == 1
    assert container_of(one("Deployment", "worker-mnist", *mig))["resources"]["limits"]["nvidia.com/mig-1g.10gb"] == 2
    assert pod_of(one("Deployment", "worker-mnist"))["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]


def test_a_worker_with_a_gpu_refuses_to_start_without_and_others_do_not() -> None:
    assert environment_of(one("Deployment", "worker-mnist"))["INFERENCE_REQUIRE_GPU"] == "true"
    assert environment_of(one("Deployment", "worker-mnist", *CPU))["INFERENCE_REQUIRE_GPU"] == "false"
    pretended = values("worker.settings.INFERENCE_REQUIRE_GPU=false")
    assert environment_of(one("Deployment", "worker-mnist", *pretended))["INFERENCE_REQUIRE_GPU"] == "false"


def test_without_a_gpu_nothing_asks_for_one() -> None:
    worker = one("Deployment", "worker-mnist", *CPU)

    assert set(container_of(worker)["resources"]["limits"]) == {"memory"}
    assert "tolerations" not in pod_of(worker)


def test_the_api_sees_no_gpu() -> None:
    assert environment_of(one("Deployment", "api"))["NVIDIA_VISIBLE_DEVICES"] == "void"


def test_the_runtime_class_is_set_where_asked_for() -> None:
    assert "runtimeClassName" not in pod_of(one("Deployment", "worker-mnist"))
    asked = values("worker.runtimeClassName=nvidia")
    assert pod_of(one("Deployment", "worker-mnist", *asked))["runtimeClassName"] == "nvidia"


def test_a_new_worker_does_not_wait_for_the_gpu_of_the_old_one() -> None:
    rolling = one("Deployment", "worker-mnist")["spec"]["strategy"]["rollingUpdate"]

    assert rolling == {"maxSurge": 0, "maxUnavailable": 1}


@pytest.mark.parametrize("drain_s", [WorkerSettings.model_fields["drain_timeout_s"].default, 90.5])
def test_a_worker_is_not_killed_while_it_drains(drain_s: float) -> None:
    worker = one("Deployment", "worker-mnist", *numbers(f"worker.settings.INFERENCE_DRAIN_TIMEOUT_S={drain_s}"))

    assert pod_of(worker)["terminationGracePeriodSeconds"] == math.ceil(drain_s) + 15


@pytest.mark.parametrize(("component", "readiness"), [("api", "/serving"), ("worker-mnist", "/readyz")])
def test_liveness_does_not_depend_on_the_servers_and_readiness_does(component: str, readiness: str) -> None:
    container = container_of(one("Deployment", component))

    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["startupProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == readiness


def test_probes_follow_the_ports() -> None:
    ports = values(
        "api.settings.INFERENCE_PORT=9000",
        "api.settings.INFERENCE_OPERATIONS_PORT=9002",
        "worker.settings.INFERENCE_PROBE_PORT=9001",
    )

    assert container_of(one("Deployment", "api", *ports))["ports"] == [
        {"name": "http", "containerPort": 9000},
        {"name": "operations", "containerPort": 9002},
    ]
    assert container_of(one("Deployment", "worker-mnist", *ports))["ports"] == [
        {"name": "probes", "containerPort": 9001}
    ]


def test_rabbitmq_is_probed_by_a_connection_and_never_killed_by_a_probe() -> None:
    container = container_of(one("StatefulSet", "rabbitmq"))

    assert "livenessProbe" not in container
    assert container["readinessProbe"]["tcpSocket"] == {"port": "amqp"}


def test_rabbitmqs_volume_lies_below_the_cookie() -> None:
    mounts = {
        mount["mountPath"]: mount["name"] for mount in container_of(one("StatefulSet", "rabbitmq"))["volumeMounts"]
    }
    pod = pod_of(one("StatefulSet", "rabbitmq"))

    assert mounts["/var/lib/rabbitmq/mnesia"] == "data"
    assert mounts["/var/lib/rabbitmq"] == "home"
    assert {"name": "home", "emptyDir": {}} in pod["volumes"]
    assert pod["securityContext"]["fsGroup"] == 999


def test_rabbitmq_counts_jobs_from_the_first_call_on() -> None:
    config = config_of("rabbitmq", "90-mnist.conf")

    assert config["management.disable_stats"] == config["management.enable_queue_totals"] == "true"
    assert container_of(one("StatefulSet", "rabbitmq"))["image"].endswith("-management")


def test_rabbitmqs_memory_is_bounded_by_a_number() -> None:
    assert config_of("rabbitmq", "90-mnist.conf")["vm_memory_high_watermark.absolute"] == "600MiB"


def test_three_nodes_form_a_cluster_whose_queues_get_three_members() -> None:
    three = values("rabbitmq.replicas=3")
    config = config_of("rabbitmq", "90-mnist.conf", *three)
    rabbitmq = one("StatefulSet", "rabbitmq", *three)

    assert config["quorum_queue.continuous_membership_reconciliation.target_group_size"] == "3"
    assert "rabbitmq_peer_discovery_k8s" in one("ConfigMap", "rabbitmq", *three)["data"]["enabled_plugins"]
    assert rabbitmq["spec"]["podManagementPolicy"] == "Parallel"
    assert "cluster_formation.peer_discovery_backend" not in config_of("rabbitmq", "90-mnist.conf")


def test_redis_forgets_nothing() -> None:
    config = config_of("redis", "redis.conf")

    assert config["appendonly"] == "yes"
    assert config["appendfsync"] == "always"
    assert config["maxmemory-policy"] == "noeviction"
    assert config["save"] == '""'
    assert config["dir"] == "/data"


def test_a_redis_that_loads_is_alive_and_not_ready() -> None:
    container = container_of(one("StatefulSet", "redis"))

    assert container["livenessProbe"]["tcpSocket"] == {"port": "redis"}
    assert "PONG" in container["readinessProbe"]["exec"]["command"][-1]


def test_no_disruption_budget_holds_a_single_pod() -> None:
    single = values(
        "api.podDisruptionBudget.enabled=true", "rabbitmq.podDisruptionBudget.enabled=true", "api.replicas=1"
    )

    assert "PodDisruptionBudget" not in kinds(*single)


def test_an_image_may_have_a_digest_in_its_tag_or_instead() -> None:
    digest = f"sha256:{'a' * 64}"
    tagged = values(f"api.image.tag=1@{digest}", "global.imageRegistry=registry.example.org")
    instead = values(f"api.image.digest={digest}")

    assert (
        container_of(one("Deployment", "api", *tagged))["image"]
        == f"registry.example.org/mnist-inference/api:1@{digest}"
    )
    assert container_of(one("Deployment", "api", *instead))["image"] == f"{REGISTRY}/mnist-inference/api@{digest}"


def test_several_pools_take_from_one_queue_and_are_told_apart() -> None:
    spot = values(
        "models.mnist.pools.spot.nodeSelector.pool=spot",
        "models.mnist.pools.spot.gpu.resourceName=amd.com/gpu",
        "models.mnist.pools.spot.autoscaling.maxReplicas=8",
    )
    default, other = one("Deployment", "worker-mnist", *spot), one("Deployment", "worker-mnist-spot", *spot)

    assert default["spec"]["selector"] != other["spec"]["selector"]
    assert pod_of(other)["nodeSelector"] == {"pool": "spot"}
    assert "nodeSelector" not in pod_of(default)
    assert container_of(other)["resources"]["limits"]["amd.com/gpu"] == 1
    assert environment_of(other) == environment_of(default) | {"INFERENCE_POOL": "spot"}
    assert (
        one("ScaledObject", "worker-mnist-spot", *spot)["spec"]["scaleTargetRef"]["name"] == f"{NAME}-worker-mnist-spot"
    )
    assert one("ScaledObject", "worker-mnist-spot", *spot)["spec"]["maxReplicaCount"] == 8
    assert one("ScaledObject", "worker-mnist", *spot)["spec"]["maxReplicaCount"] == 4


@pytest.mark.parametrize(
    "owner", ["api", "worker", "rabbitmq", "redis", "webhooks", "models.mnist.worker", "models.mnist.pools.spot"]
)
@pytest.mark.parametrize("label", ["app.kubernetes.io/component", "mnist-inference/pool"])
def test_a_label_that_selects_pods_is_refused(owner: str, label: str) -> None:
    escaped = label.replace(".", "\\.")

    message = refusal(f"{owner}.podLabels.{escaped}=x")

    assert f"podLabels has {label}, but the chart selects pods by it" in message


def test_the_test_leaves_only_the_pod_with_its_log() -> None:
    policies = {
        found["kind"]: found["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
        for found in objects()
        if "helm.sh/hook" in found["metadata"].get("annotations", {})
    }

    assert policies == {"ConfigMap": "before-hook-creation,hook-succeeded", "Pod": "before-hook-creation"}
