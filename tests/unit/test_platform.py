"""Nothing under `services` knows which model it serves."""

import re
from collections.abc import Iterator

from tests.support.deployment import ROOT

#: The name of the project, in distributions and images, is nobody's model.
WORDS = re.compile(r"digit|mnist(?!-inference)", re.IGNORECASE)


def lines_of_the_platform() -> Iterator[tuple[str, str]]:
    """Yield each line of the files that are written by hand, and where it stands."""
    for path in sorted(ROOT.glob("services/**/*")):
        is_built = path.suffix == ".pyc" or any(part.endswith(".egg-info") for part in path.parts)
        if path.is_file() and not is_built:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                yield f"{path.relative_to(ROOT)}:{number}: {line.strip()}", line


def test_the_platform_never_speaks_of_a_models_subject() -> None:
    assert [place for place, line in lines_of_the_platform() if WORDS.search(line)] == []
