"""`python -m inference_api.clients NAME` prints a new key for a client, and the lines for the key file."""

import secrets
import sys
from collections.abc import Sequence
from hashlib import sha256

from inference_api.clients.key_file import NAME_PATTERN, Client

#: Its base64 has 43 characters, all valid in a header.
KEY_BYTES = 32


def main(arguments: Sequence[str]) -> int:
    """Print a new key for a client and its lines for the key file; nothing is stored."""
    key = secrets.token_urlsafe(KEY_BYTES)
    digest = sha256(key.encode()).hexdigest()
    try:
        (name,) = arguments
        client = Client(name=name, sha256=[digest])
    except ValueError:  # includes ValidationError
        print(f"usage: python -m inference_api.clients NAME, where NAME matches {NAME_PATTERN}", file=sys.stderr)  # noqa: T201
        return 2
    print(f"key for {client.name}, shown only now:\n{key}\n")  # noqa: T201
    print(f'lines for the file that INFERENCE_API_KEYS_FILE names:\n[{client.name}]\nsha256 = ["{digest}"]')  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
