"""Markdown tables of the report."""

from collections.abc import Sequence
from typing import Any


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table; if it has more than three columns, all but the first are aligned to the right."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)] if len(head) > 3 else ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def count_of(value: int) -> str:
    """Return a count of what must not be, so that it is seen when it is not 0."""
    return f"**{value:,}**" if value else "0"


def note(row: dict[str, Any], sentence: str) -> str:
    """Return a sentence about a row, below its table."""
    title = row["title"]
    return f"\n*{title[0].upper()}{title[1:]}*: {sentence}.\n"
