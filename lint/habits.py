"""Counts four habits that make English hard to read, in every text file of the repository; `make lint` runs it.

A sentence is a subject, a verb and an object, in one clause. CONTRIBUTING.md shows how each habit is put right.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

#: Matches of one habit that are let pass in the whole repository.
MOST = 4
ENDINGS = (".py", ".md", ".yaml", ".yml", ".toml", ".sh", ".tpl", ".gotmpl", "Dockerfile", "Makefile")
#: After these begins a sentence, a docstring, a comment, an item or a clause.
_BEGINS = r'(?:(?<=[.;:!] )|(?<=""")|(?<=[|#*] )|(?<=, (?:and|but) )|(?<=, so ))'
HABITS = {
    '"who" or "what" as a subject': _BEGINS + r"(?:[Ww]ho|[Ww]hat)(?:ever)? (?![^.\n]*\?)[a-z]",
    '"is no X" for "is not a valid X"': (
        r"(?<![Tt]here )\b(?:is|was|are|were|be|been|as) no (?!longer|more|less|other|need|way)\w"
    ),
    '"so many", "such a", "again and again"': (
        r"\b[Ss]o (?:many|much)(?! that)\b|\b[Ss]uch (?:a|an|one|ones)\b|\bagain and again\b"
    ),
    "a noun left out": r"\b(?:[Oo]ne|[Oo]nes|[Tt]hose) (?:with|without|that|which|whose)\b",
}
_LINE_BREAK = re.compile(r"\s*\n\s*(?:#:? ?)?")


def main() -> None:
    """Print where each habit is; end with status 1 when one of them is there too often."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    texts = {name: join_lines((root / name).read_text()) for name in text_files(root)}
    has_failed = False
    for habit, pattern in HABITS.items():
        found = [f"{name}: …{words}…" for name, text in texts.items() for words in matches(pattern, text)]
        print(f"{len(found):4} times {habit}")
        if len(found) > MOST:
            has_failed = True
            print("\n".join(found))
    if has_failed:
        sys.exit(f"a habit is there more than {MOST} times: put the sentences above into plain words (CONTRIBUTING.md)")


def text_files(root: Path) -> list[str]:
    """Return the names of the text files that git knows, but for this one and its test, which quote the habits."""
    listed = subprocess.run(["git", "ls-files"], cwd=root, check=True, capture_output=True, text=True)
    return [name for name in listed.stdout.splitlines() if name.endswith(ENDINGS) and not name.endswith("habits.py")]


def join_lines(text: str) -> str:
    """Return the text on one line, so that a habit is found whatever line it is broken at."""
    return _LINE_BREAK.sub(" ", text)


def matches(pattern: str, joined: str) -> Iterator[str]:
    """Yield each match in a joined text, with the words around it."""
    for match in re.finditer(pattern, joined):
        yield joined[max(0, match.start() - 40) : match.end() + 40]


if __name__ == "__main__":
    main()
