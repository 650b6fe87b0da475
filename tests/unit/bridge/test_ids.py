import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_bridge.errors import UnknownId
from inference_bridge.ids import ID_LENGTH, TicketSigner, is_well_formed

SIGNER = TicketSigner(b"a key of sixteen", model="mnist")
MOMENTS_MS = st.integers(min_value=0, max_value=2**48 - 1)


@given(MOMENTS_MS)
def test_an_id_says_when_it_was_issued(now_ms: int) -> None:
    assert SIGNER.issued_at_ms(SIGNER.issue(now_ms)) == now_ms


@given(MOMENTS_MS)
def test_an_id_has_24_url_safe_characters(now_ms: int) -> None:
    inference_id = SIGNER.issue(now_ms)

    assert len(inference_id) == ID_LENGTH
    assert is_well_formed(inference_id)


def test_two_ids_of_the_same_moment_differ() -> None:
    assert SIGNER.issue(1) != SIGNER.issue(1)


@given(MOMENTS_MS, st.integers(0, 8 * 18 - 1))
def test_an_id_with_one_bit_changed_is_unknown(now_ms: int, bit: int) -> None:
    raw = int.from_bytes(base64.urlsafe_b64decode(SIGNER.issue(now_ms))) ^ (1 << bit)

    with pytest.raises(UnknownId):
        SIGNER.issued_at_ms(base64.urlsafe_b64encode(raw.to_bytes(18)).decode())


@given(st.text(max_size=40))
def test_any_other_text_is_unknown(text: str) -> None:
    with pytest.raises(UnknownId):
        SIGNER.issued_at_ms(text)


@pytest.mark.parametrize(
    "stranger",
    [
        pytest.param(TicketSigner(b"another key of 16", model="mnist"), id="another-key"),
        pytest.param(TicketSigner(b"a key of sixteen", model="letters"), id="another-model"),
    ],
)
def test_an_id_that_somebody_else_signed_is_unknown(stranger: TicketSigner) -> None:
    with pytest.raises(UnknownId, match="not issued by this service"):
        SIGNER.issued_at_ms(stranger.issue(1))


@given(MOMENTS_MS, st.text(min_size=1, max_size=70))
def test_an_id_of_an_owner_is_known_to_that_owner_alone(now_ms: int, owner: str) -> None:
    inference_id = SIGNER.issue(now_ms, owner)

    assert SIGNER.issued_at_ms(inference_id, owner) == now_ms
    for stranger in ("", owner + "x"):
        with pytest.raises(UnknownId, match="not issued by this service"):
            SIGNER.issued_at_ms(inference_id, stranger)


def test_an_id_of_no_owner_is_unknown_to_every_owner() -> None:
    with pytest.raises(UnknownId):
        SIGNER.issued_at_ms(SIGNER.issue(1), "alice")


def test_an_id_of_no_owner_that_was_issued_before_there_were_owners_is_still_known() -> None:
    """Ids outlive an upgrade."""
    assert SIGNER.issued_at_ms("AAAAAAABAAAAAAAA6_yfRh0e") == 1


# Batches


@given(MOMENTS_MS, st.integers(1, 300), st.text(max_size=10))
def test_the_ids_of_a_batchs_items_follow_from_its_id(now_ms: int, count: int, owner: str) -> None:
    batch_id = SIGNER.issue_batch(now_ms, count, owner)

    issued_ms, ids = SIGNER.items_of(batch_id, owner)

    assert is_well_formed(batch_id)
    assert issued_ms == now_ms
    assert len(set(ids)) == count
    assert SIGNER.items_of(batch_id, owner) == (now_ms, ids)
    assert {SIGNER.issued_at_ms(one, owner) for one in ids} == {now_ms}


@given(MOMENTS_MS, st.integers(0, 8 * 18 - 1))
def test_a_batchs_id_with_one_bit_changed_is_unknown(now_ms: int, bit: int) -> None:
    raw = int.from_bytes(base64.urlsafe_b64decode(SIGNER.issue_batch(now_ms, 3))) ^ (1 << bit)

    with pytest.raises(UnknownId):
        SIGNER.items_of(base64.urlsafe_b64encode(raw.to_bytes(18)).decode())


def test_a_batchs_id_is_not_the_id_of_a_job_and_the_other_way_round() -> None:
    with pytest.raises(UnknownId, match="inference_id"):
        SIGNER.issued_at_ms(SIGNER.issue_batch(1, 2))
    with pytest.raises(UnknownId, match="batch_id"):
        SIGNER.items_of(SIGNER.issue(1))


def test_two_batches_of_the_same_moment_share_no_item() -> None:
    one, other = (set(SIGNER.items_of(SIGNER.issue_batch(1, 256))[1]) for _ in range(2))

    assert one.isdisjoint(other)


def test_a_batch_of_an_owner_is_known_to_that_owner_alone() -> None:
    batch_id = SIGNER.issue_batch(1, 2, "alice")

    for stranger in ("", "bob"):
        with pytest.raises(UnknownId, match="not issued by this service"):
            SIGNER.items_of(batch_id, stranger)


def test_a_batch_of_another_model_is_unknown() -> None:
    with pytest.raises(UnknownId):
        SIGNER.items_of(TicketSigner(b"a key of sixteen", model="letters").issue_batch(1, 2))
