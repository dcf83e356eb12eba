"""What must hold at the edge before anything listens: TLS, origins, proxies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from arqonbus.app.addresses import is_loopback
from arqonbus.config.model import Settings
from arqonbus.edge.networks import networks
from arqonbus.edge.origins import ANY, is_origin
from arqonbus.edge.tls import TlsProblem, load

_TLS_FILES: Final = ("cert_file", "key_file", "key_password_file", "client_ca_file")

# A wider network is no list of proxies; two halves of the internet are all of it.
_LEAST_PREFIX: Final = {4: 8, 6: 16}


def edge_problems(settings: Settings) -> Iterator[str]:
    """Every reason not to start, one line each."""
    yield from _tls(settings)
    yield from _clear_text(settings)
    yield from _origins(settings)
    yield from _proxies(settings)


def _tls(settings: Settings) -> Iterator[str]:
    if any(dict(settings.tls)[name] is not None for name in _TLS_FILES):
        try:
            load(settings.tls, time.time())
        except TlsProblem as problem:
            yield str(problem)


def _clear_text(settings: Settings) -> Iterator[str]:
    if settings.tls.cert_file is not None and settings.edge.tls_terminated:
        yield (
            "edge.tls_terminated is set but the bus does TLS itself (tls.cert_file): remove one "
            "of the two"
        )
    if settings.profile != "prod" or settings.tls.cert_file or settings.edge.tls_terminated:
        return
    for path, host in (("host", settings.host), ("http_host", settings.http_host)):
        if not is_loopback(host):
            yield (
                f"profile prod needs TLS where others can listen in: {path} is {host}; set "
                "tls.cert_file and tls.key_file, or edge.tls_terminated if a proxy does it"
            )


def _origins(settings: Settings) -> Iterator[str]:
    for origin in settings.edge.origins:
        if origin == ANY:
            if settings.profile == "prod":
                yield "profile prod needs named origins: edge.origins lets every web site in"
            elif len(settings.edge.origins) > 1:
                yield (
                    "edge.origins: * lets every web site in, so the others say nothing: remove it, "
                    "or them"
                )
        elif not is_origin(origin):
            yield (
                f"edge.origins: {origin!r} is no origin as browsers write it: "
                "scheme://host[:port], lower case, without path or default port"
            )


def _proxies(settings: Settings) -> Iterator[str]:
    edge = settings.edge
    if (edge.proxy_header == "none") != (not edge.trusted_proxies):
        yield (
            "edge.proxy_header and edge.trusted_proxies belong together: a header is believed only "
            "of proxies that are trusted, and those only if it is said which they write"
        )
    for name in edge.trusted_proxies:
        try:
            network = networks([name])[0]
        except ValueError:
            yield f"edge.trusted_proxies: {name!r} is no network such as 10.0.0.0/8 or 10.1.2.3"
            continue
        if network.prefixlen < _LEAST_PREFIX[network.version] and settings.profile == "prod":
            yield (
                f"profile prod needs proxies that are named: edge.trusted_proxies trusts everybody "
                f"in {name}"
            )
