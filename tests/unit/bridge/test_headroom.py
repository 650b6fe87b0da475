import pytest

from inference_bridge.rabbitmq.headroom import Room


@pytest.fixture
def room() -> Room:
    return Room(10)


def test_a_queue_that_nobody_has_looked_at_has_all_its_room(room: Room) -> None:
    for _ in range(9):
        room.take()

    assert room.is_left


def test_what_was_sent_since_the_last_look_takes_room(room: Room) -> None:
    room.look(8, unconfirmed=0)
    room.take()
    room.take()

    assert not room.is_left


def test_what_is_on_its_way_to_the_queue_takes_room(room: Room) -> None:
    room.look(6, unconfirmed=4)

    assert not room.is_left


@pytest.mark.parametrize(("depth", "is_ample"), [(4, True), (5, False), (10, False)])
def test_room_is_ample_while_more_than_half_is_left(room: Room, depth: int, is_ample: bool) -> None:
    room.look(depth, unconfirmed=0)

    assert room.is_ample == is_ample


def test_a_look_that_finds_room_gives_it(room: Room) -> None:
    room.look(10, unconfirmed=0)
    was_left = room.is_left
    room.look(9, unconfirmed=0)

    assert (was_left, room.is_left) == (False, True)


def test_a_queue_that_refused_has_no_room_until_it_is_below_four_fifths(room: Room) -> None:
    room.look(3, unconfirmed=0)
    room.refuse()
    was_left = [room.is_left]
    for depth in (9, 8, 7):
        room.look(depth, unconfirmed=0)
        was_left.append(room.is_left)

    assert was_left == [False, False, False, True]


def test_another_queue_starts_with_all_its_room(room: Room) -> None:
    room.look(10, unconfirmed=0)
    room.refuse()
    room.forget()

    assert room.is_left
