"""Each kind of input: the body that an upload becomes, and the clear 4xx that a wrong or hostile one gets."""

import io
import json
import pickle
from codecs import BOM_UTF8
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib import format as npy

from inference_api.inputs import input_of
from inference_bridge.errors import ConfigurationError, InvalidInput, UnsupportedInput
from inference_bridge.kinds import File, Json, Picture, Probabilities, Tensor
from inference_bridge.spec import ModelSpec
from mnist_model.prepare import begin
from mnist_model.spec import SPEC
from tests.unit.api.several import PAINT, TENSOR, TEXT, TREE, VOICE, WAV, Several

ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)


def prepare(spec: ModelSpec, upload: bytes) -> bytes:
    prepared = input_of(spec, max_bytes=100_000, max_pixels=1_000_000).prepare(upload)
    return prepared if isinstance(prepared, bytes) else prepared()


def saved(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    npy.write_array(file, array, version=version)
    return file.getvalue()


def with_header(header: bytes, version: int = 1) -> bytes:
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + ARRAY.tobytes()


# Tensors


@pytest.mark.parametrize(
    "upload",
    [
        pytest.param(ARRAY.tobytes(), id="raw"),
        pytest.param(saved(ARRAY), id="npy"),
        pytest.param(saved(ARRAY, (2, 0)), id="npy-2"),
        pytest.param(saved(ARRAY, (3, 0)), id="npy-3"),
        pytest.param(saved(np.asfortranarray(ARRAY)), id="column-by-column"),
        pytest.param(saved(ARRAY.astype(">f4")), id="big-endian"),
        pytest.param(saved(np.asfortranarray(ARRAY.astype(">f4"))), id="both"),
    ],
)
def test_a_tensor_travels_little_endian_and_row_by_row(upload: bytes) -> None:
    assert prepare(TENSOR, upload) == ARRAY.tobytes()


HOSTILE_ARRAYS = {
    "too-short": (bytes(23), "has 23 bytes, expected 24 for float32 of shape (2, 3)"),
    "too-long": (bytes(25), "has 25 bytes"),
    "other-type": (saved(ARRAY.astype(np.float64)), "holds float64 of shape (2, 3)"),
    "other-shape": (saved(ARRAY.T.copy()), "of shape (3, 2)"),
    "objects": (b"\x93NUMPY\x01\0" + saved(np.array([{}], object))[8:] + pickle.dumps({}), "holds object"),
    "fields": (saved(np.zeros(6, [("a", "<f4")])), "expected float32"),
    "huge-shape": (with_header(b"{'descr':'<f4','fortran_order':False,'shape':(9999999999999,)}"), "of shape"),
    "cut-off": (saved(ARRAY)[:-1], "has 23 bytes after its header, expected 24"),
    "cut-off-header": (saved(ARRAY)[:20], "header of the .npy file cannot be read"),
    "long-header": (with_header(b" " * 900 + b"{}" * 100), "cannot be read"),
    "endless-header": (b"\x93NUMPY\x02\0\xff\xff\xff\xff", "cannot be read"),
    "deep-header": (with_header(b"(" * 500 + b")" * 500), "cannot be read"),
    "signs-in-header": (with_header(b"-" * 900 + b"1"), "cannot be read"),
    "code-in-header": (with_header(b"__import__('os').abort()"), "cannot be read"),
    "unknown-version": (b"\x93NUMPY\x09\0" + saved(ARRAY)[8:], "cannot be read"),
}


@pytest.mark.parametrize("name", HOSTILE_ARRAYS)
def test_a_wrong_tensor_is_told_what_is_expected(name: str) -> None:
    upload, reason = HOSTILE_ARRAYS[name]

    with pytest.raises(InvalidInput) as caught:
        prepare(TENSOR, upload)

    assert reason in str(caught.value)


@given(header=st.binary(max_size=200), version=st.integers(0, 4))
def test_any_header_is_read_or_refused(header: bytes, version: int) -> None:
    with pytest.raises(InvalidInput):
        prepare(TENSOR, with_header(header, version))


def test_a_tensor_of_bool_has_no_other_bytes() -> None:
    flags = ModelSpec("flags", 1, Tensor("bool", (3,)), Probabilities(2))

    assert prepare(flags, b"\0\1\1") == b"\0\1\1"
    with pytest.raises(InvalidInput, match="a byte other than 0 and 1"):
        prepare(flags, b"\0\2\1")


# Texts


@pytest.mark.parametrize("upload", ["grüße".encode(), BOM_UTF8 + "grüße".encode()], ids=["plain", "with-a-mark"])
def test_a_text_travels_as_utf8_without_a_byte_order_mark(upload: bytes) -> None:
    assert prepare(TEXT, upload) == "grüße".encode()


@pytest.mark.parametrize(
    ("upload", "reason"),
    [
        ("grüße".encode("latin-1"), "not valid UTF-8 at byte 2"),
        ("grüße".encode("utf-16"), "not valid UTF-8 at byte 0"),
        (b"\xed\xa0\x80", "not valid UTF-8"),
        (b"\xc0\xaf", "not valid UTF-8"),
        (BOM_UTF8, "0 characters"),
        ("ü".encode() * 21, "21 characters, the limit is 20"),
    ],
    ids=["latin-1", "utf-16", "lone-surrogate", "overlong", "only-a-mark", "too-long"],
)
def test_a_wrong_text_is_told_what_is_expected(upload: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        prepare(TEXT, upload)


# Documents


@pytest.mark.parametrize("mark", [b"", BOM_UTF8], ids=["plain", "with-a-mark"])
def test_a_document_travels_as_it_came(mark: bytes) -> None:
    document = b'{ "name": "oak", "branches": [{"name": "twig", "weight": 1e-3}] }'

    assert prepare(TREE, mark + document) == document


def test_a_large_document_is_checked_in_a_thread() -> None:
    large = json.dumps({"name": "oak", "branches": [{"name": "twig"}] * 2_000}).encode()

    prepared = input_of(TREE, max_bytes=1, max_pixels=1).prepare(large)

    assert not isinstance(prepared, bytes)
    assert prepared() == large


def tree(depth: int) -> bytes:
    return b'{"name":"a","branches":[' * depth + b"]}" * depth


HOSTILE_DOCUMENTS = {
    "not-json": (b"name: oak", "not valid JSON"),
    "cut-off": (b'{"name": "oak', "not valid JSON"),
    "two": (b'{"name":"a"} {"name":"b"}', "not valid JSON"),
    "latin-1": ('{"name":"ü"}'.encode("latin-1"), "not valid JSON"),
    "utf-16": ('{"name":"a"}'.encode("utf-16"), "not valid JSON"),
    "nan": (b'{"name":"a","weight":NaN}', "not valid JSON"),
    "infinity": (b'{"name":"a","weight":1e999}', "weight"),
    "long-number": (b'{"name":"a","weight":' + b"9" * 5_000 + b"}", "not valid JSON"),
    "lone-surrogate": (b'{"name":"\\ud800"}', "not valid JSON"),
    "lone-surrogate-bytes": (b'{"name":"\xed\xa0\x80"}', "not valid JSON"),
    "deep": (b"[" * 100_000 + b"]" * 100_000, "recursion limit"),
    "deep-and-valid": (tree(1_500), "recursion limit"),
    "other-type": (b"[]", "not of type"),
    "null": (b"null", "not of type"),
    "missing": (b"{}", '"name" is a required property'),
    "wrong-type": (b'{"name":5}', 'name: 5 is not of type "string"'),
    "inside": (b'{"name":"a","branches":[{"name":"b","weight":0}]}', "branches.0.weight: 0"),
    "long-value": (b'{"name":"' + b"x" * 40_000 + b'"}', "is longer than 8 characters"),
    "long-path": (
        b'{"name":"a","branches":' + b'[{"name":"a","branches":' * 30 + b"5" + b"}]" * 30 + b"}",
        "not of type",
    ),
}


@pytest.mark.parametrize("name", HOSTILE_DOCUMENTS)
def test_a_wrong_document_is_told_where_and_which_rule(name: str) -> None:
    upload, reason = HOSTILE_DOCUMENTS[name]

    with pytest.raises(InvalidInput) as caught:
        prepare(TREE, upload)

    assert reason in str(caught.value)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    "schema", [{"type": "nothing"}, {"$ref": "http://example.invalid/schema"}, {"$ref": "#/$defs/X"}]
)
def test_a_schema_that_is_not_valid_ends_the_start_and_is_never_fetched(schema: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"a JSON Schema of bad\.v1 is not valid"):
        input_of(ModelSpec("bad", 1, Json(schema), Probabilities(1)), max_bytes=1, max_pixels=1)


# Files


def test_a_file_travels_as_it_came_with_the_type_of_its_first_bytes() -> None:
    given = input_of(VOICE, max_bytes=1, max_pixels=1)

    assert prepare(VOICE, WAV + b"more") == WAV + b"more"
    assert (given.job_type_of(WAV), given.job_type_of(b"fLaC")) == ("audio/wav", "audio/flac")


@pytest.mark.parametrize("upload", [b"x", WAV[:11], b"RIFF....WEBP", b"II*.", b"\x00fLaC"])
def test_a_file_of_another_type_is_told_the_types_taken(upload: bytes) -> None:
    with pytest.raises(UnsupportedInput, match="not those of audio/wav or audio/flac"):
        prepare(VOICE, upload)


def test_any_file_is_taken_where_the_spec_says_so_but_a_known_type_is_named() -> None:
    spec = ModelSpec("any", 1, File(("application/octet-stream", "image/tiff")), Probabilities(2))
    given = input_of(spec, max_bytes=1, max_pixels=1)

    assert prepare(spec, b"\0") == b"\0"
    assert given.job_type_of(b"\0") == "application/octet-stream"
    assert given.job_type_of(b"II*\0") == "image/tiff"
    assert given.job_type_of(b"IIII\0") == "application/octet-stream"


# Pictures


def test_a_spec_names_the_function_that_prepares() -> None:
    assert prepare(SPEC, SPEC.example) == begin(SPEC.example, max_pixels=1_000)


@pytest.mark.parametrize("path", ["no.such.module:prepare", "mnist_model.prepare:no_such_function"])
def test_a_function_that_is_not_there_is_named(path: str) -> None:
    with pytest.raises(ConfigurationError, match=r"expected package\.module:name"):
        input_of(ModelSpec("x", 1, Picture(2, 2, prepare=path), Probabilities(2)), max_bytes=1, max_pixels=1)


def test_a_preparation_that_is_not_a_function_is_named() -> None:
    spec = ModelSpec("x", 1, Picture(2, 2, prepare="mnist_model.spec:SPEC"), Probabilities(2))

    with pytest.raises(ConfigurationError, match="is not a function"):
        input_of(spec, max_bytes=1, max_pixels=1)


# Over HTTP


@pytest.mark.parametrize(
    ("model", "body", "status", "code"),
    [
        ("tensor", b"", 422, "empty_input"),
        ("tensor", bytes(23), 422, "invalid_input"),
        ("tensor", bytes(24 + 1_024 + 1), 413, "input_too_large"),
        ("text-2", b"", 422, "empty_input"),
        ("text-2", b"\xff", 422, "invalid_input"),
        ("text-2", b"x" * 84, 413, "input_too_large"),
        ("tree", b"", 422, "empty_input"),
        ("tree", b"[" * 300_001, 413, "input_too_large"),
        ("tree", b"[" * 300_000, 422, "invalid_input"),
        ("tree", b'{"name":1}', 422, "invalid_input"),
        ("voice", b"", 422, "empty_input"),
        ("voice", b"text", 415, "unsupported_input"),
        ("voice", WAV + bytes(100_000), 413, "input_too_large"),
        ("paint", b"", 422, "unreadable_image"),
        ("paint", b"text", 415, "unsupported_image"),
        ("paint", bytes(100_001), 413, "image_too_large"),
    ],
)
async def test_a_bad_upload_is_a_problem_with_a_stable_type(
    several: Several, model: str, body: bytes, status: int, code: str
) -> None:
    response = await several.submit(model, body)

    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert several.served[model].spec.takes.noun in problem["detail"] or "picture" in problem["detail"]


async def test_every_hostile_body_is_a_4xx(several: Several) -> None:
    bodies = {
        "tensor": [upload for upload, _ in HOSTILE_ARRAYS.values()],
        "tree": [upload for upload, _ in HOSTILE_DOCUMENTS.values()],
        "paint": [PAINT.example, bytes(1_000), b"\x89PNG\r\n\x1a\n" + bytes(50)],
    }

    answers = [(await several.submit(model, body)).status_code for model in bodies for body in bodies[model]]

    assert [status for status in answers if not 400 <= status < 500] == []
