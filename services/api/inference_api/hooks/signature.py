"""The headers of a webhook by Standard Webhooks 1.0.0."""

import base64
import hmac
from collections.abc import Sequence


def signed_headers(message_id: str, timestamp_s: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """Return the headers; each key makes a signature, so that a receiver may know an old or a new key."""
    content = b"%s.%d.%s" % (message_id.encode(), timestamp_s, body)
    digests = [base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(f"v1,{digest}" for digest in digests),
    }
