"""The values for production, with three nodes of RabbitMQ, in a separate namespace."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e import cluster, leaders, nodes, release
from tests.e2e.brokers import Brokers
from tests.e2e.command import forward_port, run
from tests.e2e.leaders import Change
from tests.e2e.nodes import Nodes
from tests.e2e.release import CHART, create_namespace
from tests.e2e.repeating import keep_repeating
from tests.e2e.system import System
from tests.e2e.traffic import Stream, assert_answered_right, submit
from tests.support.waiting import wait_for

NAMESPACE = RELEASE = "production"
NAME = f"{RELEASE}-mnist-inference"
FILES = (f"{CHART}/values-production.yaml", "tests/e2e/values-production.yaml")
NODES = 3
QUEUES = 3
SCALED_OBJECT = f"scaledobject/{NAME}-worker-mnist"
JOBS = 3
CHANGES = 10


@pytest.fixture(scope="module")
def production(system: System) -> Iterator[System]:
    system.wait_until_idle()
    create_namespace(NAMESPACE)
    install()
    yield System(RELEASE)
    run_helm("uninstall", RELEASE, "--wait")
    run("kubectl", "delete", "namespace", NAMESPACE, timeout_s=180)


@pytest.fixture(scope="module")
def api_url(production: System) -> Iterator[str]:
    with forward_port(NAMESPACE, f"service/{NAME}-api", 8000) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def rabbitmq(production: System) -> Iterator[Nodes]:
    """RabbitMQ, with every queue on every node."""
    Brokers(RELEASE).wait_for_one_cluster(NODES)
    password = production.read_passwords()["rabbitmq-autoscaler-password"]
    with nodes.open_nodes(NAMESPACE, f"{NAME}-rabbitmq", NODES, password) as opened:
        yield opened


def test_three_nodes_that_start_at_once_for_the_first_time_make_one_cluster(production: System) -> None:
    Brokers(RELEASE).wait_for_one_cluster(NODES)


def test_every_node_counts_the_jobs_that_wait_whichever_leads(
    production: System, rabbitmq: Nodes, api_url: str
) -> None:
    with hold_workers(production):
        jobs = submit(JOBS, api_url)
        for leader in rabbitmq.pods:
            rabbitmq.move_leader(leader)
            # A new leader reports its figure some seconds later.
            wait_for("each node counts all jobs", lambda: rabbitmq.count_jobs() == [JOBS] * NODES, 30)

    assert_answered_right(jobs, api_url=api_url)


@pytest.mark.parametrize("source", release.SOURCES)
def test_a_worker_starts_from_zero_whichever_node_leads(
    source: str, production: System, rabbitmq: Nodes, api_url: str
) -> None:
    install(*release.SOURCES[source])

    changes = [start_after_a_change_of_leader(production, rabbitmq, api_url) for _ in range(CHANGES)]

    leaders.write(source, read_polling_interval_s(), JOBS, changes)
    led = Counter(change.leader for change in changes)
    assert sorted(led.values()) == [CHANGES // NODES, CHANGES // NODES, CHANGES // NODES + CHANGES % NODES]


def test_the_charts_own_test_asks_every_node(production: System) -> None:
    said = run_helm("test", RELEASE, "--logs", "--timeout", "5m")

    assert f"alike at {1 + NODES} addresses" in said
    assert "a picture was answered" in said


def test_every_node_of_rabbitmq_can_go_under_load_and_nothing_is_lost(rabbitmq: Nodes, api_url: str) -> None:
    stream = Stream(api_url)
    with keep_repeating(stream.submit, every_s=0.2):
        wait_for("some accepted jobs", lambda: len(stream.jobs) > 10, 60)
        roll_out("restart")
        roll_out("status", "--timeout=300s")
        accepted = len(stream.jobs)
        wait_for("more accepted jobs", lambda: len(stream.jobs) > accepted + 10, 60)

    assert set(stream.refusals) <= {503}
    assert_answered_right(stream.jobs, api_url=api_url)
    assert Brokers(RELEASE).count_members() == [NODES] * QUEUES


def start_after_a_change_of_leader(production: System, rabbitmq: Nodes, api_url: str) -> Change:
    """Make another node the leader while there is no worker, submit jobs, and wait for their results."""
    production.wait_until_idle()
    leader = rabbitmq.move_leader_on()
    asked = rabbitmq.find_asked_by(cluster.find_keda_address())
    started = time.monotonic()
    jobs = submit(JOBS, api_url)
    wait_for("a worker is asked for", production.count_wanted_workers, 60, every_s=0.1)
    seconds = round(time.monotonic() - started, 2)
    assert_answered_right(jobs, api_url=api_url)
    number = rabbitmq.pods.index
    change = Change(number(leader), [number(pod) for pod in asked], seconds)
    print(change, flush=True)  # noqa: T201
    return change


@contextmanager
def hold_workers(production: System) -> Iterator[None]:
    """Keep KEDA from starting workers while the block runs."""
    annotate = ("kubectl", "--namespace", NAMESPACE, "annotate", SCALED_OBJECT)
    run(*annotate, "autoscaling.keda.sh/paused-replicas=0")
    try:
        production.wait_until_idle()
        yield
    finally:
        run(*annotate, "autoscaling.keda.sh/paused-replicas-")


def read_polling_interval_s() -> int:
    said = run(
        "kubectl", "--namespace", NAMESPACE, "get", SCALED_OBJECT, "--output", "jsonpath={.spec.pollingInterval}"
    )
    return int(said)


def install(*arguments: str) -> None:
    """Install the chart, or upgrade the release, and wait until everything is ready."""
    files = [part for file in FILES for part in ("--values", file)]
    run_helm("upgrade", "--install", RELEASE, CHART, *files, *arguments, "--wait", "--timeout", "5m")


def run_helm(command: str, *arguments: str) -> str:
    return run("helm", "--namespace", NAMESPACE, command, *arguments, timeout_s=320)


def roll_out(command: str, *arguments: str) -> None:
    what = f"statefulset/{NAME}-rabbitmq"
    run("kubectl", "--namespace", NAMESPACE, "rollout", command, what, *arguments, timeout_s=320)
