import gc
import weakref
from collections.abc import Iterator

import pytest

from inference_bridge.garbage import spare_the_living


class Knot:
    """An object that only a garbage collection can free."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_a_later_collection_does_not_look_at_what_lives() -> None:
    knot = Knot()

    spare_the_living()

    assert not any(looked_at is knot for looked_at in gc.get_objects())


def test_what_is_dead_already_is_freed() -> None:
    dead = weakref.ref(Knot())

    spare_the_living()

    assert dead() is None


def test_what_is_made_later_is_freed_as_ever() -> None:
    spare_the_living()
    dead = weakref.ref(Knot())

    gc.collect()

    assert dead() is None
