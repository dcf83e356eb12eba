"""Whose address counts behind proxies."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arqonbus.edge.networks import address_of, networks, site_of
from arqonbus.edge.proxies import Header, Proxies
from arqonbus.edge.refusal import HandshakeRefused

PROXY, CLIENT, INNER = "10.0.0.1", "198.51.100.7", "10.0.0.2"


def client(header: Header, *lines: str, peer: str = PROXY) -> str:
    def given(name: str) -> Sequence[str]:
        assert name == header
        return lines

    proxies = Proxies(header, networks(["10.0.0.0/8", "2001:db8:ffff::/48"]))
    return str(proxies.client(address_of(peer), given))


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        ((), PROXY),
        ((CLIENT,), CLIENT),
        ((f"{CLIENT}, {INNER}",), CLIENT),
        ((CLIENT, INNER), CLIENT),
        ((f"203.0.113.9, {CLIENT}",), CLIENT),  # what the client itself claimed
        ((f"203.0.113.9, {CLIENT} , {INNER}",), CLIENT),
        ((INNER,), INNER),
        (("2001:db8::1",), "2001:db8::1"),
        (("[2001:db8::1]:4711",), "2001:db8::1"),
        ((f"{CLIENT}:80",), CLIENT),
        (("::ffff:198.51.100.7",), CLIENT),
        (("2001:db8::1,2001:db8:ffff::5",), "2001:db8::1"),
        (("unknown",), PROXY),
    ],
)
def test_x_forwarded_for_from_the_right(lines: tuple[str, ...], address: str) -> None:
    assert client("x-forwarded-for", *lines) == address


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        ((), PROXY),
        ((f"for={CLIENT}",), CLIENT),
        ((f"For={CLIENT};proto=https;by={INNER}",), CLIENT),
        ((f'for="{CLIENT}:4711"',), CLIENT),
        (('for="[2001:db8::1]"',), "2001:db8::1"),
        (('for="[2001:db8::1]:_port" ; proto=http',), "2001:db8::1"),
        ((f"for=203.0.113.9, for={CLIENT}", f"for={INNER}"), CLIENT),
        (("for=unknown",), PROXY),
        (("for=_hidden",), PROXY),
        (("proto=https",), PROXY),
        ((f'for=203.0.113.9;note="a,b;for=1", for={CLIENT}',), CLIENT),
        (('for="198.51.100.\\7"',), CLIENT),
    ],
)
def test_forwarded_from_the_right(lines: tuple[str, ...], address: str) -> None:
    assert client("forwarded", *lines) == address


@pytest.mark.parametrize("header", ["forwarded", "x-forwarded-for"])
@pytest.mark.parametrize("value", [f"for={CLIENT}", CLIENT, "\0", "garbage"])
def test_nobody_else_is_believed(header: Header, value: str) -> None:
    assert client(header, value, peer="203.0.113.9") == "203.0.113.9"


@pytest.mark.parametrize("header", ["none", "proxy-protocol"])
def test_a_header_that_was_not_chosen_is_not_read(header: Header) -> None:
    assert client(header, CLIENT) == PROXY


@pytest.mark.parametrize(
    ("header", "value"),
    [
        *[("x-forwarded-for", value) for value in (
            ",", f"{CLIENT},", "1.2.3", "1.2.3.4.5", "a b", "example.com", "1.2.3.4:x", "\0",
            f"{CLIENT};{INNER}", "[::1", "999.1.1.1", ",".join([INNER] * 33), "01.2.3.4",
        )],
        *[("forwarded", value) for value in (
            ",", ";", "for", "for=", "for=a", f"for={CLIENT},", f"for={CLIENT};",
            f"for={CLIENT} {INNER}", 'for="', 'for="1.2.3.4', "for=[::1]", "for=::1",
            f"for={CLIENT};for={INNER}", "for =1.2.3.4", "for= 1.2.3.4", 'for="[1.2.3.4]"x',
            ",".join([f"for={INNER}"] * 33),
        )],
    ],
)  # fmt: skip
def test_what_a_proxy_garbles_is_refused(header: Header, value: str) -> None:
    with pytest.raises(HandshakeRefused) as caught:
        client(header, value)
    assert caught.value.status == 400


@given(st.sampled_from(["forwarded", "x-forwarded-for"]), st.text(max_size=60))
def test_any_text_is_an_address_or_a_refusal(header: Header, value: str) -> None:
    with contextlib.suppress(HandshakeRefused):
        assert str(address_of(client(header, value)))


def test_an_ipv6_host_counts_as_its_network() -> None:
    assert site_of(address_of("2001:db8::1")) == site_of(address_of("2001:db8::ffff:1%eth0"))
    assert site_of(address_of("2001:db8::1")) != site_of(address_of("2001:db8:0:1::1"))
    assert site_of(address_of("::ffff:1.2.3.4")) == site_of(address_of("1.2.3.4"))
    assert site_of(address_of("1.2.3.4")) != site_of(address_of("1.2.3.5"))
