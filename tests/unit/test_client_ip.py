"""The caller's address behind proxies: what a caller writes never counts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from streamactions import DefinitionError, client_ip
from streamactions.middleware.client_ip import MAX_HOPS

PROXIES = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"]


def find(peer: str | None, *headers: str, proxies: Any = PROXIES, **options: Any) -> str:
    fields = [(b"x-forwarded-for", header.encode("latin-1")) for header in headers]
    client = None if peer is None else (peer, 1)
    event = Request({"type": "http", "method": "POST", "headers": fields, "client": client})
    return client_ip(trusted_proxies=proxies, **options)(event)


@pytest.mark.parametrize(
    ("peer", "headers", "found"),
    [
        # Nobody between.
        ("1.2.3.4", [], "1.2.3.4"),
        ("127.0.0.1", [], "127.0.0.1"),
        (None, [], ""),
        ("/run/app.sock", ["9.9.9.9"], "/run/app.sock"),
        # A caller who is no proxy writes in vain.
        ("1.2.3.4", ["9.9.9.9"], "1.2.3.4"),
        ("1.2.3.4", ["127.0.0.1"], "1.2.3.4"),
        # One proxy, or several, and what the caller had written before them.
        ("127.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("127.0.0.1", ["9.9.9.9, 1.2.3.4"], "1.2.3.4"),
        ("127.0.0.1", ["9.9.9.9,1.2.3.4,10.1.1.1 , 10.1.1.2"], "1.2.3.4"),
        ("10.0.0.1", ["10.9.9.9, 1.2.3.4, 10.1.1.1"], "1.2.3.4"),
        ("127.0.0.1", ["9.9.9.9", "8.8.8.8, 1.2.3.4"], "1.2.3.4"),
        ("127.0.0.1", ["1.2.3.4", "10.0.0.1"], "1.2.3.4"),
        ("127.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # What is no address ends the search where it was certain.
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", [","], "127.0.0.1"),
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", ["1.2.3.4, _hidden, 10.0.0.1"], "10.0.0.1"),
        ("127.0.0.1", ["1.2.3.4, , 10.0.0.1"], "10.0.0.1"),
        ("127.0.0.1", ["1.2.3.4\x00"], "127.0.0.1"),
        ("127.0.0.1", ["1.2.3.4 5.6.7.8"], "127.0.0.1"),
        ("127.0.0.1", ["1.2.3.400"], "127.0.0.1"),
        ("127.0.0.1", ["\xe9"], "127.0.0.1"),
        # Ports, brackets, zones and two spellings of the same.
        ("127.0.0.1", ["1.2.3.4:5678"], "1.2.3.4"),
        ("127.0.0.1", ["[2001:db8::1]:5678"], "2001:db8::/64"),
        ("127.0.0.1", ["[2001:db8::1]"], "2001:db8::/64"),
        ("127.0.0.1", ["2001:db8::1"], "2001:db8::/64"),
        ("127.0.0.1", ["2001:DB8:0:0:ffff::2"], "2001:db8::/64"),
        ("127.0.0.1", ["fe80::1%eth0"], "fe80::/64"),
        ("127.0.0.1", ["::ffff:1.2.3.4"], "1.2.3.4"),
        ("127.0.0.1", ["[::ffff:102:304]:1"], "1.2.3.4"),
        ("::ffff:127.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("::ffff:5.5.5.5", ["1.2.3.4"], "5.5.5.5"),
        ("fd00::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3:4:5:6", ["1.2.3.4"], "2001:db8:1:2::/64"),
    ],
)
def test_the_address_is_the_last_that_is_certain(peer: str | None, headers: list[str], found: str) -> None:
    assert find(peer, *headers) == found


def test_by_default_a_proxy_of_the_same_machine_is_trusted() -> None:
    for peer in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
        event = Request(
            {"type": "http", "headers": [(b"x-forwarded-for", b"9.9.9.9, 1.2.3.4")], "client": (peer, 1)}
        )
        assert client_ip()(event) == "1.2.3.4"
    assert find("127.0.0.1", "1.2.3.4", proxies=[]) == "127.0.0.1"


def test_how_much_of_an_ipv6_address_counts_is_an_option() -> None:
    assert find("2001:db8:1:2::9", ipv6_prefix=48) == "2001:db8:1::/48"
    assert find("2001:db8:1:2::9", ipv6_prefix=128) == "2001:db8:1:2::9"


def test_a_chain_has_a_bound() -> None:
    proxies = ["10.0.0.1"] * (MAX_HOPS - 1)
    assert find("127.0.0.1", ",".join(["1.2.3.4", *proxies])) == "1.2.3.4"
    assert find("127.0.0.1", ",".join(["1.2.3.4", "10.0.0.1", *proxies])) == "10.0.0.1"
    assert find("127.0.0.1", "9.9.9.9," * 10_000 + "1.2.3.4") == "1.2.3.4"


@given(st.lists(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n")), max_size=4))
def test_whatever_a_caller_writes_changes_nothing_and_breaks_nothing(written: list[str]) -> None:
    assert find("1.2.3.4", *written) == "1.2.3.4"
    assert find("127.0.0.1", *written, "1.2.3.4") == "1.2.3.4"
    assert find("127.0.0.1", *[f"{text}, 1.2.3.4" for text in written], "1.2.3.4, 10.0.0.1") == "1.2.3.4"
    find("127.0.0.1", *written)


@pytest.mark.parametrize(
    "options",
    [
        {"trusted_proxies": "127.0.0.1"},
        {"trusted_proxies": ["nginx"]},
        {"trusted_proxies": ["10.0.0.1/8"]},
        {"trusted_proxies": [""]},
        {"trusted_proxies": [5]},
        {"ipv6_prefix": 0},
        {"ipv6_prefix": 129},
    ],
)
def test_what_is_no_proxy_is_refused_at_once(options: Any) -> None:
    with pytest.raises(DefinitionError, match="write"):
        client_ip(**options)
