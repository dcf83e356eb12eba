"""Ways to the server: a socket, TLS, Sentinels that name another primary, a Cluster's nodes."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import ExitStack
from pathlib import Path

import pytest
from conformance.storage import ADDRESS, append, commit, put, read
from redis.crc import key_slot
from support.certificates import certificate
from support.proxy import proxying
from support.redis_store import fresh_prefix, store
from support.valkey import Valkey
from support.valkey import valkey as running
from support.waiting import until

from arqonbus.errors import StorageError
from arqonbus.model.durability import Durability
from arqonbus.storage.redis.connect import Access
from arqonbus.storage.redis.store import RedisStorage

DURABLE = {"appendonly": "yes", "appendfsync": "always"}


async def works(storage: RedisStorage) -> None:
    await storage.open()
    await put(storage, b"a", b"b")
    assert [m.body for m in (await read(storage)).messages] == [b"a", b"b"]
    await storage.probe(lambda infos: pytest.fail(str(infos)))
    assert storage.problem() is None
    await storage.close()


async def test_a_socket_file_and_a_database(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("u") / "s"
    with running(tmp_path_factory.mktemp("v"), unixsocket=str(path), **DURABLE) as server:
        await works(store(f"unix://{path}?db=3"))
        await works(store(f"{server.url}/4"))
        assert server.do("INFO", "keyspace").keys() == {"db3", "db4"}
        with pytest.raises(StorageError, match="out of range"):
            await store(f"{server.url}/99").open()


async def test_tls(valkey: Valkey, tmp_path: Path) -> None:
    ours, theirs = certificate(tmp_path, "ours"), certificate(tmp_path, "theirs")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours.cert, ours.key)
    async with proxying(valkey.port, context) as proxy:
        url = f"rediss://localhost:{proxy.port}"
        await works(store(url, access=Access(ca_file=ours.cert), prefix=fresh_prefix()))
        for untrusted in (Access(ca_file=theirs.cert), Access()):
            storage = store(url, access=untrusted, prefix=fresh_prefix())
            with pytest.raises(StorageError, match=r"(?i)certificate"):
                await storage.open()
            await storage.close()


async def test_tls_with_a_certificate_of_the_bus(valkey: Valkey, tmp_path: Path) -> None:
    ours, bus = certificate(tmp_path, "ours"), certificate(tmp_path, "bus")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours.cert, ours.key)
    context.load_verify_locations(bus.cert)
    context.verify_mode = ssl.CERT_REQUIRED
    async with proxying(valkey.port, context) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}"
        access = Access(ca_file=ours.cert, cert_file=bus.cert, key_file=bus.key)
        await works(store(url, access=access, prefix=fresh_prefix()))
        storage = store(url, access=Access(ca_file=ours.cert), prefix=fresh_prefix())
        with pytest.raises(StorageError, match="can't be reached"):
            await storage.open()
        await storage.close()


def sentinel(stack: ExitStack, folder: Path, primary: Valkey) -> Valkey:
    config = {
        "sentinel monitor main": f"127.0.0.1 {primary.port} 1",
        "sentinel down-after-milliseconds main": "300",
        "sentinel failover-timeout main": "2000",
    }
    watching = Valkey(folder, config, ("--sentinel",))
    stack.callback(watching.kill)
    watching.start()
    return watching


@pytest.mark.parametrize("how", ["killed", "told to"])
async def test_a_failover_is_followed(tmp_path_factory: pytest.TempPathFactory, how: str) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(running(tmp_path_factory.mktemp("a"), **DURABLE))
        of_first = f"127.0.0.1 {first.port}"
        folder = tmp_path_factory.mktemp("b")
        second = stack.enter_context(running(folder, replicaof=of_first, **DURABLE))
        first.until_replicated()
        watching = sentinel(stack, tmp_path_factory.mktemp("s"), first)
        await until(lambda: b"slave" in raw(watching, "SENTINEL", "REPLICAS", "main"))
        # A primary that lives on while another one is promoted takes commits that are lost with
        # it; with replicas that confirm it can't.
        demanded = Durability.DISK if how == "killed" else Durability.REPLICATED
        url = f"redis+sentinel://127.0.0.1:1,127.0.0.1:{watching.port}/main"
        storage = store(url, timeout=2, demanded=demanded)
        await storage.open()
        await put(storage, b"a", b"b")
        key = f"{{arqonbus}}:stream:{ADDRESS.path}"
        await until(lambda: int(second.do("XLEN", key)) == 2)
        if how == "killed":
            first.kill()
        else:
            watching.do("SENTINEL", "FAILOVER", "main")
        await until(lambda: b"master" in raw(second, "ROLE"))
        async with asyncio.timeout(30):
            while True:
                try:
                    await commit(storage, [append([b"c"], after=2)])
                    break
                except StorageError:
                    await storage.probe(lambda infos: pytest.fail(str(infos)))
        assert second.do("XLEN", key) == 3
        assert [m.body for m in (await read(storage)).messages] == [b"a", b"b", b"c"]
        await storage.close()


def raw(server: Valkey, *command: str) -> bytes:
    return str(server.do(*command)).encode()


async def test_sentinels_that_know_no_such_service(
    valkey: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with ExitStack() as stack:
        watching = sentinel(stack, tmp_path_factory.mktemp("s"), valkey)
        storage = store(f"redis+sentinel://127.0.0.1:{watching.port}/other")
        with pytest.raises(StorageError, match="knows no service other"):
            await storage.open()
        await storage.close()


async def test_a_cluster(tmp_path_factory: pytest.TempPathFactory) -> None:
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(
                running(tmp_path_factory.mktemp("n"), cluster_enabled="yes", **DURABLE)
            )
            for _ in range(2)
        ]
        nodes[0].do("CLUSTER", "ADDSLOTSRANGE", "0", "8191")
        nodes[1].do("CLUSTER", "ADDSLOTSRANGE", "8192", "16383")
        nodes[0].do("CLUSTER", "MEET", "127.0.0.1", str(nodes[1].port))
        await until(lambda: all("state:ok" in str(n.do("CLUSTER", "INFO")) for n in nodes))
        await until(lambda: all(str(n.do("CLUSTER", "SLOTS")).count("8192") for n in nodes))
        used = set()
        for n in range(8):
            prefix = f"p{n}"
            serving = nodes[key_slot(f"{{{prefix}}}".encode()) // 8192]
            used.add(serving.port)
            for seed in nodes:
                await works(store(f"redis+cluster://127.0.0.1:{seed.port}", prefix=f"{prefix}"))
                storage = store(f"redis+cluster://127.0.0.1:{seed.port}", prefix=prefix)
                await storage.open()
                await storage.delete(ADDRESS)
                await storage.close()
            assert serving.do("EXISTS", f"{{{prefix}}}:owner") == 1
        assert len(used) == 2


async def test_a_server_that_is_no_cluster(valkey: Valkey) -> None:
    storage = store(f"redis+cluster://127.0.0.1:{valkey.port}")
    with pytest.raises(StorageError, match="cluster support disabled"):
        await storage.open()
    await storage.close()
