"""Inference ids: signed tickets that tell unknown, pending and expired apart without a record of each accepted job.

An id is base64url over 18 bytes, so 24 characters: 6 bytes of milliseconds since 1970, 6 random bytes, and a
6-byte keyed BLAKE2b over both and the owner's name, if there is one, personalised with the model's name. So the API
can check that an id belongs to a given owner; the owner cannot be read from the id.

The id of a batch has the same form: 6 bytes of milliseconds, 4 random bytes, 2 bytes of the number of its items, and
the 6 bytes of BLAKE2b with a salt of its own. The id of each item follows from it: it is an ordinary id with the same
milliseconds, and a keyed BLAKE2b over the batch's id and the item's index in place of the random bytes.
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
#: Salts of BLAKE2b: without them, the id of a batch would be an inference id too.
_BATCH, _ITEM = b"batch", b"item"


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
        return self._sign(now_ms.to_bytes(6, "big") + os.urandom(6), owner)

    def issue_batch(self, now_ms: int, item_count: int, owner: str = "") -> str:
        """Return a new id of a batch of up to 65,535 items; otherwise as `issue`."""
        ticket = now_ms.to_bytes(6, "big") + os.urandom(4) + item_count.to_bytes(2, "big")
        return self._sign(ticket, owner, _BATCH)

    def issued_at_ms(self, inference_id: str, owner: str = "") -> int:
        """Return when the id was issued, in milliseconds since 1970.

        Raises:
            UnknownId: the id is malformed, was not signed with this key, or belongs to another owner.
        """
        return int.from_bytes(self._verify("inference_id", inference_id, owner)[:6], "big")

    def items_of(self, batch_id: str, owner: str = "") -> tuple[int, list[str]]:
        """Return when a batch's id was issued, in milliseconds since 1970, and the ids of its items, in order.

        Raises:
            UnknownId: as from `issued_at_ms`.
        """
        ticket = self._verify("batch_id", batch_id, owner, _BATCH)
        indices = range(int.from_bytes(ticket[-2:], "big"))
        items = [ticket[:6] + self._hash(ticket + index.to_bytes(2, "big"), owner, _ITEM) for index in indices]
        return int.from_bytes(ticket[:6], "big"), [self._sign(item, owner) for item in items]

    def _sign(self, ticket: bytes, owner: str, salt: bytes = b"") -> str:
        return base64.urlsafe_b64encode(ticket + self._hash(ticket, owner, salt)).decode()

    def _verify(self, name: str, signed: str, owner: str, salt: bytes = b"") -> bytes:
        raw = base64.urlsafe_b64decode(signed) if is_well_formed(signed) else b""
        ticket, signature = raw[:_SIGNED_BYTES], raw[_SIGNED_BYTES:]
        if not hmac.compare_digest(signature, self._hash(ticket, owner, salt)):
            raise UnknownId(f"{name} {signed[:64]!r} was not issued by this service")
        return ticket

    def _hash(self, ticket: bytes, owner: str, salt: bytes) -> bytes:
        # All tickets of a salt have one length, so no two pairs of ticket and owner are the same bytes.
        return blake2b(ticket + owner.encode(), digest_size=6, key=self._key, person=self._person, salt=salt).digest()
