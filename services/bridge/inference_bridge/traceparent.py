"""The `traceparent` header of W3C Trace Context; only a valid header is sent with a job."""

import re

#: Version, trace id, parent id, flags, and the additions of later versions.
_FORM = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<ids>(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?",
    re.DOTALL,
)
_SAMPLED = 1


def normalize_traceparent(header: object) -> str | None:
    """Return a valid header in version 00, 55 characters, or None if it is invalid.

    A later version becomes 00, as "Versioning of traceparent" asks: the ids and the sampled flag stay, the rest is
    dropped.
    """
    match = _FORM.fullmatch(header) if isinstance(header, str) else None
    if match is None:
        return None
    if match["version"] != "00":
        return f"00-{match['ids']}-{int(match['flags'], 16) & _SAMPLED:02x}"
    return match[0] if match["more"] is None else None
