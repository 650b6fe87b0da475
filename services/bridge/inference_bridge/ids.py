"""Inference ids: signed tickets that tell unknown, pending and expired apart without a record of each accepted job.

An id is base64url over 18 bytes, so 24 characters: 6 bytes of milliseconds since 1970, 6 random bytes, and a
6-byte keyed BLAKE2b over both and the owner's name, if there is one, personalised with the model's name. So the API
can check that an id belongs to a given owner; the owner cannot be read from the id.
"""

import base64
import hmac
import os
import re
from hashlib import blake2b

from inference_bridge.errors import UnknownId

ID_LENGTH = 24
MIN_KEY_BYTES = 16
MAX_KEY_BYTES = 64  # BLAKE2b's limit, RFC 7693 section 2.1
_ID_PATTERN = re.compile(rf"[A-Za-z0-9_-]{{{ID_LENGTH}}}")
_SIGNED_BYTES = 12


def is_well_formed(inference_id: str) -> bool:
    """Tell whether the text has the form of an id; its signature is not checked."""
    return _ID_PATTERN.fullmatch(inference_id) is not None


def issued_ms(inference_id: str) -> int:
    """Return when a well-formed id says that it was issued, milliseconds since 1970; the signature is not checked."""
    return int.from_bytes(base64.urlsafe_b64decode(inference_id)[:6], "big")


class TicketSigner:
    """Issues ids and verifies them.

    Args:
        key: secret of 16 to 64 bytes, the same in every API process.
        model: the model's name; an id for one model is unknown to another.
    """

    def __init__(self, key: bytes, *, model: str) -> None:
        self._key = key
        self._person = model.encode()[: blake2b.PERSON_SIZE]

    def issue(self, now_ms: int, owner: str = "") -> str:
        """Return a new id that carries `now_ms`, milliseconds since 1970, and is known to `owner` alone.

        Without an owner, it is known to every caller without a name.
        """
        ticket = now_ms.to_bytes(6, "big") + os.urandom(6)
        return base64.urlsafe_b64encode(ticket + self._signature(ticket, owner)).decode()

    def issued_at_ms(self, inference_id: str, owner: str = "") -> int:
        """Return when the id was issued, in milliseconds since 1970.

        Raises:
            UnknownId: the id is malformed, was not signed with this key, or belongs to another owner.
        """
        if is_well_formed(inference_id):
            raw = base64.urlsafe_b64decode(inference_id)
            ticket, signature = raw[:_SIGNED_BYTES], raw[_SIGNED_BYTES:]
            if hmac.compare_digest(signature, self._signature(ticket, owner)):
                return int.from_bytes(ticket[:6], "big")
        raise UnknownId(f"inference_id {inference_id[:64]!r} was not issued by this service")

    def _signature(self, ticket: bytes, owner: str) -> bytes:
        # The ticket has a fixed length, so no two pairs of ticket and owner are the same bytes.
        return blake2b(ticket + owner.encode(), digest_size=6, key=self._key, person=self._person).digest()
