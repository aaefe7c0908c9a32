"""The URLs that are accepted as links and callback targets."""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.links import SIGN_IN_FRAGMENTS, credential_parameters, is_global_address, link_error

pytestmark = pytest.mark.engine("embedded")

NOT_HTTPS = "must start with https://"
CHARACTERS = "must not contain spaces, control characters or backslashes"
USER = "must not contain a user name or password"
NO_HOST = "must name a host"
MALFORMED = "is not a valid URL"
LOCALHOST = "must not target localhost"
ADDRESS = "must not target a loopback, private or otherwise reserved address"

SIGN_IN = "must not be a sign-in link"

REFUSED_URLS = {
    "https://desk.example.com/#key=dvd_abc": SIGN_IN,
    "https://desk.example.com/desk/?x=1#key=dvd_abc&x": SIGN_IN,
    "https://desk.example.com/#sign-in=fxc_abc": SIGN_IN,
    "https://desk.example.com/desk/?x=1#sign-in=fxc_abc&x": SIGN_IN,
    "": NOT_HTTPS,
    "https": NOT_HTTPS,
    "https:": NOT_HTTPS,
    "https:/git.example.com/": NOT_HTTPS,
    "https:git.example.com": NOT_HTTPS,
    "http://git.example.com/": NOT_HTTPS,
    "HTTP://git.example.com/": NOT_HTTPS,
    "//git.example.com/": NOT_HTTPS,
    "/acme": NOT_HTTPS,
    "git.example.com": NOT_HTTPS,
    "ftp://git.example.com/": NOT_HTTPS,
    "file:///etc/passwd": NOT_HTTPS,
    "javascript:alert(1)": NOT_HTTPS,
    "javascript://git.example.com/%0aalert(1)": NOT_HTTPS,
    "data:text/html,<script>alert(1)</script>": NOT_HTTPS,
    "blob:https://git.example.com/x": NOT_HTTPS,
    "view-source:https://git.example.com/": NOT_HTTPS,
    " https://git.example.com/": NOT_HTTPS,
    "\ufeffhttps://git.example.com/": NOT_HTTPS,
    "ｈttps://git.example.com/": NOT_HTTPS,
    "https://git.example.com/ ": CHARACTERS,
    "https://git.example.com/a b": CHARACTERS,
    "https://git.example.com/\r\nHost: evil.example": CHARACTERS,
    "https://git.exa\tmple.com/": CHARACTERS,
    "https://127.0.0.\n1/": CHARACTERS,
    "https://git.example.com/\x00": CHARACTERS,
    "https://git.example.com/\x7f": CHARACTERS,
    "https:\\\\git.example.com": NOT_HTTPS,
    "https://git.example.com\\@127.0.0.1/": CHARACTERS,
    "https://127.0.0.1\\.git.example.com/": CHARACTERS,
    "https://alice@git.example.com/": USER,
    "https://alice:secret@git.example.com/": USER,
    "https://:secret@git.example.com/": USER,
    "https://git.example.com@evil.example/": USER,
    "https://git.example.com%2f@evil.example/": USER,
    "https://": MALFORMED,
    "https:///git.example.com/": NO_HOST,
    "https://///git.example.com/": NO_HOST,
    "https://?git.example.com": MALFORMED,
    "https://#git.example.com": MALFORMED,
    "https://./": NO_HOST,
    "https://git.example.com:65536/": MALFORMED,
    "https://git.example.com:port/": MALFORMED,
    "https://git.example.com:-1/": MALFORMED,
    "https://[::1/": MALFORMED,
    "https://[::1]evil.example/": MALFORMED,
    "https://[fe80::1%25eth0]/": MALFORMED,
    "https://[1.2.3.4]/": MALFORMED,
    "https://1.2.3.4.5/": MALFORMED,
    "https://256.256.256.256/": MALFORMED,
    "https://4294967296/": MALFORMED,
    "https://0x100000000/": MALFORMED,
    "https://git.example.0x7f/": MALFORMED,
    "https://git<example>.com/": MALFORMED,
    "https://git.example.com%00.evil.example/": MALFORMED,
    "https://xn--/": MALFORMED,
    "https://localhost": LOCALHOST,
    "https://localhost/": LOCALHOST,
    "https://localhost?a=b": LOCALHOST,
    "https://localhost#a": LOCALHOST,
    "https://localhost:8443/": LOCALHOST,
    "https://LOCALHOST/": LOCALHOST,
    "https://LocalHost./": LOCALHOST,
    "https://localhost../": LOCALHOST,
    "https://api.localhost/": LOCALHOST,
    "https://a.b.localhost./": LOCALHOST,
    "https://localhost.localdomain/": LOCALHOST,
    "https://ip6-localhost/": LOCALHOST,
    "https://ip6-loopback/": LOCALHOST,
    "https://%6c%6f%63%61%6c%68%6f%73%74/": LOCALHOST,
    "https://localhost%2e/": LOCALHOST,
    "https://ｌｏｃａｌｈｏｓｔ/": LOCALHOST,
    "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/": LOCALHOST,
    "https://loc\u00adalhost/": LOCALHOST,
    "https://loc\u200balhost/": LOCALHOST,
    "https://api。localhost/": LOCALHOST,
    "https://127.0.0.1/": ADDRESS,
    "https://127.0.0.1": ADDRESS,
    "https://127.0.0.1:443/": ADDRESS,
    "https://127.0.0.1./": ADDRESS,
    "https://127.0.0.1?a": ADDRESS,
    "https://127.1/": ADDRESS,
    "https://127.0.1/": ADDRESS,
    "https://127.255.255.255/": ADDRESS,
    "https://0.0.0.0/": ADDRESS,
    "https://0/": ADDRESS,
    "https://0x/": ADDRESS,
    "https://0.1.2.3/": ADDRESS,
    "https://10.0.0.1/": ADDRESS,
    "https://10.255.255.255/": ADDRESS,
    "https://172.16.0.1/": ADDRESS,
    "https://172.31.255.255/": ADDRESS,
    "https://192.168.0.1/": ADDRESS,
    "https://169.254.169.254/latest/meta-data/": ADDRESS,
    "https://169.254.170.2/v2/credentials": ADDRESS,
    "https://100.64.0.1/": ADDRESS,
    "https://100.100.100.200/latest/meta-data/": ADDRESS,
    "https://100.127.255.255/": ADDRESS,
    "https://192.0.0.1/": ADDRESS,
    "https://192.0.0.8/": ADDRESS,
    "https://192.0.0.170/": ADDRESS,
    "https://192.0.0.192/opc/v1/instance/": ADDRESS,
    "https://192.0.2.1/": ADDRESS,
    "https://192.88.99.1/": ADDRESS,
    "https://198.18.0.1/": ADDRESS,
    "https://198.51.100.1/": ADDRESS,
    "https://203.0.113.1/": ADDRESS,
    "https://224.0.0.1/": ADDRESS,
    "https://239.255.255.255/": ADDRESS,
    "https://240.0.0.1/": ADDRESS,
    "https://255.255.255.255/": ADDRESS,
    "https://2130706433/": ADDRESS,
    "https://2852039166/": ADDRESS,
    "https://0x7f000001/": ADDRESS,
    "https://0X7F000001/": ADDRESS,
    "https://0x7f.1/": ADDRESS,
    "https://0x7f.0x0.0x0.0x1/": ADDRESS,
    "https://0xa9fea9fe/": ADDRESS,
    "https://017700000001/": ADDRESS,
    "https://0177.0.0.1/": ADDRESS,
    "https://0177.0x0.0.01/": ADDRESS,
    "https://0251.0376.0251.0376/": ADDRESS,
    "https://00000177.0.0.1/": ADDRESS,
    "https://１２７.０.０.１/": ADDRESS,
    "https://127。0。0。1/": ADDRESS,
    "https://①②⑦.⓪.⓪.①/": ADDRESS,
    "https://%31%32%37.0.0.1/": ADDRESS,
    "https://127%2e0%2e0%2e1/": ADDRESS,
    "https://127.0.0.1%2e/": ADDRESS,
    "https://[::1]/": ADDRESS,
    "https://[::1]:443/": ADDRESS,
    "https://[::]/": ADDRESS,
    "https://[0:0:0:0:0:0:0:1]/": ADDRESS,
    "https://[0000:0000:0000:0000:0000:0000:0000:0001]/": ADDRESS,
    "https://[::127.0.0.1]/": ADDRESS,
    "https://[::ffff:127.0.0.1]/": ADDRESS,
    "https://[::FFFF:7F00:1]/": ADDRESS,
    "https://[0:0:0:0:0:ffff:169.254.169.254]/": ADDRESS,
    "https://[::ffff:0:127.0.0.1]/": ADDRESS,
    "https://[::ffff:8.8.8.8]/": ADDRESS,
    "https://[fe80::1]/": ADDRESS,
    "https://[febf::1]/": ADDRESS,
    "https://[fec0::1]/": ADDRESS,
    "https://[fc00::1]/": ADDRESS,
    "https://[fd00:ec2::254]/latest/meta-data/": ADDRESS,
    "https://[ff02::1]/": ADDRESS,
    "https://[64:ff9b::127.0.0.1]/": ADDRESS,
    "https://[64:ff9b::a9fe:a9fe]/": ADDRESS,
    "https://[64:ff9b:1::a9fe:a9fe]/": ADDRESS,
    "https://[2002:7f00:1::]/": ADDRESS,
    "https://[2002:a9fe:a9fe::1]/": ADDRESS,
    "https://[2001:0:7f00:1::]/": ADDRESS,
    "https://[2001:20::1]/": ADDRESS,
    "https://[2001:db8::1]/": ADDRESS,
    "https://[3fff::1]/": ADDRESS,
    "https://[5f00::1]/": ADDRESS,
    "https://[100::1]/": ADDRESS,
    "https://[4000::1]/": ADDRESS,
}
ALLOWED_URLS = [
    "https://desk.example.com/#/inbox/key=1",
    "https://git.example.com",
    "https://git.example.com/",
    "https://git.example.com./",
    "https://GIT.Example.COM/Acme",
    "https://git.example.com:8443/acme/widget-pro?tab=issues&q=is%3Aopen#comment-1",
    "https://git.example.com?a=b",
    "https://git.example.com#a",
    "https://git.example.com/@alice/a:b@c",
    "https://git.example.com/?next=https://localhost/",
    "https://git.example.com/127.0.0.1/localhost",
    "https://localhost.example.com/",
    "https://notlocalhost/",
    "https://mylocalhost.example/",
    "https://127.0.0.1.example.com/",
    "https://0x7f000001.example.com/",
    "https://例子.测试/路径?查询=值#片段",
    "https://xn--fsqu00a.xn--0zwm56d/",
    "https://bücher.example/",
    "https://8.8.8.8/",
    "https://1.1.1.1:8443/",
    "https://134744072/",
    "https://9.255.255.255/",
    "https://11.0.0.0/",
    "https://100.63.255.255/",
    "https://100.128.0.0/",
    "https://172.15.255.255/",
    "https://172.32.0.0/",
    "https://192.167.255.255/",
    "https://223.255.255.255/",
    "https://[2606:4700:4700::1111]/",
    "https://[2a00:1450:4001:80b::200e]:443/",
]


