"""Verifies webhooks: Standard Webhooks 1.0.0, the symmetric signature `v1` (https://www.standardwebhooks.com)."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from hashlib import sha256

from inference_client.errors import InvalidWebhook
from inference_client.outcome import Answer

PREFIX = "whsec_"


def verify_webhook(
    body: bytes, headers: Mapping[str, str], secret: str, *, tolerance_s: float = 300.0, now_s: float | None = None
) -> Answer:
    """Return the result in a delivery that the service has signed.

    A delivery may come twice: `webhook-id` stays the same, so keep the ids that you have handled.

    Args:
        body: as it arrived, not parsed and written again.
        headers: of the request, in any case of letters.
        secret: of the endpoint, `whsec_` and base64.
        tolerance_s: the greatest difference between the delivery's time and `now_s`.
        now_s: seconds since 1970; None for the time now.

    Raises:
        InvalidWebhook: a header is missing, no signature fits, or the delivery is old.
        ValueError: the secret is empty or not valid base64.
    """
    key = _key_of(secret)
    given = {name.lower(): value for name, value in headers.items()}
    try:
        webhook_id, sent, signatures = (given[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as missing:
        raise InvalidWebhook(f"the header {missing} is missing; only the service may call this address") from None
    if not sent.isascii() or not sent.isdecimal():
        raise InvalidWebhook(f"webhook-timestamp is {sent[:32]!r}, expected seconds since 1970")
    signed = _encode(f"{webhook_id}.{sent}.") + body
    expected = base64.b64encode(hmac.digest(key, signed, sha256))
    if not any(_fits(signature, expected) for signature in signatures.split()):
        raise InvalidWebhook("no signature fits the secret; use the endpoint's secret and the body as it arrived")
    age_s = (time.time() if now_s is None else now_s) - int(sent)
    if abs(age_s) > tolerance_s:
        raise InvalidWebhook(f"the delivery is {age_s:.0f} s old, expected at most {tolerance_s:g} s; drop it")
    answer: Answer = json.loads(body)
    return answer


def _fits(signature: str, expected: bytes) -> bool:
    version, _, value = signature.partition(",")
    return version == "v1" and hmac.compare_digest(_encode(value), expected)


def _encode(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # a header may hold other bytes than UTF-8; no signature fits those


def _key_of(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        raise ValueError(f"the secret is not valid base64 after {PREFIX}; copy it from the operator's file") from None
    if not key:
        raise ValueError(f"the secret is empty, expected {PREFIX} and base64; set the variable that names it")
    return key
