"""What must not start: dangerous settings at the edge."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from support.certificates import certificate

from arqonbus.app.preflight_edge import edge_problems
from arqonbus.config.model import Settings


def found(profile: str = "dev", **settings: object) -> str:
    return "\n".join(edge_problems(Settings.model_validate({"profile": profile, **settings})))


def test_the_defaults_are_good() -> None:
    assert found() == found("prod") == ""


@pytest.mark.parametrize("path", ["host", "http_host"])
def test_production_wants_tls_where_others_can_listen_in(path: str, tmp_path: Path) -> None:
    open_bind = {path: "0.0.0.0"}
    assert f"profile prod needs TLS where others can listen in: {path}" in found(
        "prod", **open_bind
    )
    assert found("staging", **open_bind) == ""
    assert found("prod", **open_bind, edge={"tls_terminated": True}) == ""
    own = certificate(tmp_path, "bus")
    files = {"cert_file": own.cert, "key_file": own.key}
    assert found("prod", **open_bind, tls=files) == ""
    assert "remove one" in found("prod", tls=files, edge={"tls_terminated": True})


def test_what_is_wrong_with_certificates_is_told_before_the_start(tmp_path: Path) -> None:
    assert "tls.cert_file and tls.key_file belong together" in found(
        tls={"client_ca_file": tmp_path / "absent"}
    )
    old = certificate(tmp_path, "old", begins=dt.timedelta(-3), ends=dt.timedelta(-1))
    assert "expired" in found(tls={"cert_file": old.cert, "key_file": old.key})


@pytest.mark.parametrize(
    "origin",
    ["https://a.example/", "https://A.example", "a.example", "https://*.example", "null"],
)
def test_an_origin_that_no_browser_sends(origin: str) -> None:
    assert "edge.origins" in found(edge={"origins": [origin]})


def test_every_site_only_outside_production() -> None:
    assert found("staging", edge={"origins": "*"}) == ""
    assert "lets every web site in" in found("staging", edge={"origins": "https://a.example,*"})
    assert "profile prod needs named origins" in found("prod", edge={"origins": "*"})
    named = "https://a.example, http://b.example:8080"
    assert found("prod", edge={"origins": named}) == ""


@pytest.mark.parametrize("everywhere", ["0.0.0.0/0", "::/0", "0.0.0.0/1, 128.0.0.0/1", "2000::/3"])
def test_everybody_as_a_trusted_proxy(everywhere: str) -> None:
    edge = {"proxy_header": "forwarded", "trusted_proxies": everywhere}
    assert "trusts everybody" in found("prod", edge=edge)
    assert found("staging", edge=edge) == ""


@pytest.mark.parametrize("network", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33"])
def test_what_is_no_network(network: str) -> None:
    edge = {"proxy_header": "forwarded", "trusted_proxies": [network, "10.0.0.0/8"]}
    assert "is no network" in found(edge=edge)


@pytest.mark.parametrize("edge", [{"proxy_header": "forwarded"}, {"trusted_proxies": "10.0.0.0/8"}])
def test_a_header_and_its_writers_belong_together(edge: dict[str, str]) -> None:
    assert "belong together" in found(edge=edge)
