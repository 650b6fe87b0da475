"""The guard of our prose sees each habit, and lets plain words pass."""

import re

import pytest

from lint.habits import HABITS, join_lines, matches

SUBJECT, IS_NO, SO_MANY, NO_NOUN = HABITS.values()


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        pytest.param(SUBJECT, "It stays. Who comes first wins.", id="who"),
        pytest.param(SUBJECT, '"""What is left over."""', id="what-in-a-docstring"),
        pytest.param(IS_NO, "the file is no picture", id="is-no"),
        pytest.param(SO_MANY, "a client sends so many jobs", id="so-many"),
        pytest.param(SO_MANY, "of such a model", id="such-a"),
        pytest.param(NO_NOUN, "a frame and one with a length", id="one-with"),
        pytest.param(NO_NOUN, "a frame and one\n    # with a length", id="one-with-over-two-lines"),
    ],
)
def test_a_habit_is_found(pattern: str, text: str) -> None:
    assert list(matches(pattern, join_lines(text)))


@pytest.mark.parametrize(
    "text",
    [
        "The first client wins.",
        "What is left over?",
        "the file is not a valid picture",
        "there is no picture",
        "the queue holds 24 jobs",
        "one of the frames has a length",
    ],
)
def test_plain_words_pass(text: str) -> None:
    assert not any(re.search(pattern, text) for pattern in HABITS.values())
