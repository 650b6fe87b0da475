"""Reads the form that nearly every client sends: the field `file`, and nothing else, in a body that is here whole.

A general parser looks at each byte; this one finds the two ends. Any other form is for the general parser.
"""

import re

from python_multipart.multipart import parse_options_header

_FORM = "multipart/form-data"
#: A content-type whose boundary needs no unquoting (RFC 2046).
_PLAIN_TYPE = re.compile(rf"{_FORM}; ?boundary=([0-9A-Za-z'()+_,./:=?-]{{1,70}})")
#: The head of the only part, behind the first boundary. A quote or an escape in a name is for the general parser.
_HEAD = re.compile(
    rb'content-disposition: form-data; name="file"(?:; filename="[^"\\\r\n]*")?\r\n'
    rb"(?:content-[a-z]+: [^\r\n]*\r\n)*\r\n",
    re.IGNORECASE,
)


def boundary_of(content_type: str | None) -> bytes | None:
    """Return the boundary of a form, empty if its content-type has none; None if the body is not a form."""
    if content_type is None or content_type.lstrip()[: len(_FORM)].lower() != _FORM:
        return None
    plain = _PLAIN_TYPE.fullmatch(content_type)
    if plain:
        return plain[1].encode()
    kind, options = parse_options_header(content_type)
    return options.get(b"boundary", b"") if kind == _FORM.encode() else None


def read_plain_form(body: bytes, boundary: bytes) -> bytes | None:
    """Return the upload in a form of one part called `file`; None for any other body."""
    opening = b"--%b\r\n" % boundary
    head = _HEAD.match(body, len(opening)) if body.startswith(opening) else None
    if head is None:
        return None
    delimiter = b"\r\n--" + boundary
    end = body.find(delimiter, head.end())
    is_last = end >= 0 and body[end + len(delimiter) :] in (b"--", b"--\r\n")
    return body[head.end() : end] if is_last else None
