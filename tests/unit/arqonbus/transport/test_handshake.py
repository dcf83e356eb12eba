"""The opening handshake: what is agreed on, and how each refusal reads."""

from __future__ import annotations

import json

import pytest
from multidict import CIMultiDict

from arqonbus.edge.origins import Origins
from arqonbus.edge.refusal import HandshakeRefused
from arqonbus.errors import ErrorCode
from arqonbus.model.principal import ANONYMOUS, Principal
from arqonbus.shield.interface import AuthError, AuthReason
from arqonbus.transport.handshake import Agreement, Rules, negotiate

JSON, MSGPACK = "arqonbus.v1.json", "arqonbus.v1.msgpack"
PROTOCOL, AUTHORIZATION = "Sec-WebSocket-Protocol", "Authorization"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the example of RFC 6455, section 1.3


class Shield:
    """Lets in whom the test names, and remembers what it was shown."""

    def __init__(self, *good: str | None) -> None:
        self.good = good
        self.shown: list[str | None] = []

    def authenticate(self, token: str | None) -> Principal:
        self.shown.append(token)
        if token not in self.good:
            raise AuthError(AuthReason.SIGNATURE, "the token is not ours")
        return ANONYMOUS if token is None else Principal(token)


def headers(*more: tuple[str, str], **changes: str | None) -> CIMultiDict[str]:
    """A good request's headers with `more`; `changes` (by name, _ for -) replace or remove."""
    made = CIMultiDict(
        {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": KEY,
        }
    )
    for name, value in changes.items():
        del made[name.replace("_", "-")]
        if value is not None:
            made.add(name.replace("_", "-"), value)
    made.extend(more)
    return made


def rules(shield: Shield, *origins: str, query_token: bool = False) -> Rules:
    return Rules(shield, Origins(origins, loopback=False), query_token)


def agreed(*more: tuple[str, str], shield: Shield | None = None) -> Agreement:
    return negotiate(b"/", headers(*more), rules(shield or Shield(None)), None)


def refused(
    given: CIMultiDict[str], path: bytes = b"/", shield: Shield | None = None
) -> HandshakeRefused:
    with pytest.raises(HandshakeRefused) as caught:
        negotiate(path, given, rules(shield or Shield(None)), None)
    return caught.value


@pytest.mark.parametrize("path", [b"/", b"/v1", b"/?a=b", b"/v1?token=x"])
def test_the_bus_is_at_two_paths(path: bytes) -> None:
    assert negotiate(path, headers(), rules(Shield(None)), None).principal is ANONYMOUS


@pytest.mark.parametrize("path", [b"/v2", b"/v1/", b"//", b"", b"/V1", b"?a", b"/metrics"])
def test_nothing_is_at_another_path(path: bytes) -> None:
    error = refused(headers(), path)
    assert (error.status, error.code) == (404, ErrorCode.NOT_FOUND)


@pytest.mark.parametrize(
    ("offers", "subprotocol", "selected"),
    [
        ([], JSON, None),
        ([JSON], JSON, JSON),
        ([MSGPACK], MSGPACK, MSGPACK),
        ([f"{MSGPACK}, {JSON}"], MSGPACK, MSGPACK),
        ([f"{JSON},{MSGPACK}"], JSON, JSON),
        ([JSON, MSGPACK], JSON, JSON),
        ([f"arqonbus.v9.json , {MSGPACK}"], MSGPACK, MSGPACK),
        (["", " , "], JSON, None),
    ],
)
def test_the_first_offer_that_is_served_is_chosen(
    offers: list[str], subprotocol: str, selected: str | None
) -> None:
    agreement = agreed(*[(PROTOCOL, offer) for offer in offers])
    assert (agreement.subprotocol, agreement.selected) == (subprotocol, selected)


@pytest.mark.parametrize("offer", ["arqonbus.v2.json", "ARQONBUS.V1.JSON", "mqtt, arqonbus.v1"])
def test_offers_that_are_not_served_are_refused_with_those_that_are(offer: str) -> None:
    error = refused(headers((PROTOCOL, offer)))
    assert (error.status, error.code) == (400, ErrorCode.UNSUPPORTED_VERSION)
    assert JSON in str(error)
    assert MSGPACK in str(error)


