"""Upgrades, a removal and a new installation, and the chart's own test."""

from tests.e2e import cluster, release
from tests.e2e.command import run
from tests.e2e.conftest import API_IMAGE, WORKER_IMAGE
from tests.e2e.repeating import keep_repeating
from tests.e2e.system import System
from tests.e2e.traffic import Stream, assert_answered_right, submit
from tests.support.waiting import wait_for

NEXT = "next"
SECONDS_PER_JOB = 1.0


def test_an_upgrade_that_changes_nothing_changes_no_pod_no_password_and_no_number_of_workers(idle: System) -> None:
    release.set_seconds_per_job(SECONDS_PER_JOB)
    jobs = submit(60)
    idle.wait_for_workers(cluster.GPUS)
    wait_for("all workers are asked for", lambda: idle.count_wanted_workers() == release.MAX_REPLICAS, 60)
    pods, before = idle.read_uids(), (idle.read_generations(), idle.read_passwords())

    release.upgrade()

    assert (idle.read_generations(), idle.read_passwords()) == before
    assert_answered_right(jobs)
    assert idle.read_uids() == pods


def test_an_upgrade_to_new_images_under_load_loses_nothing(idle: System) -> None:
    release.set_seconds_per_job(0.2)
    for node, image in ((cluster.NODE, API_IMAGE), (cluster.GPU_NODE, WORKER_IMAGE)):
        new = f"{image.rpartition(':')[0]}:{NEXT}"
        run("docker", "tag", image, new)
        cluster.load(node, new)
    stream = Stream()
    with keep_repeating(stream.submit, every_s=0.2):
        wait_for("some accepted jobs", lambda: len(stream.jobs) > 10, 60)
        release.install("--set", f"api.image.tag={NEXT}", "--set", f"worker.image.tag={NEXT}")
        images = {pod.spec.containers[0].image.rpartition(":")[2] for pod in idle.list_pods("api")}
        accepted = len(stream.jobs)
        wait_for("more accepted jobs", lambda: len(stream.jobs) > accepted + 10, 60)

    assert images == {NEXT}
    assert stream.refusals == []
    assert_answered_right(stream.jobs)


def test_a_release_that_is_installed_again_takes_up_the_jobs_of_the_former_one(idle: System) -> None:
    release.set_seconds_per_job(SECONDS_PER_JOB)
    passwords = idle.read_passwords()
    jobs = submit(30)

    release.uninstall()
    release.install()

    assert idle.read_passwords() == passwords
    assert_answered_right(jobs)


def test_the_charts_own_test_passes(idle: System) -> None:
    assert "a picture was answered" in release.run_helm("test", release.RELEASE, "--logs", "--timeout", "5m")
