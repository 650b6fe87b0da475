"""The `traceparent` header of W3C Trace Context: only a well-formed one travels with a job."""

import re

#: Version, trace id, parent id and flags; behind them what a version after 00 may add.
_FORM = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<ids>(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?",
    re.DOTALL,
)
_SAMPLED = 1


def normalize_traceparent(header: object) -> str | None:
    """Return the header as it may travel, 55 characters, or None when it is not a valid one.

    A version after 00 becomes 00, as "Versioning of traceparent" there asks: its ids and its sampled flag are known,
    whatever else it says is not.
    """
    match = _FORM.fullmatch(header) if isinstance(header, str) else None
    if match is None:
        return None
    if match["version"] != "00":
        return f"00-{match['ids']}-{int(match['flags'], 16) & _SAMPLED:02x}"
    return match[0] if match["more"] is None else None