@pytest.mark.parametrize(
    "given",
    [
        (AUTHORIZATION, "Bearer ada"),
        (AUTHORIZATION, "bearer  ada "),
        (PROTOCOL, "arqonbus.bearer.ada"),
        (PROTOCOL, f"{JSON}, arqonbus.bearer.ada"),
        (PROTOCOL, f"arqonbus.bearer.ada,{MSGPACK}"),
    ],
)
def test_a_bearer_comes_in_the_header_or_among_the_subprotocols(given: tuple[str, str]) -> None:
    shield = Shield("ada")
    assert agreed(given, shield=shield).principal.subject == "ada"
    assert shield.shown == ["ada"]


@pytest.mark.parametrize(
    ("offer", "selected"),
    [
        ("arqonbus.bearer.ada", None),
        (f"arqonbus.bearer.ada, {MSGPACK}", MSGPACK),
    ],
)
def test_a_token_is_never_selected_as_a_subprotocol(offer: str, selected: str | None) -> None:
    assert agreed((PROTOCOL, offer), shield=Shield("ada")).selected == selected


@pytest.mark.parametrize("value", ["Basic ada", "Digest bearer", "Bearerada"])
def test_another_scheme_is_no_token(value: str) -> None:
    shield = Shield(None)
    assert agreed((AUTHORIZATION, value), shield=shield).principal is ANONYMOUS
    assert shield.shown == [None]


@pytest.mark.parametrize(
    "more",
    [
        [(AUTHORIZATION, "Bearer ada"), (PROTOCOL, "arqonbus.bearer.ada")],
        [(AUTHORIZATION, "Bearer ada"), (AUTHORIZATION, "Bearer ada")],
        [(PROTOCOL, f"arqonbus.bearer.ada, {JSON}, arqonbus.bearer.eve")],
    ],
)
def test_more_than_one_token_is_refused_unseen(more: list[tuple[str, str]]) -> None:
    shield = Shield("ada", "eve")
    error = refused(headers(*more), shield=shield)
    assert (error.status, error.code) == (400, ErrorCode.UNAUTHENTICATED)
    assert "more than one token" in str(error)
    assert shield.shown == []


@pytest.mark.parametrize("more", [[], [(AUTHORIZATION, "Bearer eve")]])
def test_who_is_not_authenticated_stays_outside(more: list[tuple[str, str]]) -> None:
    error = refused(headers(*more), shield=Shield("ada"))
    assert (error.status, error.code) == (401, ErrorCode.UNAUTHENTICATED)
    assert error.headers["WWW-Authenticate"] == "Bearer"
    assert "eve" not in error.body.decode()


@pytest.mark.parametrize("name", ["Upgrade", "Connection"])
@pytest.mark.parametrize("value", [None, "", "close", "websockets, upgraded"])
def test_what_is_no_upgrade_is_told_to_upgrade(name: str, value: str | None) -> None:
    error = refused(headers(**{name: value}))
    assert (error.status, error.code) == (426, ErrorCode.VALIDATION_ERROR)
    assert error.headers["Upgrade"] == "websocket"


@pytest.mark.parametrize(
    "changes",
    [
        {"Upgrade": "WebSocket"},
        {"Upgrade": "h2c, websocket"},
        {"Connection": "keep-alive, upgrade"},
    ],
)
def test_upgrade_headers_are_lists_without_case(changes: dict[str, str]) -> None:
    assert negotiate(b"/", headers(**changes), rules(Shield(None)), None).subprotocol == JSON


@pytest.mark.parametrize("version", [None, "8", "13, 8", "013", ""])
def test_another_websocket_version_is_refused_with_ours(version: str | None) -> None:
    error = refused(headers(Sec_WebSocket_Version=version))
    assert error.status == 426
    assert error.headers["Sec-WebSocket-Version"] == "13"