@pytest.mark.parametrize(("url", "reason"), REFUSED_URLS.items(), ids=map(ascii, REFUSED_URLS))
def test_hostile_url_is_refused_with_the_reason(url: str, reason: str) -> None:
    assert link_error(url) == reason


@pytest.mark.parametrize("url", ALLOWED_URLS, ids=ascii)
def test_harmless_url_is_allowed(url: str) -> None:
    assert link_error(url) is None


@given(st.text() | st.tuples(st.just("https://"), st.text() | st.text("0123456789abcdefx.:[]%@/?#")).map("".join))
def test_any_text_is_handled_without_an_exception(text: str) -> None:
    reason = link_error(text)
    assert reason is None or reason in set(REFUSED_URLS.values())
    if reason is None:
        credential_parameters(text)


# Addresses, in every spelling

_NOT_GLOBAL = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/29",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
SPELLINGS: dict[str, Callable[[IPv4Address], str]] = {
    "dotted": str,
    "dotted with a full stop at the end": "{}.".format,
    "decimal": lambda address: str(int(address)),
    "hexadecimal": lambda address: hex(int(address)),
    "hexadecimal in capitals": lambda address: f"0X{int(address):X}",
    "octal": lambda address: f"0{int(address):o}",
    "dotted hexadecimal": lambda address: ".".join(hex(part) for part in address.packed),
    "dotted octal": lambda address: ".".join(f"0{part:o}" for part in address.packed),
    "in two parts": lambda address: f"{address.packed[0]}.{int(address) & 0xFFFFFF}",
    "full-width": lambda address: str(address).translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"}),
    "percent-encoded": lambda address: "".join(f"%{ord(character):02x}" for character in str(address)),
    "IPv4-mapped": "[::ffff:{}]".format,
    "IPv4-mapped hexadecimal": lambda address: f"[::ffff:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}]",
}


