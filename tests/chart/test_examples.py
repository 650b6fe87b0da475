"""The values that the documents show, rendered."""

import re
from pathlib import Path

import pytest
import yaml

from tests.chart.helm import CHART, NEEDS_HELM, Object, container_of, environment_of, one, pod_of
from tests.chart.spec_files import add_model
from tests.support.deployment import ROOT

pytestmark = NEEDS_HELM
PRODUCTION = ("--values", str(CHART / "values-production.yaml"))
#: Seconds that GKE leaves to a pod on a spot node.
NOTICE_S = 15


def example(page: str, word: str, folder: Path) -> tuple[str, ...]:
    """Return Helm's arguments for the one block of values in a page that has this word."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if word in block]
    path = folder / "example.yaml"
    path.write_text(block)
    return ("--values", str(path))


def test_weights_are_downloaded_to_where_the_worker_reads_them(tmp_path: Path) -> None:
    worker = one(
        "Deployment", "worker-ships", *add_model("ships"), *example("docs/models.md", "extraInitContainers", tmp_path)
    )

    (download,) = pod_of(worker)["initContainers"]
    assert environment_of(worker)["INFERENCE_WEIGHTS"] in download["args"]
    assert {"name": "weights", "mountPath": "/weights", "readOnly": True} in container_of(worker)["volumeMounts"]
    assert download["securityContext"] == container_of(worker)["securityContext"]


def test_a_worker_on_a_spot_node_drains_within_the_notice(tmp_path: Path) -> None:
    spot = one("Deployment", "worker-mnist-spot", *example("docs/operations.md", "gke-spot", tmp_path))

    assert pod_of(spot)["terminationGracePeriodSeconds"] <= NOTICE_S


def spread_of(*arguments: str) -> list[Object]:
    return [
        {key: value for key, value in constraint.items() if key != "labelSelector"}
        for constraint in pod_of(one("StatefulSet", "rabbitmq", *arguments))["topologySpreadConstraints"]
    ]


def test_in_production_no_two_nodes_of_rabbitmq_share_a_machine() -> None:
    hard = [found for found in spread_of(*PRODUCTION) if found["whenUnsatisfiable"] == "DoNotSchedule"]

    # Without the minimum, two of three would share a machine where there are two.
    assert hard == [
        {
            "maxSkew": 1,
            "minDomains": 3,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "DoNotSchedule",
        }
    ]


@pytest.mark.parametrize("arguments", [(), (*PRODUCTION, "--values", str(ROOT / "tests/e2e/values-production.yaml"))])
def test_elsewhere_they_may(arguments: tuple[str, ...]) -> None:
    assert {found["whenUnsatisfiable"] for found in spread_of(*arguments)} == {"ScheduleAnyway"}


def test_the_tests_in_a_cluster_open_the_port_that_the_api_has_on_each_node() -> None:
    values = yaml.safe_load((ROOT / "tests/e2e/values.yaml").read_text())
    kind = yaml.safe_load((ROOT / "tests/e2e/kind.yaml").read_text())

    (opened,) = kind["nodes"][0]["extraPortMappings"]
    assert values["api"]["service"]["nodePort"] == opened["containerPort"]
