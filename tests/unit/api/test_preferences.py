import pytest

from inference_api.http.preferences import preferred_wait_s


@pytest.mark.parametrize(
    ("prefer", "wait_s"),
    [
        pytest.param("wait=5", 5, id="alone"),
        pytest.param("respond-async, wait=5", 5, id="after-another"),
        pytest.param("Wait = 5 ; x=1, y", 5, id="in-odd-spelling"),
        pytest.param('wait="5"', 5, id="quoted"),
        pytest.param("wait=99", 25, id="longer-than-allowed"),
        pytest.param("wait=soon", 0, id="malformed"),
        pytest.param("await=5", 0, id="another-name"),
        pytest.param("", 0, id="none"),
    ],
)
def test_the_prefer_header_says_how_long_to_wait(prefer: str, wait_s: float) -> None:
    assert preferred_wait_s({"prefer": prefer}, {}, max_wait_s=25) == wait_s


def test_the_query_goes_before_the_header() -> None:
    assert preferred_wait_s({"prefer": "wait=5"}, {"wait": "0.5"}, max_wait_s=25) == 0.5


@pytest.mark.parametrize(
    ("asked", "wait_s"), [("4.999999999999999", 4.999999999999999), ("1e-07", 1e-7), ("1.5e+16", 25), ("1e999", 25)]
)
def test_a_number_is_read_as_programs_print_it(asked: str, wait_s: float) -> None:
    assert preferred_wait_s({}, {"wait": asked}, max_wait_s=25) == wait_s
