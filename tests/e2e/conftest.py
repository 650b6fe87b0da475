"""Creates the cluster and installs the chart, once per run; times each step; dumps the state after a failed test."""

import json
import os
import re
import signal
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kubernetes import client, config

from tests.e2e import cluster, release
from tests.e2e.command import run
from tests.e2e.dump import dump
from tests.e2e.system import System
from tests.support.deployment import ROOT, VERSION

OUTPUT = ROOT / "build/e2e"
API_IMAGE = f"localhost/mnist-inference/api:{VERSION}"
WORKER_IMAGE = f"localhost/mnist-inference/worker:{VERSION}"

steps = pytest.StashKey[dict[str, float]]()
server_version = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    config.stash[steps] = {}
    config.stash[server_version] = "unknown"
    # After SIGTERM too, the cluster must be deleted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextmanager
def time_step(config: pytest.Config, name: str) -> Iterator[None]:
    """Print the name of a step, and record its duration."""
    print(f"\n{name} …", flush=True)  # noqa: T201
    started = time.monotonic()
    yield
    config.stash[steps][name] = round(time.monotonic() - started, 1)


@pytest.fixture(scope="session")
def in_cluster(request: pytest.FixtureRequest) -> Iterator[None]:
    """The cluster, with KEDA and the images; deleted at the end, unless it existed before or KEEP is set."""
    os.environ["KUBECONFIG"] = str(cluster.KUBECONFIG)
    was_there = cluster.exists()
    try:
        with time_step(request.config, "build the images"):
            run("docker", "compose", "build", "--quiet", timeout_s=1800)
        if was_there:
            cluster.write_kubeconfig()
        else:
            with time_step(request.config, "create the cluster"):
                cluster.create(os.environ.get("KIND_NODE_IMAGE", ""))
        cluster.prepare_nodes()
        with time_step(request.config, "load the images"):
            cluster.load(cluster.NODE, *cluster.IMAGES, API_IMAGE)
            cluster.load(cluster.GPU_NODE, WORKER_IMAGE)
        with time_step(request.config, "install KEDA"):
            cluster.install_keda(os.environ.get("KEDA_INSTALL", "keda/install.sh"))
        yield
    finally:
        if not was_there and not os.environ.get("KEEP"):
            cluster.delete()


@pytest.fixture(scope="session")
def system(in_cluster: None, request: pytest.FixtureRequest) -> System:
    """The chart, newly installed."""
    config.load_kube_config(str(cluster.KUBECONFIG))
    with time_step(request.config, "remove what was installed"):
        run("helm", "--namespace", release.NAMESPACE, "uninstall", release.RELEASE, "--wait", expected_status=None)
        run("kubectl", "delete", "namespace", release.NAMESPACE, "--ignore-not-found", timeout_s=180)
    with time_step(request.config, "install the chart"):
        release.prepare_namespace()
        release.install()
    request.config.stash[server_version] = client.VersionApi().get_code().git_version
    return System()


@pytest.fixture
def idle(system: System) -> System:
    """The idle system: no worker, no job."""
    system.wait_until_idle()
    return system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if call.when != "teardown":
        durations = item.config.stash[steps]
        durations[item.name] = round(durations.get(item.name, 0) + call.duration, 1)
    if report.failed:
        path = OUTPUT / f"{re.sub(r'[^a-z0-9_]+', '-', item.name)}.txt"
        dump(path)
        report.sections.append(("cluster", f"the state of the cluster is in {path.relative_to(ROOT)}"))
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    stash = session.config.stash
    about = {"cpus": os.cpu_count(), "kubernetes": stash[server_version], "s": stash[steps]}
    (OUTPUT / "steps.json").write_text(json.dumps(about, indent=2))