def addresses(networks: list[IPv4Network]) -> st.SearchStrategy[IPv4Address]:
    """Any address of any of the networks, the small ones as often as the large ones."""
    return st.sampled_from(networks).flatmap(
        lambda network: st.integers(int(network[0]), int(network[-1])).map(IPv4Address)
    )


any_address = st.integers(0, 2**32 - 1).map(IPv4Address)
not_global = addresses(_NOT_GLOBAL) | any_address.filter(lambda address: not address.is_global)


@given(not_global)
def test_ipv4_address_that_is_not_global_is_refused_in_every_spelling(address: IPv4Address) -> None:
    assert not is_global_address(str(address))
    for spelling, spell in SPELLINGS.items():
        assert link_error(f"https://{spell(address)}/hook") == ADDRESS, spelling


@given(any_address)
def test_every_spelling_of_an_ipv4_address_is_checked_as_the_address(address: IPv4Address) -> None:
    verdict = None if is_global_address(str(address)) else ADDRESS
    for spelling, spell in SPELLINGS.items():
        if "mapped" not in spelling:
            assert link_error(f"https://{spell(address)}:8443/hook") == verdict, spelling


@given(any_address, st.integers(0, 2**16 - 1))
def test_no_ipv4_address_is_reached_through_ipv6(address: IPv4Address, more: int) -> None:
    high, low = int(address) >> 16, int(address) & 0xFFFF
    for host in (
        f"::{address}",
        f"::ffff:{address}",
        f"::ffff:0:{address}",
        f"64:ff9b::{address}",
        f"64:ff9b:1:{more:x}::{address}",
        f"2002:{high:x}:{low:x}::{more:x}",
        f"2001:0:{high:x}:{low:x}::{more:x}",
    ):
        assert link_error(f"https://[{host}]/hook") == ADDRESS, host


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_ipv6_address_outside_global_unicast_is_refused(address: IPv6Address) -> None:
    if int(address) >> 125 != 1:
        assert not is_global_address(str(address))
        assert link_error(f"https://[{address.exploded}]/") == ADDRESS


