"""Faults of an upload, and the clear 4xx that each gets."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_api.errors import InvalidRequest, RequestTimeout
from inference_api.http.buffers import Body, Buffers
from inference_api.http.uploads import read_upload
from inference_api.inputs import input_of
from inference_bridge.errors import EmptyInput, InferenceError, InputTooLarge
from mnist_model.spec import SPEC
from tests.unit.api.conftest import Service, a_picture

MAX_BYTES = 1_000
BOUNDARY = "limit-of-a-part"
PICTURE = input_of(SPEC, max_bytes=MAX_BYTES, max_pixels=1)


def a_share() -> Body:
    return Body(Buffers(max_bytes=10 * MAX_BYTES), "picture")


def form(*fields: tuple[str, bytes], end: str = "--") -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="x.png"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, content in fields
    ]
    return b"".join(parts) + f"--{BOUNDARY}{end}\r\n".encode()


async def read(body: bytes, *, content_type: str = "", chunk_bytes: int = 100, length: int | None = None) -> bytes:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), chunk_bytes):
            yield body[start : start + chunk_bytes]

    headers = {"content-type": content_type} if content_type else {}
    if length is not None:
        headers["content-length"] = str(length)
    return await read_upload(headers, chunks(), PICTURE, share=a_share())


async def read_form(body: bytes, **options: int) -> bytes:
    return await read(body, content_type=f"multipart/form-data; boundary={BOUNDARY}", **options)


@given(picture=st.binary(min_size=1, max_size=MAX_BYTES), chunk_bytes=st.integers(1, 2_000))
def test_a_form_gives_the_picture_however_it_is_cut(picture: bytes, chunk_bytes: int) -> None:
    assert asyncio.run(read_form(form(("file", picture)), chunk_bytes=chunk_bytes)) == picture


@given(chunk_bytes=st.integers(1, 200))
@pytest.mark.parametrize(
    "preamble", [b"This is a form.\r\n", b"--limit-\r\n-- \r\n\r\n", b"\r\n", b"\n", b"a" * 500 + b"\r\n"]
)
def test_text_before_the_first_boundary_is_ignored(preamble: bytes, chunk_bytes: int) -> None:
    body = preamble + form(("file", b"a picture"))

    assert asyncio.run(read_form(body, chunk_bytes=chunk_bytes)) == b"a picture"


@given(picture=st.binary(min_size=1, max_size=MAX_BYTES), chunk_bytes=st.integers(1, 2_000))
def test_a_raw_body_is_the_picture(picture: bytes, chunk_bytes: int) -> None:
    assert asyncio.run(read(picture, chunk_bytes=chunk_bytes)) == picture


async def test_other_fields_are_passed_over() -> None:
    assert await read_form(form(("note", b"hello"), ("file", b"picture"), ("more", b""))) == b"picture"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param(form(("image", b"picture")), "all fields: image", id="wrong-field-name"),
        pytest.param(form(), "0 fields named 'file'", id="no-field"),
        pytest.param(form(("file", b"one"), ("file", b"two")), "2 fields named 'file'", id="two-files"),
        pytest.param(form(("file", b"picture"), end=""), "ends before its last boundary", id="truncated"),
        pytest.param(b"no form at all", "malformed", id="no-form"),
    ],
)
async def test_a_wrong_form_is_told_what_is_expected(body: bytes, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        await read_form(body)


async def test_a_form_with_text_before_its_first_boundary_is_accepted(service: Service) -> None:
    body = b"This is a multi-part message in MIME format.\r\n" + form(("file", a_picture()))
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}

    for path in ("/classify", "/models/mnist"):
        assert (await service.client.post(path, content=body, headers=headers)).status_code == 202


async def test_a_form_without_a_boundary_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no boundary"):
        await read(b"body", content_type="multipart/form-data")


async def test_a_form_with_a_boundary_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="boundary cannot be used"):
        await read(b"body", content_type=f"multipart/form-data; boundary={'a' * 1_000}")


@pytest.mark.parametrize("body", [pytest.param(b"", id="raw"), pytest.param(form(("file", b"")), id="form")])
async def test_an_empty_picture_is_refused(body: bytes) -> None:
    with pytest.raises(EmptyInput, match="0 bytes"):
        await (read_form(body) if body else read(body))


@pytest.mark.parametrize("is_form", [True, False])
async def test_reading_ends_as_soon_as_the_limit_is_passed(is_form: bool) -> None:
    seen = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal seen
        yield form(("file", b""), end="").split(b"\r\n--")[0] if is_form else b""
        while True:
            seen += 100
            yield bytes(100)

    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"} if is_form else {}
    with pytest.raises(InputTooLarge, match="more than 1000 bytes"):
        await read_upload(headers, endless(), PICTURE, share=a_share())
    assert seen <= MAX_BYTES + 200


async def test_a_length_that_is_announced_too_large_is_refused_unread() -> None:
    with pytest.raises(InputTooLarge):
        await read(b"", length=MAX_BYTES + 1)


async def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_api.http.uploads.READ_TIMEOUT_S", 0.01)

    async def stuck() -> AsyncIterator[bytes]:
        yield b"the first byte"
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RequestTimeout, match="did not arrive"):
        await read_upload({}, stuck(), PICTURE, share=a_share())


async def test_a_body_that_is_here_already_needs_no_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_api.http.uploads.READ_TIMEOUT_S", 0)

    async def here() -> AsyncIterator[bytes]:
        yield b"all of it"
        await asyncio.sleep(0)

    assert await read_upload({}, here(), PICTURE, share=a_share(), is_whole=True) == b"all of it"
    with pytest.raises(RequestTimeout):
        await read_upload({}, here(), PICTURE, share=a_share())


@given(body=st.binary(max_size=500))
def test_any_bytes_as_a_form_give_a_picture_or_an_error_of_ours(body: bytes) -> None:
    try:
        asyncio.run(read_form(body))
    except InferenceError as error:
        assert not isinstance(error, RequestTimeout)  # noqa: PT017


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        pytest.param(b"", "image/png", 422, "unreadable_image", id="empty"),
        pytest.param(b"just some text", "text/plain", 415, "unsupported_image", id="text"),
        pytest.param(bytes(100_001), "image/png", 413, "image_too_large", id="over-the-byte-limit"),
        pytest.param(a_picture()[:60], "image/png", 422, "unreadable_image", id="truncated"),
        pytest.param(b"x", "multipart/form-data", 400, "invalid_request", id="no-form"),
    ],
)
async def test_a_bad_upload_is_a_problem_with_a_stable_type(
    service: Service, content: bytes, content_type: str, status: int, code: str
) -> None:
    response = await service.client.post("/classify", content=content, headers={"content-type": content_type})

    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"urn:problem:{code.replace('_', '-')}"
    assert problem["detail"]
    assert problem["title"]
