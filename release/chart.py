"""Writes a release's images, addresses, links and changes into the chart, before it is packaged.

python3 -m release.chart REGISTRY https://HOST/OWNER/REPOSITORY api=sha256:… worker=sha256:… [worker-cpu=sha256:…]

A value of `tag` holds the version and the digest: a model's own `tag` then replaces both.
"""

import json
import re
import sys
from pathlib import Path

from release.version import ROOT, read_version

CHART = "charts/mnist-inference"
_IMAGE = r'registry: )""(\n(?: *#.*\n)* *repository: mnist-inference/{}\n(?: *#.*\n)* *tag: )""'
_LOCAL = re.compile(r"(?: *# As `docker compose build` .*\n)? *image: \{registry: localhost\}\n")
_CHANGE = re.compile(r"^- (.+(?:\n  .+)*)", re.MULTILINE)


def write_images(chart: Path, registry: str, tags: dict[str, str]) -> None:
    """Write the registry and the tags, by image, into the values; `worker-cpu` into the values without GPUs.

    The values for kind then name no registry: its nodes pull.

    Raises:
        ValueError: the values do not have an image just once.
    """
    values = chart / "values.yaml"
    text = values.read_text()
    for image in ("api", "worker"):
        text, found = re.subn(f"({_IMAGE.format(image)}", rf'\g<1>{registry}\g<2>"{tags[image]}"', text)
        if found != 1:
            raise ValueError(f"{values} has the image {image} {found} times, expected once; correct release/chart.py")
    values.write_text(text)
    cpu = tags.get("worker-cpu")
    image = f'  image: {{repository: mnist-inference/worker-cpu, tag: "{cpu}"}}\n' if cpu else ""
    for name in ("values-cpu.yaml", "values-kind.yaml"):
        without = _LOCAL.sub("", (chart / name).read_text())
        (chart / name).write_text(without.replace("worker:\n", f"worker:\n{image}", 1))


def find_changes(changelog: str, version: str) -> list[str]:
    """Return the entries of a version in the changelog; of none if the version has no heading."""
    of_version = re.search(rf"^## \[{re.escape(version)}\].*?(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return [" ".join(entry.split()) for entry in _CHANGE.findall(of_version[0] if of_version else "")]


def write_metadata(chart: Path, url: str, images: dict[str, str], changes: list[str]) -> None:
    """Add the project's addresses, images and changes to Chart.yaml, whose last block is the annotations."""
    listed = [{"name": name, "image": image} for name, image in images.items()]
    links = [{"name": "Operations", "url": f"{url}/blob/main/docs/operations.md"}]
    # JSON is YAML too. An annotation is a text.
    annotations = {"images": listed, "links": links, "changes": changes}
    lines = [
        f"  artifacthub.io/{name}: {json.dumps(json.dumps(value))}" for name, value in annotations.items() if value
    ]
    file = chart / "Chart.yaml"
    file.write_text(f"home: {url}\nsources: [{url}]\n{file.read_text()}" + "".join(f"{line}\n" for line in lines))


def write_links(chart: Path, url: str, version: str) -> None:
    """Let the README's links to the repository's other files lead there, to that version."""
    file = chart / "README.md"
    file.write_text(file.read_text().replace("](../../", f"]({url}/blob/v{version}/"))


def main() -> None:
    """Write what the command line names."""
    registry, url, *digests = sys.argv[1:]
    try:
        write(registry, url, dict(digest.split("=") for digest in digests))
    except ValueError as error:
        sys.exit(str(error))


def write(registry: str, url: str, digests: dict[str, str]) -> None:
    """Write a release, with the digests of its images, into the chart.

    Raises:
        ValueError: an image has no digest, or a file is not as expected.
    """
    if missing := {"api", "worker"} - digests.keys():
        raise ValueError(f"there is no digest of {', '.join(sorted(missing))}; add it, such as api=sha256:…")
    version = read_version(ROOT)
    tags = {image: f"{version}@{digest}" for image, digest in digests.items()}
    images = {image: f"{registry}/mnist-inference/{image}:{tag}" for image, tag in tags.items()}
    write_images(ROOT / CHART, registry, tags)
    write_links(ROOT / CHART, url, version)
    write_metadata(ROOT / CHART, url, images, find_changes((ROOT / "CHANGELOG.md").read_text(), version))


if __name__ == "__main__":
    main()
