"""RabbitMQ, Redis or a whole node goes away while there is work."""

import time

import httpx

from tests.e2e import release
from tests.e2e.cluster import NODE
from tests.e2e.command import run
from tests.e2e.system import RABBITMQ_POD, REDIS_POD, System
from tests.e2e.traffic import assert_answered_right, fetch_results, submit, try_to_submit
from tests.support.waiting import wait_for

JOBS = 12
SECONDS_PER_JOB = 1.0
#: An unready pod leaves its Service after two minutes.
LONGER_THAN_ANY_PROBE_S = 150


def test_while_rabbitmq_is_away_pictures_are_refused_with_503_and_accepted_jobs_survive(idle: System) -> None:
    release.set_seconds_per_job(SECONDS_PER_JOB)
    jobs = submit(JOBS)
    idle.wait_for_busy_worker()
    seen: list[httpx.Response | None] = []

    idle.delete_pod(RABBITMQ_POD)
    wait_for("a refusal", lambda: _submit_once(seen) == 503, 60, every_s=0.1)
    refusal = seen[-1]
    wait_for("a picture is accepted again", lambda: _submit_once(seen) == 202, 120)

    assert refusal is not None
    assert int(refusal.headers["Retry-After"]) > 0
    assert {answer.status_code for answer in seen if answer} <= {202, 503}
    assert_answered_right(jobs)


def test_results_are_read_however_long_rabbitmq_is_away(idle: System) -> None:
    release.set_seconds_per_job(0)
    jobs = submit(1)
    before = fetch_results(jobs)
    pods = {pod.metadata.uid for pod in idle.list_pods("api")}
    scale_rabbitmq = ("kubectl", "--namespace", release.NAMESPACE, "scale", f"statefulset/{release.FULLNAME}-rabbitmq")
    run(*scale_rabbitmq, "--replicas=0")
    try:
        wait_for("a refusal", lambda: _submit_once([]) == 503, 60)
        until = time.monotonic() + LONGER_THAN_ANY_PROBE_S
        while time.monotonic() < until:
            assert fetch_results(jobs, timeout_s=5) == before
            time.sleep(1)
        idle.delete_pod(idle.list_pods("api")[0].metadata.name)
        assert fetch_results(jobs, timeout_s=5) == before
    finally:
        run(*scale_rabbitmq, "--replicas=1")
    idle.wait_until_ready("rabbitmq")
    wait_for("a picture is accepted again", lambda: _submit_once([]) == 202, 120)

    assert pods & {pod.metadata.uid for pod in idle.list_pods("api")}


def test_results_survive_redis(idle: System) -> None:
    release.set_seconds_per_job(0)
    jobs = submit(JOBS)
    before = fetch_results(jobs)

    idle.delete_pod(REDIS_POD)
    idle.wait_until_ready("redis")

    assert fetch_results(jobs) == before


def test_a_drained_node_takes_no_job_with_it(idle: System) -> None:
    """RabbitMQ, Redis, the API and KEDA must leave their only node while a worker is busy on another."""
    release.set_seconds_per_job(SECONDS_PER_JOB)
    jobs = submit(40)
    idle.wait_for_busy_worker()
    try:
        # A single node may never satisfy the disruption budget of CoreDNS.
        force = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", "--disable-eviction", "--timeout=180s")
        run("kubectl", "drain", NODE, *force, timeout_s=240)
    finally:
        run("kubectl", "uncordon", NODE)

    assert_answered_right(jobs)


def _submit_once(seen: list[httpx.Response | None]) -> int:
    seen.append(try_to_submit())
    answer = seen[-1]
    return answer.status_code if answer is not None else 0
