"""The network address that counts for a caller."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.addresses import client_address, network_of

ADDRESSES = st.ip_addresses().map(str)
INVENTED = st.lists(ADDRESSES | st.sampled_from(["", "unknown", "a b", "1.2.3.4:80"]), max_size=4)


@given(ADDRESSES, INVENTED)
def test_without_trusted_proxies_a_header_changes_nothing(peer: str, invented: list[str]) -> None:
    assert client_address(peer, ", ".join(invented), trusted_proxies=0) == peer


@given(ADDRESSES, INVENTED, st.lists(ADDRESSES, min_size=1, max_size=3))
def test_what_a_caller_invents_never_counts_behind_proxies(
    caller: str, invented: list[str], proxies: list[str]
) -> None:
    # Each proxy appends the address that it is called from.
    chain = [*invented, caller, *proxies[:-1]]
    assert client_address(proxies[-1], ", ".join(chain), trusted_proxies=len(proxies)) == caller


def test_a_caller_who_reaches_the_desk_past_the_proxy_counts_by_its_own_address() -> None:
    assert client_address("192.0.2.1", "", trusted_proxies=1) == "192.0.2.1"
    assert client_address("192.0.2.1", "no address", trusted_proxies=1) == "192.0.2.1"
    assert client_address(None, "192.0.2.1", trusted_proxies=1) is None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("nonsense", "unknown"),
        ("1.2.3.4\0", "unknown"),
        (None, "unknown"),
    ],
)
def test_limits_count_by_ipv4_address_and_by_ipv6_network(address: str | None, network: str) -> None:
    assert network_of(address) == network
