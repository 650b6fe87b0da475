"""Nodes and volumes of RabbitMQ come and go, as `docs/operations.md` says; its own commands run here."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from kubernetes import config

from tests.e2e import cluster, runbook
from tests.e2e.brokers import Brokers
from tests.e2e.command import CommandError, forward_port, run
from tests.e2e.release import CHART, apply, create_namespace
from tests.e2e.repeating import keep_repeating
from tests.e2e.system import System
from tests.e2e.traffic import Job, Stream, assert_answered_right, submit
from tests.support.waiting import wait_for

RELEASE = "nodes"
NODES = 3
NAME = f"{RELEASE}-mnist-inference"
ONE_NODE = ("--values", "tests/e2e/values-production.yaml", "--set", "autoscaling.enabled=false,worker.replicas=0")
PRODUCTION = ("--values", f"{CHART}/values-production.yaml", *ONE_NODE)
LARGE_RABBITMQ = (*PRODUCTION, "--set", "rabbitmq.persistence.size=20Gi")
LARGE = (*LARGE_RABBITMQ, "--set", "redis.persistence.size=20Gi")
OTHER = (*LARGE, "--set", "rabbitmq.persistence.storageClass=other")
FEWER = (*ONE_NODE, "--set", "redis.persistence.size=20Gi")
OTHER_REDIS = (*FEWER, "--set", "redis.persistence.storageClass=other")
REFUSED = {
    "rabbitmq.replicas=1": "rabbitmq.replicas is 1, but nodes-mnist-inference-rabbitmq has 3 nodes",
    "rabbitmq.persistence.size=2Gi": "rabbitmq.persistence.size is 2Gi",
    "rabbitmq.persistence.storageClass=other": 'rabbitmq.persistence.storageClass is "other"',
    "rabbitmq.persistence.enabled=false": "rabbitmq.persistence.enabled is false",
    "redis.persistence.size=512Mi": "redis.persistence.size is 512Mi",
    "redis.persistence.storageClass=other": 'redis.persistence.storageClass is "other"',
    "redis.persistence.enabled=false": "redis.persistence.enabled is false",
}


@pytest.fixture(scope="module")
def brokers(in_cluster: None) -> Iterator[Brokers]:
    """The chart as it is installed by default, with one node; without a worker, so that jobs wait."""
    config.load_kube_config(str(cluster.KUBECONFIG))
    make_storage_classes()
    create_namespace(RELEASE)
    run_helm("install", RELEASE, CHART, *ONE_NODE, "--wait", "--timeout", "5m")
    yield Brokers(RELEASE)
    run_helm("uninstall", RELEASE, "--wait")
    run("kubectl", "delete", "namespace", RELEASE, timeout_s=180)
    run("kubectl", "delete", "storageclass", "other")


@pytest.fixture
def three(brokers: Brokers) -> Brokers:
    """Three nodes, and every queue on every node."""
    brokers.wait_for_one_cluster(NODES)
    return brokers


@pytest.fixture
def waiting(three: Brokers) -> list[Job]:
    """Accepted jobs."""
    with forward_api() as api_url:
        return submit(10, api_url)


def test_the_values_for_production_can_be_laid_over_an_installed_default(brokers: Brokers) -> None:
    with forward_api() as api_url:
        jobs = submit(10, api_url)

    upgrade(*PRODUCTION)

    brokers.wait_for_one_cluster(NODES)
    assert_answered(jobs)


@pytest.mark.parametrize("change", REFUSED)
def test_a_change_that_kubernetes_would_refuse_or_that_loses_jobs_is_refused(change: str, three: Brokers) -> None:
    with pytest.raises(CommandError, match=re.escape(REFUSED[change])) as refused:
        upgrade(*PRODUCTION, "--set", change)

    (entry,) = re.findall(r'follow "([^"]+)" in docs/operations.md', str(refused.value))
    assert runbook.find_commands(entry)


@pytest.mark.parametrize("number", range(NODES))
def test_a_node_without_its_volume_joins_the_cluster_again_and_nothing_is_lost(number: int, three: Brokers) -> None:
    with run_worker(), forward_api() as api_url:
        stream = Stream(api_url)
        with keep_repeating(stream.submit, every_s=0.2):
            wait_for("some accepted jobs", lambda: len(stream.jobs) > 10, 60)
            runbook.follow("A RabbitMQ volume is gone", RELEASE, node=str(number))
            three.wait_for_one_cluster(NODES)
            accepted = len(stream.jobs)
            wait_for("more accepted jobs", lambda: len(stream.jobs) > accepted + 10, 60)

        assert set(stream.refusals) <= {503}
        assert_answered_right(stream.jobs, api_url=api_url)


def test_a_node_without_data_waits_while_the_others_are_down(three: Brokers, waiting: list[Job]) -> None:
    three.scale(1)
    three.lose(0)

    reason = wait_for("a reason", lambda: three.read_reason(0), 120)
    assert all(f"rabbit@{three.name(number)}" in reason for number in (1, 2))
    assert '"A RabbitMQ volume is gone" in docs/operations.md' in reason
    assert three.list_ready_addresses() == []

    three.scale(NODES)
    three.wait_for_one_cluster(NODES)
    wait_for("three nodes behind the Service", lambda: len(three.list_ready_addresses()) == NODES, 60)
    assert_answered(waiting)


def test_the_node_that_is_left_of_three_keeps_the_jobs(three: Brokers, waiting: list[Job]) -> None:
    three.lose(0, 1)
    for number, other in ((0, 1), (1, 0)):
        wait_for("a reason", partial(waits_for_majority, three, number, other), 120)

    runbook.follow("The majority is gone", RELEASE, alive=three.name(2))

    three.wait_for_one_cluster(NODES)
    assert_answered(waiting)


@pytest.mark.parametrize(("server", "values"), {"rabbitmq": LARGE_RABBITMQ, "redis": LARGE}.items())
def test_volumes_grow_and_no_pod_restarts(server: str, values: tuple[str, ...], three: Brokers) -> None:
    before = System(RELEASE).read_uids()

    runbook.follow("Larger volumes", RELEASE, values, server=server)

    assert set(three.read_claims("spec.resources.requests.storage", server).values()) == {"20Gi"}
    upgrade(*values)
    three.wait_for_one_cluster(NODES)
    assert System(RELEASE).read_uids() == before


def test_volumes_move_to_another_class_one_by_one_and_nothing_is_lost(three: Brokers, waiting: list[Job]) -> None:
    runbook.follow("Other volumes", RELEASE, OTHER)
    for number in range(NODES):
        runbook.follow("A RabbitMQ volume is gone", RELEASE, node=str(number))
        three.wait_for_one_cluster(NODES)

    assert set(three.read_claims("spec.storageClassName").values()) == {"other"}
    assert_answered(waiting)


def test_three_nodes_become_one_that_accepts_jobs(three: Brokers) -> None:
    runbook.follow("Fewer RabbitMQ nodes", RELEASE, FEWER)

    run_kubectl("rollout", "status", f"deployment/{NAME}-api", "--timeout=5m")
    with forward_api() as api_url:
        jobs = submit(10, api_url)
    assert_answered(jobs)
    assert three.list_clusters(1) == [[0]]
    assert list(three.read_claims("metadata.name")) == [f"data-{three.name(0)}"]


def test_redis_moves_to_another_class_and_goes_on(brokers: Brokers) -> None:
    runbook.follow("Another volume for Redis", RELEASE, OTHER_REDIS)

    run_kubectl("rollout", "status", f"statefulset/{NAME}-redis", "--timeout=5m")
    with forward_api() as api_url:
        jobs = submit(10, api_url)
    assert_answered(jobs)
    assert set(brokers.read_claims("spec.storageClassName", "redis").values()) == {"other"}


def waits_for_majority(brokers: Brokers, number: int, other: int) -> bool:
    return f"waits for rabbit@{brokers.name(other)}: without them no majority" in brokers.read_reason(number)


def make_storage_classes() -> None:
    """Let claims of the default class grow, and make a second class."""
    run("kubectl", "patch", "storageclass", "standard", "--patch", '{"allowVolumeExpansion": true}')
    standard = json.loads(run("kubectl", "get", "storageclass", "standard", "--output", "json"))
    apply({**standard, "metadata": {"name": "other"}})


def upgrade(*values: str) -> None:
    run_helm("upgrade", RELEASE, CHART, *values, "--wait", "--timeout", "8m")


def run_helm(command: str, *arguments: str) -> None:
    run("helm", "--namespace", RELEASE, command, *arguments, timeout_s=500)


def run_kubectl(*arguments: str) -> None:
    run("kubectl", "--namespace", RELEASE, *arguments, timeout_s=320)


@contextmanager
def forward_api() -> Iterator[str]:
    """Yield the address of an API pod; the API is ready."""
    System(RELEASE).wait_until_ready("api")
    with forward_port(RELEASE, f"service/{NAME}-api", 8000) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def run_worker() -> Iterator[None]:
    """Run a worker while the block runs. Then there is none, as the values say: Helm refuses another number."""
    scale = ("scale", f"deployment/{NAME}-worker-mnist")
    run_kubectl(*scale, "--replicas=1")
    try:
        yield
    finally:
        run_kubectl(*scale, "--replicas=0")


def assert_answered(jobs: list[Job]) -> None:
    with run_worker(), forward_api() as api_url:
        assert_answered_right(jobs, api_url=api_url)
