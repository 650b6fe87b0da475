"""JSON documents, checked against the model's JSON Schema."""

from codecs import BOM_UTF8
from collections.abc import Callable
from functools import partial

from pydantic_core import from_json

from inference_api.inputs.input import Input
from inference_api.json_schema import JsonSchema
from inference_bridge.errors import InvalidInput
from inference_bridge.kinds import Json

#: A document up to this length is checked in less time than a thread takes to start on it.
SMALL_BYTES = 16_384


def document_input(takes: Json, *, owner: str) -> Input:
    """Return the input of a model that takes documents.

    Raises:
        ConfigurationError: the schema, which belongs to the model `owner`, is not valid.
    """
    schema = JsonSchema(takes.schema, owner=owner)
    (media_type,) = takes.content_types

    def prepare(upload: bytes) -> bytes | Callable[[], bytes]:
        check = partial(check_document, upload, schema)
        return check() if len(upload) <= SMALL_BYTES else check

    return Input(
        noun=takes.noun,
        max_bytes=takes.max_body_bytes,
        media_types=takes.content_types,
        prepare=prepare,
        type_of=lambda _: media_type,
    )


def check_document(upload: bytes, schema: JsonSchema) -> bytes:
    """Return the document without a byte order mark.

    Raises:
        InvalidInput: it is not JSON (RFC 8259), is nested more than 200 levels deep, or breaks a rule of the schema.
    """
    body = upload.removeprefix(BOM_UTF8)
    try:
        # The parser of pydantic, so that the worker reads the same document. NaN and Infinity are not JSON.
        document = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidInput(f"the document is not valid JSON ({error}); correct it") from None
    problem = schema.find_problem(document)
    if problem is not None:
        raise InvalidInput(f"the document breaks a rule of the model: {problem}; see its schema in /docs")
    return body
