"""The measurements, kept as JSON between runs: a run of one fault replaces that fault's row only."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.deployment import ROOT

PATH = ROOT / "docs" / "reliability.json"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Sections by name; `faults`, `lengths`, `cases` and `durability` are lists, the others objects."""

    sections: dict[str, Any]
    path: Path = PATH

    @classmethod
    def load(cls, path: Path = PATH) -> "Evidence":
        """Return what earlier runs left."""
        return cls(json.loads(path.read_text()) if path.exists() else {}, path)

    def put(self, section: str, measured: Any) -> None:
        """Replace a section, and keep it."""
        self.sections[section] = measured
        self._save()

    def put_row(self, section: str, row: dict[str, Any], *, keys: Sequence[str]) -> None:
        """Replace the row of a section that has the same values under `keys`, or add it, and keep it."""
        rows = self.sections.setdefault(section, [])
        for number, old in enumerate(rows):
            if all(old[key] == row[key] for key in keys):
                rows[number] = row
                break
        else:
            rows.append(row)
        self._save()

    def _save(self) -> None:
        self.path.write_text(json.dumps(self.sections, indent=1, sort_keys=True) + "\n")
