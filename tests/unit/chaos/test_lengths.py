"""How long the faults of the chaos tests last."""

from random import Random

import pytest

from chaos import faults
from chaos.endurance import LENGTHS_S, LONGEST_S, RANDOM_LENGTHS, SHORTEST_S, lengths_s
from chaos.schedule import LONGEST_SHARE, MIXED_S, SHORTEST_SHARE, with_lengths


def test_every_length_comes_once_with_some_at_random() -> None:
    lengths = lengths_s(Random(1))
    drawn = list(lengths)
    for length_s in LENGTHS_S:
        drawn.remove(length_s)

    assert len(drawn) == RANDOM_LENGTHS
    assert all(SHORTEST_S <= length_s <= LONGEST_S for length_s in drawn)


def test_the_same_seed_gives_the_same_lengths_in_the_same_order() -> None:
    assert lengths_s(Random("1 api-frozen half")) == lengths_s(Random("1 api-frozen half"))
    assert lengths_s(Random("1 api-frozen half")) != lengths_s(Random("2 api-frozen half"))


@pytest.mark.parametrize("seed", range(20))
def test_mixed_faults_last_about_as_long_as_usual(seed: int) -> None:
    for injection, length_s in with_lengths(list(MIXED_S), seed):
        assert SHORTEST_SHARE * MIXED_S[injection] - 0.1 <= length_s <= LONGEST_SHARE * MIXED_S[injection] + 0.1


def test_mixed_faults_of_the_same_seed_last_equally_long() -> None:
    order = [faults.broker_frozen, faults.store_killed]

    assert with_lengths(order, 5) == with_lengths(order, 5)
    assert with_lengths(order, 5) != with_lengths(order, 6)
