"""KEDA is told to start workers for work, and to stop none that has some."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.chart.helm import (
    CHART,
    HELMS,
    KUBERNETES,
    NAME,
    NEEDS_HELM,
    RELEASE,
    environment_of,
    helm,
    kinds,
    numbers,
    one,
    values,
)

pytestmark = NEEDS_HELM
FIXED = values("autoscaling.enabled=false", "worker.replicas=3")


def scaled() -> dict[str, object]:
    spec: dict[str, object] = one("ScaledObject", "worker-mnist")["spec"]
    return spec


def trigger(queue: str, *arguments: str) -> dict[str, str]:
    triggers = one("ScaledObject", "worker-mnist", *arguments)["spec"]["triggers"]
    pattern = f"^{queue.replace('.', '[.]')}$"
    (found,) = [trigger for trigger in triggers if trigger["metadata"]["queueName"] == pattern]
    metadata: dict[str, str] = found["metadata"]
    return metadata


@pytest.mark.parametrize("queue", ["mnist.jobs", "mnist.retry"])
def test_what_is_being_worked_on_counts(queue: str) -> None:
    metadata = trigger(queue)

    assert metadata["protocol"] == "http"
    assert metadata["mode"] == "QueueLength"
    assert "excludeUnacknowledged" not in metadata
    assert metadata["vhostName"] == "/"


def test_keda_asks_every_node_for_its_figure() -> None:
    assert trigger("mnist.jobs")["useRegex"] == "true", "of a single queue all nodes but its leader's answer 0"


def test_keda_finds_rabbitmq_from_another_namespace() -> None:
    arguments = ("--namespace", "inference", *values("clusterDomain=example.internal"))

    host = f"http://{NAME}-rabbitmq.inference.svc.example.internal:15672/"
    assert trigger("mnist.jobs", *arguments)["host"] == host


def test_a_worker_is_worth_what_it_does_in_the_time_aimed_at() -> None:
    arguments = numbers("worker.throughputPerReplica=1200", "autoscaling.targetDrainSeconds=2.5")

    assert trigger("mnist.jobs", *arguments)["value"] == "3000"


def test_everything_that_keda_reads_is_a_string() -> None:
    assert {type(value) for value in trigger("mnist.jobs").values()} == {str}


def test_the_autoscaler_has_a_user_of_its_own() -> None:
    references = one("TriggerAuthentication", "worker")["spec"]["secretTargetRef"]

    assert references == [
        {"parameter": "username", "name": f"{NAME}-worker-autoscaler", "key": "rabbitmq-autoscaler-username"},
        {"parameter": "password", "name": f"{NAME}-auth", "key": "rabbitmq-autoscaler-password"},
    ]


def test_up_goes_in_one_step_and_down_slowly_and_to_zero() -> None:
    spec = one("ScaledObject", "worker-mnist")["spec"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]

    assert spec["minReplicaCount"] == 0
    assert spec["pollingInterval"] == 5
    assert spec["cooldownPeriod"] == 300
    assert behavior["scaleUp"] == {
        "stabilizationWindowSeconds": 0,
        "policies": [{"type": "Pods", "value": spec["maxReplicaCount"], "periodSeconds": 15}],
    }
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 120
    assert behavior["scaleDown"]["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 60}]


def test_an_outage_of_rabbitmq_starts_no_gpu() -> None:
    assert "fallback" not in scaled()


def test_keda_finds_its_label_already_there() -> None:
    labels = one("ScaledObject", "worker-mnist")["metadata"]["labels"]

    assert labels["scaledobject.keda.sh/name"] == f"{NAME}-worker-mnist"


def test_only_one_says_how_many_there_are() -> None:
    assert "replicas" not in one("Deployment", "worker-mnist")["spec"]
    assert one("Deployment", "worker-mnist", *FIXED)["spec"]["replicas"] == 3
    assert not {"ScaledObject", "TriggerAuthentication"} & kinds(*FIXED)
    assert one("Deployment", "api")["spec"]["replicas"] == 2
    scaled_api = values("api.autoscaling.enabled=true")
    assert "replicas" not in one("Deployment", "api", *scaled_api)["spec"]


@pytest.mark.parametrize("program", HELMS or ["helm"])
def test_a_cluster_without_keda_is_refused_with_the_remedy(program: str) -> None:
    cluster = ("--api-versions", "apiregistration.k8s.io/v1")
    keda = ("--api-versions", "keda.sh/v1alpha1/ScaledObject")

    def rendered(*arguments: str) -> tuple[int, str]:
        done = helm(
            "template", RELEASE, str(CHART), "--kube-version", KUBERNETES, *cluster, *arguments, program=program
        )
        return done.returncode, done.stderr

    status, message = rendered()
    assert status != 0
    assert "install KEDA first, or set autoscaling.enabled=false" in message
    assert rendered(*keda)[0] == 0
    assert rendered(*FIXED)[0] == 0


# The API's figure as the source

WAIT = values("autoscaling.source=wait")


def wait_trigger(*arguments: str, pool: str = "worker-mnist") -> dict[str, str]:
    """Return the metadata of the only trigger."""
    (found,) = one("ScaledObject", pool, *WAIT, *arguments)["spec"]["triggers"]
    assert found["type"] == "metrics-api"
    metadata: dict[str, str] = found["metadata"]
    return metadata


def test_keda_asks_the_api_for_workers_and_gives_it_the_aim() -> None:
    arguments = numbers("worker.throughputPerReplica=12.5", "autoscaling.targetWaitSeconds=2.5")
    url = urlsplit(wait_trigger("--namespace", "inference", *arguments)["url"])

    service = one("Service", "api-operations", *WAIT)
    assert url.netloc == f"{NAME}-api-operations.inference.svc.cluster.local:8001"
    assert service["spec"]["ports"] == [{"name": "operations", "port": 8001, "targetPort": "operations"}]
    assert url.path == "/scaling/mnist"
    assert dict(parse_qsl(url.query)) == {
        "pool": "default",
        "target_wait_s": "2.5",
        "recent_s": "3",
        "throughput": "12.5",
        "solo_throughput": "5",
    }


def test_each_worker_that_is_wanted_is_worth_one() -> None:
    metadata = wait_trigger()

    assert (metadata["valueLocation"], metadata["targetValue"], metadata["activationTargetValue"]) == (
        "workers",
        "1",
        "0",
    )
    assert {type(value) for value in metadata.values()} == {str}


def test_the_apis_figure_is_looked_at_every_second_unless_the_values_say_otherwise() -> None:
    """A longer interval also makes the figure look further back."""
    assert one("ScaledObject", "worker-mnist", *WAIT)["spec"]["pollingInterval"] == 1
    seldom = numbers("autoscaling.pollingInterval=30")
    assert one("ScaledObject", "worker-mnist", *WAIT, *seldom)["spec"]["pollingInterval"] == 30
    assert "recent_s=61" in wait_trigger(*seldom)["url"]


def test_each_pool_asks_for_itself() -> None:
    spot = numbers(
        "models.mnist.pools.spot.throughputPerReplica=7", "models.mnist.pools.spot.autoscaling.targetWaitSeconds=60"
    )

    query = dict(parse_qsl(urlsplit(wait_trigger(*spot, pool="worker-mnist-spot")["url"]).query))

    assert (query["pool"], query["throughput"], query["target_wait_s"]) == ("spot", "7", "60")
    assert environment_of(one("Deployment", "worker-mnist-spot", *WAIT, *spot))["INFERENCE_POOL"] == "spot"


def test_the_api_needs_no_user_of_rabbitmqs_management() -> None:
    external = values("rabbitmq.enabled=false", "externalRabbitmq.url=amqp://rabbitmq.example.org")

    assert "TriggerAuthentication" not in kinds(*WAIT, *external)


def test_only_the_platform_reaches_the_operations_port() -> None:
    policies = values("networkPolicy.enabled=true", "networkPolicy.monitoringNamespace=monitoring")
    clients, platform = one("NetworkPolicy", "api", *WAIT, *policies)["spec"]["ingress"]

    assert clients == {"ports": [{"port": "http"}]}
    assert platform["ports"] == [{"port": "operations"}]
    assert [sorted(peer) for peer in platform["from"]] == [["namespaceSelector"], ["namespaceSelector"]]


def test_prometheus_asks_on_the_operations_port_and_needs_no_key() -> None:
    monitored = values("metrics.serviceMonitor.enabled=true", "api.keys.clientSecret=client")

    assert one("ServiceMonitor", "api", *monitored)["spec"]["endpoints"] == [{"port": "operations", "interval": "15s"}]
