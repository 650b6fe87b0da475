"""The addresses that a webhook may go to."""

import pytest

from inference_api.hooks.addresses import is_allowed

PUBLIC = ("93.184.216.34", "2606:2800:220:1::1")
PRIVATE = ("10.0.0.1", "172.16.3.4", "192.168.1.1", "127.0.0.1", "100.64.0.1", "fd12::1", "::1")
NEVER = (
    "0.0.0.0",  # noqa: S104
    "169.254.169.254",
    "224.0.0.1",
    "239.1.2.3",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "fd00:ec2::254",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "2002:a00:1::",
    "2001:0:53aa:64c:0:fbff:f5ff:fffe",
    "::ffff:10.0.0.1",
    "::ffff:93.184.216.34",
    "::10.0.0.1",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_allowed(address, allow_private=False)
    assert is_allowed(address, allow_private=True)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_allowed_only_where_the_operator_says_so(address: str) -> None:
    assert not is_allowed(address, allow_private=False)
    assert is_allowed(address, allow_private=True)


@pytest.mark.parametrize("address", NEVER)
def test_an_address_that_hides_another_or_means_many_is_never_allowed(address: str) -> None:
    assert not is_allowed(address, allow_private=False)
    assert not is_allowed(address, allow_private=True)


@pytest.mark.parametrize("address", ["240.0.0.1", "255.255.255.255", "192.0.2.1"])
def test_a_reserved_address_is_not_public(address: str) -> None:
    assert not is_allowed(address, allow_private=False)