@pytest.mark.parametrize("key", [None, "", "x", "dGhlIHNhbXBsZQ==", KEY + KEY, f"{KEY}!", "é"])
def test_a_bad_key_is_refused(key: str | None) -> None:
    error = refused(headers(Sec_WebSocket_Key=key))
    assert (error.status, error.code) == (400, ErrorCode.VALIDATION_ERROR)
    assert "Sec-WebSocket-Key" in str(error)


def test_two_keys_or_versions_are_refused() -> None:
    assert refused(headers(("Sec-WebSocket-Key", KEY))).status == 400
    assert refused(headers(("Sec-WebSocket-Version", "13"))).status == 426


def test_a_refusal_is_json_with_an_error_and_its_code() -> None:
    error = refused(headers(), b"/elsewhere")
    assert error.headers["Content-Type"] == "application/json"
    assert json.loads(error.body) == {"error": str(error), "error_code": "NOT_FOUND"}


def test_the_shield_is_not_asked_for_a_request_that_is_refused_anyway() -> None:
    shield = Shield(None)
    refused(headers((PROTOCOL, "mqtt")), shield=shield)
    refused(headers(), b"/nowhere", shield)
    refused(headers(Upgrade=None), shield=shield)
    assert shield.shown == []


PAGE = "https://app.example"


def test_a_page_of_a_listed_origin_may_connect() -> None:
    given = headers(("Origin", PAGE))
    assert negotiate(b"/", given, rules(Shield(None), PAGE), None).principal is ANONYMOUS


def test_a_page_of_another_origin_may_not_whatever_its_token() -> None:
    shield = Shield("ada")
    error = refused(headers(("Origin", PAGE), (AUTHORIZATION, "Bearer ada")), shield=shield)
    assert (error.status, error.code) == (403, ErrorCode.FORBIDDEN)
    assert "edge.origins" in str(error)
    assert shield.shown == []


@pytest.mark.parametrize(
    "query", [b"access_token=ada", b"a=b&access%5Ftoken=ada&c", b"access_token="]
)
def test_a_token_in_the_url_is_refused_unseen_and_not_repeated(query: bytes) -> None:
    shield = Shield("ada")
    error = refused(headers(), b"/v1?" + query, shield)
    assert (error.status, error.code) == (400, ErrorCode.VALIDATION_ERROR)
    assert "edge.query_token" in str(error)
    assert "ada" not in error.body.decode()
    assert shield.shown == []


def test_a_token_in_the_url_where_that_was_allowed() -> None:
    shield = Shield("ada")
    negotiate(b"/?access_token=ada", headers(), rules(shield, query_token=True), None)
    assert shield.shown == ["ada"]


@pytest.mark.parametrize(
    ("query", "more"),
    [
        (b"access_token=ada&access_token=ada", []),
        (b"access_token=ada", [(AUTHORIZATION, "Bearer ada")]),
        (b"access_token=ada", [(PROTOCOL, "arqonbus.bearer.ada")]),
    ],
)
def test_one_token_in_one_place(query: bytes, more: list[tuple[str, str]]) -> None:
    shield = Shield("ada")
    with pytest.raises(HandshakeRefused, match="more than one token"):
        negotiate(b"/?" + query, headers(*more), rules(shield, query_token=True), None)
    assert shield.shown == []


@pytest.mark.parametrize("query", [b"\xff=1", b"a=%ff", b"&".join([b"a=1"] * 65)])
def test_a_query_that_cannot_be_read_is_refused(query: bytes) -> None:
    assert refused(headers(), b"/?" + query).status == 400


class BoundShield:
    """Whose tokens are bound to a certificate."""

    def authenticate(self, token: str | None) -> Principal:
        return Principal(str(token), claims={"cnf": {"x5t#S256": "mine"}})


@pytest.mark.parametrize("certificate", [None, "", "other", "mine2"])
def test_a_bound_token_is_nobodys_else(certificate: str | None) -> None:
    bound = Rules(BoundShield(), Origins((), loopback=False), query_token=False)
    with pytest.raises(HandshakeRefused, match="bound to") as caught:
        negotiate(b"/", headers(), bound, certificate)
    assert caught.value.status == 401
    assert negotiate(b"/", headers(), bound, "mine").principal.claims["cnf"]
