"""`python -m inference_api.clients NAME` prints a new key for a client, and the lines for the key file."""

import argparse
import secrets
from collections.abc import Sequence
from hashlib import sha256

from pydantic import ValidationError

from inference_api.clients.key_file import NAME_PATTERN, Client

#: Its base64 has 43 characters, all valid in a header.
KEY_BYTES = 32


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a new key for a client and its lines for the key file; nothing is stored."""
    parser = argparse.ArgumentParser(prog="python -m inference_api.clients", description="Print a new key.")
    parser.add_argument("name", help=f"of the client, as {NAME_PATTERN}")
    name = parser.parse_args(arguments).name
    key = secrets.token_urlsafe(KEY_BYTES)
    try:
        client = Client(name=name, sha256=[sha256(key.encode()).hexdigest()])
    except ValidationError:
        parser.error(f"the name {name[:64]!r} does not match {NAME_PATTERN}; choose another one")
    print(f"key for {client.name}, shown only now:\n{key}\n")  # noqa: T201
    lines = f'[{client.name}]\nsha256 = ["{client.sha256[0]}"]'
    print(f"lines for the file that INFERENCE_API_KEYS_FILE names:\n{lines}")  # noqa: T201


if __name__ == "__main__":
    main()
