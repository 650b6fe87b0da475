"""The short way of a form that is here whole answers as the general parser does."""

import asyncio

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inference_api.http.plain_form import boundary_of, read_plain_form
from inference_bridge.errors import InferenceError
from tests.unit.api.test_uploads import BOUNDARY, form, read_form

PLAIN = form(("file", b"a picture"))
DISPOSITION = b'Content-Disposition: form-data; name="file"'
#: Pieces of forms, in any order: right pieces, and pieces that are nearly right.
PIECES = [
    *(b"\r\n", b"\r\n\r\n", b"\n", b"--", b"a picture", b"\r\n--", b""),
    *(f"--{BOUNDARY}".encode(), f"\r\n--{BOUNDARY}".encode(), f"--{BOUNDARY}--\r\n".encode(), b"--limit-of-a-par"),
    *(DISPOSITION, DISPOSITION + b'; filename="x.png"', DISPOSITION + b'; filename="a\\"b"', DISPOSITION.lower()),
    *(b'Content-Disposition: form-data; name="other"', b"Content-Type: image/png", b"Content-Length: 9"),
]


def outcome(body: bytes, chunk_bytes: int) -> bytes | type[InferenceError]:
    try:
        return asyncio.run(read_form(body, chunk_bytes=chunk_bytes))
    except InferenceError as error:
        return type(error)


def test_the_form_that_curl_sends_is_read_the_short_way() -> None:
    head = b'Content-Disposition: form-data; name="file"; filename="three.jpeg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = b"--b\r\n" + head + b"\xff\xd8\r\n--\r\n--b--\r\n"

    assert read_plain_form(body, b"b") == b"\xff\xd8\r\n--"


@pytest.mark.parametrize(
    "body",
    [
        PLAIN[:-4],
        b"a preamble\r\n" + PLAIN,
        PLAIN + b"an epilogue",
        form(("file", b"one"), ("file", b"two")),
        form(("other", b"one")),
        PLAIN.replace(b"x.png", b'x\\".png'),
        b"",
    ],
    ids=["cut", "preamble", "epilogue", "two", "another field", "escaped name", "empty"],
)
def test_any_other_form_is_left_to_the_general_parser(body: bytes) -> None:
    assert read_plain_form(body, BOUNDARY.encode()) is None


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=12))
@example(
    pieces=[f"--{BOUNDARY}".encode(), b"\r\n", DISPOSITION, b"\r\n\r\n", b"x", f"\r\n--{BOUNDARY}".encode(), b"--"]
)
def test_a_form_in_one_piece_is_read_as_byte_by_byte(pieces: list[bytes]) -> None:
    body = b"".join(pieces)

    assert outcome(body, chunk_bytes=len(body) + 1) == outcome(body, chunk_bytes=1)


@given(start=st.integers(0, len(PLAIN)), length=st.integers(0, 9), instead=st.sampled_from(PIECES))
def test_a_form_with_a_changed_piece_is_read_as_byte_by_byte(start: int, length: int, instead: bytes) -> None:
    body = PLAIN[:start] + instead + PLAIN[start + length :]

    assert outcome(body, chunk_bytes=len(body) + 1) == outcome(body, chunk_bytes=1)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (None, None),
        ("image/png", None),
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; boundary="a b"', b"a b"),
        ("Multipart/Form-Data;boundary=abc; charset=utf-8", b"abc"),
        ("multipart/form-data", b""),
        ("multipart/form-database; boundary=abc", None),
    ],
)
def test_the_boundary_is_that_of_the_content_type(content_type: str | None, boundary: bytes | None) -> None:
    assert boundary_of(content_type) == boundary
