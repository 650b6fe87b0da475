"""Prints, compares or sets the version of the project in every file that names it.

python3 release/version.py            print the version; fail if two files differ
python3 release/version.py 1.2.3      write the version into every file
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = (
    "charts/mnist-inference/Chart.yaml",
    "services/*/pyproject.toml",
    "services/*/Dockerfile",
    "services/worker/inference_worker/sdk/template/Dockerfile.template",
    "models/*/pyproject.toml",
    "models/*/Dockerfile",
    "training/pyproject.toml",
    "compose.yaml",
    "README.md",
    "docs/models.md",
)
_PLACES = r'^version = "|^version: |^appVersion: "|^ARG VERSION=|\bmnist-inference/(?:api|worker|worker-sdk):'
_VERSION = re.compile(rf"({_PLACES})(\d+\.\d+\.\d+)\b", re.MULTILINE)


def find_files(root: Path) -> list[Path]:
    """Return the files that name the version; the chart's is the first."""
    return [file for pattern in FILES for file in sorted(root.glob(pattern))]


def find_versions(file: Path) -> set[str]:
    """Return the versions of the project that a file names."""
    return {version for _, version in _VERSION.findall(file.read_text())}


def read_version(root: Path) -> str:
    """Return the version of the chart; all other files must name the same.

    Raises:
        ValueError: a file names another version, or none.
    """
    expected, *_ = find_versions(root / FILES[0])
    for file in find_files(root):
        if find_versions(file) != {expected}:
            found = ", ".join(sorted(find_versions(file))) or "none"
            raise ValueError(f"{file.relative_to(root)} names the version {found} instead of {expected}")
    return expected


def set_version(root: Path, new: str) -> None:
    """Write a version into every file.

    Raises:
        ValueError: the version is not three numbers.
    """
    if not re.fullmatch(r"\d+\.\d+\.\d+", new):
        raise ValueError(f"{new!r} is not a valid version; give three numbers, such as 1.2.3")
    for file in find_files(root):
        file.write_text(_VERSION.sub(rf"\g<1>{new}", file.read_text()))


def main() -> None:
    """Set the version if one is given, then print it."""
    try:
        if len(sys.argv) > 1:
            set_version(ROOT, sys.argv[1])
        print(read_version(ROOT))
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
