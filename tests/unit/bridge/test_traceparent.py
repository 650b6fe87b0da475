import pytest

from inference_bridge.traceparent import normalize_traceparent

TRACE_ID, PARENT_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize("flags", ["00", "01", "03"])
def test_a_valid_header_travels_as_it_is(flags: str) -> None:
    header = f"00-{TRACE_ID}-{PARENT_ID}-{flags}"

    assert normalize_traceparent(header) == header


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(None, id="none"),
        pytest.param(["00"], id="no-text"),
        pytest.param("", id="empty"),
        pytest.param(f"00-{TRACE_ID}-{PARENT_ID}", id="no-flags"),
        pytest.param(f"00-{TRACE_ID.upper()}-{PARENT_ID}-01", id="capitals"),
        pytest.param(f"00-{'0' * 32}-{PARENT_ID}-01", id="no-trace-id"),
        pytest.param(f"00-{TRACE_ID}-{'0' * 16}-01", id="no-parent-id"),
        pytest.param(f"00-{TRACE_ID}0-{PARENT_ID}-01", id="trace-id-too-long"),
        pytest.param(f"00-{TRACE_ID[:-1]}g-{PARENT_ID}-01", id="trace-id-not-hex"),
        pytest.param(f"ff-{TRACE_ID}-{PARENT_ID}-01", id="version-that-is-forbidden"),
        pytest.param(f"00-{TRACE_ID}-{PARENT_ID}-01-more", id="version-00-with-more"),
        pytest.param(f"00-{TRACE_ID}-{PARENT_ID}-01\n", id="end-of-line"),
        pytest.param(f" 00-{TRACE_ID}-{PARENT_ID}-01", id="space"),
        pytest.param(f"00-{TRACE_ID[:-1]}٣-{PARENT_ID}-01", id="digit-of-another-script"),
        pytest.param(f"01-{TRACE_ID}-{PARENT_ID}-01more", id="later-version-without-a-dash"),
        pytest.param(f"00-{TRACE_ID}-{PARENT_ID}-01" + "0" * 30_000, id="endless"),
    ],
)
def test_any_other_header_does_not_travel(header: object) -> None:
    assert normalize_traceparent(header) is None


@pytest.mark.parametrize(("flags", "known"), [("01", "01"), ("ff", "01"), ("fe", "00")])
@pytest.mark.parametrize("more", ["", "-", "-" + "x" * 30_000], ids=["no-more", "a-dash", "endless"])
def test_a_later_version_travels_as_what_is_known_of_it(flags: str, known: str, more: str) -> None:
    header = f"cc-{TRACE_ID}-{PARENT_ID}-{flags}{more}"

    assert normalize_traceparent(header) == f"00-{TRACE_ID}-{PARENT_ID}-{known}"