@pytest.mark.parametrize(
    "text", ["", "localhost", "git.example.com", "127.1", "2130706433", "0x7f000001", "[::1]", "1.2.3.4 "]
)
def test_only_canonical_text_is_an_address(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        is_global_address(text)


# Credentials among the parameters


@pytest.mark.parametrize(
    ("tail", "names"),
    [
        ("?token=x", ["token"]),
        ("?TOKEN=x", ["TOKEN"]),
        ("?token=", ["token"]),
        ("?page=1&access_token=x", ["access_token"]),
        ("?page=1;access_token=x", ["access_token"]),
        ("?accessToken=x", ["accessToken"]),
        ("?id-token=x", ["id-token"]),
        ("?refresh.token=x", ["refresh.token"]),
        ("?csrftoken=x", ["csrftoken"]),
        ("?token[]=x", ["token[]"]),
        ("?%74%6f%6b%65%6e=x", ["token"]),
        ("?to+ken=x", ["to ken"]),
        ("?key=x", ["key"]),
        ("?api_key=x", ["api_key"]),
        ("?apikey=x", ["apikey"]),
        ("?X-Api-Key=x", ["X-Api-Key"]),
        ("?access_key=x", ["access_key"]),
        ("?accountKey=x", ["accountKey"]),
        ("?subscription-key=x", ["subscription-key"]),
        ("?private_key=x", ["private_key"]),
        ("?secret=x", ["secret"]),
        ("?client_secret=x", ["client_secret"]),
        ("?password=x", ["password"]),
        ("?passwd=x", ["passwd"]),
        ("?pwd=x", ["pwd"]),
        ("?auth=x", ["auth"]),
        ("?Authorization=x", ["Authorization"]),
        ("?jwt=x", ["jwt"]),
        ("?sig=x", ["sig"]),
        ("?signature=x", ["signature"]),
        ("?session=x", ["session"]),
        ("?sessionId=x", ["sessionId"]),
        ("?jsessionid=x", ["jsessionid"]),
        ("?credentials=x", ["credentials"]),
        (
            "?X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-Security-Token=d",
            ["X-Amz-Credential", "X-Amz-Security-Token", "X-Amz-Signature"],
        ),
        ("?b_token=1&a_token=2&b_token=3", ["a_token", "b_token"]),
        ("#access_token=x", ["access_token"]),
        ("#state=1&id_token=x", ["id_token"]),
        ("#?token=x", ["token"]),
        ("#/callback?token=x", ["token"]),
        ("?page=1#token=x", ["token"]),
        ("#access_token=x?page=1", ["access_token"]),
        ("#access_token=x?", ["access_token"]),
        ("#page=1;access_token=x", ["access_token"]),
        ("#/reset/5f2c9e/token=1", ["token"]),
    ],
)
def test_parameter_that_looks_like_a_credential_is_named(tail: str, names: list[str]) -> None:
    assert credential_parameters(f"https://git.example.com/{tail}") == names


@pytest.mark.parametrize(
    "tail",
    [
        "",
        "?",
        "#",
        "token/secret/password",
        "token=x",
        "?page=2",
        "?q=token",
        "?q=api_key%3Dx",
        "?next=%3Ftoken%3Dx",
        "?monkey=1&keyboard=2&hotkey=3&turkey=4",
        "?tokenize=1&secretary=2&passwords_changed=3",
        "?author=alice&authority=x&designature_of=x",
        "?sort_key=created&partition-key=a",
        "?significant=1&keys=a,b",
        "?sessions=12",
        "#comments",
        "#page=2",
        "#/issues/42",
        "#token",
        "#api-key",
        "#authorization",
    ],
)
def test_other_parameters_are_not_named(tail: str) -> None:
    assert credential_parameters(f"https://git.example.com/{tail}") == []


def test_the_links_that_are_refused_are_those_from_which_the_console_takes_a_secret() -> None:
    session = Path(__file__).parents[2] / "infra/web/src/lib/session.ts"
    found = re.search(r"/\^#\(([a-z|-]+)\)=", session.read_text(encoding="utf-8"))
    assert found, "where the console reads the secret from its address"
    assert {f"{name}=" for name in found[1].split("|")} == set(SIGN_IN_FRAGMENTS)
