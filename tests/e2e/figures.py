"""A file of figures that the tests of a run fill one after the other."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def open_figures(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the figures that were written so far, to be changed; write them back."""
    figures = json.loads(path.read_text()) if path.exists() else {}
    yield figures
    path.write_text(json.dumps(figures) + "\n")
