import socket

import pytest

from arqonbus.app.addresses import bind, port_of

LOOPBACK = "127.0.0.1"


def test_bound_is_not_yet_listening() -> None:
    (one,) = bind(LOOPBACK, 0)
    with one, pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, port_of(one)))


def test_a_port_that_is_listened_on_is_refused() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken, pytest.raises(OSError, match="in use"):
        bind(LOOPBACK, port_of(taken))


def test_a_port_that_its_owner_would_share_is_refused() -> None:
    with socket.socket() as sharing:
        sharing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sharing.bind((LOOPBACK, 0))
        sharing.listen()
        with pytest.raises(OSError, match="in use"):
            bind(LOOPBACK, port_of(sharing))


def test_all_addresses_of_a_name_get_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    def two_addresses(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))
            for address in ("127.0.0.1", "127.0.0.2", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
    first, second = bind("both.example", 0)
    with first, second:
        assert port_of(first) == port_of(second) != 0
        assert [one.getsockname()[0] for one in (first, second)] == ["127.0.0.1", "127.0.0.2"]


def test_nothing_stays_bound_when_one_address_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = port_of(taken)
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("127.0.0.1", "127.0.0.2")
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with pytest.raises(OSError, match="in use"):
            bind("both.example", port)
        monkeypatch.undo()
        with socket.create_server(("127.0.0.1", port)):
            pass
