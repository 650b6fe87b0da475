import pytest

from inference_bridge.rabbitmq.headroom import Headroom


@pytest.fixture
def headroom() -> Headroom:
    return Headroom(10)


def test_a_queue_that_nobody_has_looked_at_has_all_its_room(headroom: Headroom) -> None:
    for _ in range(9):
        headroom.take()

    assert headroom.is_left()


def test_what_was_sent_since_the_last_look_takes_room(headroom: Headroom) -> None:
    headroom.look(8, unconfirmed=0)
    headroom.take()
    headroom.take()

    assert not headroom.is_left()


def test_what_is_on_its_way_to_the_queue_takes_room(headroom: Headroom) -> None:
    headroom.look(6, unconfirmed=4)

    assert not headroom.is_left()


@pytest.mark.parametrize(("depth", "is_ample"), [(4, True), (5, False), (10, False)])
def test_room_is_ample_while_more_than_half_is_left(headroom: Headroom, depth: int, is_ample: bool) -> None:
    headroom.look(depth, unconfirmed=0)

    assert headroom.is_ample == is_ample


def test_a_look_that_finds_room_gives_it(headroom: Headroom) -> None:
    headroom.look(10, unconfirmed=0)
    was_left = headroom.is_left()
    headroom.look(9, unconfirmed=0)

    assert (was_left, headroom.is_left()) == (False, True)


def test_a_queue_that_refused_has_no_room_until_it_is_below_four_fifths(headroom: Headroom) -> None:
    headroom.look(3, unconfirmed=0)
    headroom.refuse()
    was_left = [headroom.is_left()]
    for depth in (9, 8, 7):
        headroom.look(depth, unconfirmed=0)
        was_left.append(headroom.is_left())

    assert was_left == [False, False, False, True]


def test_another_queue_starts_with_all_its_room(headroom: Headroom) -> None:
    headroom.look(10, unconfirmed=0)
    headroom.refuse()
    headroom.forget()

    assert headroom.is_left()


@pytest.mark.parametrize(
    ("count", "share", "is_left"), [(4, 1.0, True), (5, 1.0, False), (3, 0.9, True), (4, 0.9, False)]
)
def test_several_messages_must_fit_into_a_share_of_the_queue(
    headroom: Headroom, count: int, share: float, is_left: bool
) -> None:
    headroom.look(6, unconfirmed=0)

    assert headroom.is_left(count, share) == is_left


def test_half_of_an_empty_queue_takes_half_of_its_length(headroom: Headroom) -> None:
    assert (headroom.is_left(5, 0.5), headroom.is_left(6, 0.5)) == (True, False)
