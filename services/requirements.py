"""Prints the packages from elsewhere that projects need, for the Dockerfiles.

python3 requirements.py EXTRA PYPROJECT…     EXTRA is the extra of a model's half, `api` or `worker`

The extra `tracing` comes with either: an image can be told to send spans.
"""

import sys
import tomllib
from pathlib import Path


def main(extra: str, *files: str) -> None:
    """Print the requirements of the projects in these files, one a line."""
    for file in files:
        project = tomllib.loads(Path(file).read_text(encoding="utf-8"))["project"]
        extras = project.get("optional-dependencies", {})
        for line in [*project["dependencies"], *extras.get(extra, []), *extras.get("tracing", [])]:
            if not line.startswith("mnist-inference-"):
                sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
