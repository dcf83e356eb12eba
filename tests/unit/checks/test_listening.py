"""Which sockets listen, as the kernel tells."""

import os
import socket
from pathlib import Path

import pytest

from checks.listening import listening_inodes
from checks.model import CouldNotRun


def inode(one: socket.socket) -> str:
    return str(os.fstat(one.fileno()).st_ino)


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_socket_is_there_while_it_listens(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as one:
        one.bind((address, 0))
        assert inode(one) not in listening_inodes()
        one.listen()
        assert inode(one) in listening_inodes()
        name = inode(one)
    assert name not in listening_inodes()


def test_a_connection_is_no_listening_socket() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0] as accepted,
    ):
        assert not {inode(client), inode(accepted)} & listening_inodes()


def test_many_fill_more_than_one_answer() -> None:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(700)]
    try:
        assert {inode(one) for one in held} <= listening_inodes()
    finally:
        for one in held:
            one.close()


def test_the_table_of_the_system_says_the_same() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
        assert inode(server) in {row[9] for row in rows if row[3] == "0A"}
        assert inode(server) in listening_inodes()


def test_a_system_that_does_not_tell_is_no_system_without_sockets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("checks.listening._SOCK_DIAG", 31)
    with pytest.raises(CouldNotRun, match="does not tell which sockets listen"):
        listening_inodes()
