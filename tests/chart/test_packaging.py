"""A packaged chart renders the images of its release without any value, and says where it comes from."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from release.chart import CHART, find_changes, write_images, write_links, write_metadata
from tests.chart.helm import KUBERNETES, NEEDS_HELM, RELEASE, container_of, helm
from tests.support.deployment import ROOT

OWNER = "ghcr.io/owner"
URL = "https://example.org/owner/digits"
TAGS = {image: f"1.2.3@sha256:{letter * 64}" for image, letter in (("api", "a"), ("worker", "b"), ("worker-cpu", "c"))}
NAMES = {image: f"{OWNER}/mnist-inference/{image}:{tag}" for image, tag in TAGS.items()}


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """The chart, ready to be packaged."""
    chart = tmp_path / "mnist-inference"
    shutil.copytree(ROOT / CHART, chart)
    write_images(chart, OWNER, TAGS)
    write_links(chart, URL, "1.2.3")
    write_metadata(chart, URL, NAMES, ["More digits."])
    return chart


def render(chart: Path, *arguments: str) -> dict[str, str]:
    """Return the image of each Deployment, rendered from a package, without the tests' own values."""
    packed = helm("package", str(chart), "--destination", str(chart.parent))
    assert packed.returncode == 0, packed.stderr
    (package,) = chart.parent.glob("*.tgz")
    done = helm("--kube-version", KUBERNETES, "template", RELEASE, str(package), *arguments)
    assert done.returncode == 0, done.stderr
    found = [one for one in yaml.safe_load_all(done.stdout) if one and one["kind"] == "Deployment"]
    return {
        one["metadata"]["name"].removeprefix(f"{RELEASE}-mnist-inference-"): container_of(one)["image"] for one in found
    }


@NEEDS_HELM
def test_a_package_names_the_images_of_its_release(chart: Path) -> None:
    assert render(chart) == {"api": NAMES["api"], "worker-mnist": NAMES["worker"]}


@NEEDS_HELM
@pytest.mark.parametrize("values", ["values-cpu.yaml", "values-kind.yaml"])
def test_workers_without_a_gpu_get_the_image_without_cuda(chart: Path, values: str) -> None:
    images = render(chart, "--values", str(chart / values))

    assert images == {"api": NAMES["api"], "worker-mnist": NAMES["worker-cpu"]}


@NEEDS_HELM
def test_the_image_of_another_model_replaces_version_and_digest(chart: Path) -> None:
    image = {"registry": "registry.example.org", "repository": "digits", "tag": "v2"}

    images = render(chart, "--set-json", f"models.mnist.worker.image={json.dumps(image)}")

    assert images["worker-mnist"] == "registry.example.org/digits:v2"


def test_values_with_another_layout_are_not_packaged(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("api: {image: {repository: mnist-inference/api}}\n")

    with pytest.raises(ValueError, match="has the image api 0 times"):
        write_images(tmp_path, OWNER, TAGS)


def test_a_package_says_where_it_comes_from(chart: Path) -> None:
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    annotations = {name: value for name, value in about["annotations"].items() if name != "artifacthub.io/license"}
    told = {name.removeprefix("artifacthub.io/"): yaml.safe_load(value) for name, value in annotations.items()}

    assert (about["home"], about["sources"]) == (URL, [URL])
    assert told["images"] == [{"name": name, "image": image} for name, image in NAMES.items()]
    assert told["changes"] == ["More digits."]
    assert all(link["url"].startswith(URL) for link in told["links"])


def test_the_changes_are_those_of_the_version() -> None:
    changelog = "## [1.1.0] - 2030-02-01\n\n### Fixed\n\n- One\n  line.\n- Two.\n\n## [1.0.0] - 2030-01-01\n\n- Old.\n"

    assert find_changes(changelog, "1.1.0") == ["One line.", "Two."]
    assert find_changes(changelog, "1.0.0") == ["Old."]
    assert find_changes(changelog, "2.0.0") == []


def test_the_readme_of_a_package_leads_to_the_files_of_its_version(chart: Path) -> None:
    readme = (chart / "README.md").read_text()

    assert f"({URL}/blob/v1.2.3/docs/operations.md#tls)" in readme
    assert "](../" not in readme
