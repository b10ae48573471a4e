"""TLS that ends at the edge: what is written, what is said to HAProxy, and that keys are nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge import tls
from windlass.deploy.docker.edge.allocate import Edge, allocate
from windlass.deploy.docker.edge.board import RunningEdge, carry, otherwise
from windlass.deploy.docker.edge.client import drop_files, keep_files, renewal, start_command
from windlass.deploy.docker.edge.commands import needs_reload, transition
from windlass.deploy.docker.edge.compose import edge_services, with_certificates
from windlass.deploy.docker.edge.layout import Fronted
from windlass.deploy.docker.edge.render import SPARE, Carried, Server, place, render, to_document
from windlass.deploy.docker.edge.render import parse as parsed
from windlass.deploy.docker.edge.tls import Tls
from windlass.model.secret import Secret

PRIVATE = "-----BEGIN PRIVATE KEY-----\nMIIsecret\n-----END PRIVATE KEY-----\n"
END = Tls("abc", bundle=Secret(PRIVATE))
OTHER = Tls("def", bundle=Secret("other\n"))
TRUSTING = Tls("abc", "fed", "web", Secret(PRIVATE), "authority\n")
OLD, NEW = Server("old" + "0" * 61, "10.0.0.2"), Server("new" + "0" * 61, "10.0.0.3")


def carried(end: Tls | None, *servers: Server) -> Carried:
    ends: tls.Ends = {"web": {8443: end}} if end is not None else {}
    return Carried({"web": {8443: "https" if end else "tcp"}}, {"web": place((), list(servers))}, ends)


def fronted(end: Tls = END) -> dict[str, Fronted]:
    return {"web": Fronted("web", {8443: "https"}, (), {"default": ("web",)}, {8443: end})}


def lines(end: Tls) -> list[str]:
    return render(carried(end, OLD), generation="g").splitlines()


def test_a_port_has_one_backend_in_http_and_a_listener_with_the_certificate() -> None:
    written = lines(END)
    at = written.index("frontend web_8443")
    assert written[at + 1 : at + 4] == [
        "  mode http",
        "  bind *:8443 ssl crt /tmp/windlass-tls/windlass-tls.web_8443.pem alpn h2,http/1.1 ssl-min-ver TLSv1.2",
        "  default_backend web_8443_http",
    ]
    assert [line for line in written if line.startswith("backend web")] == ["backend web_8443_http"]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (END, "ssl verify none sni ssl_fc_sni"),
        (Tls("abc", name="x"), "ssl verify none sni str(x)"),
        (TRUSTING, "ssl verify required ca-file /tmp/windlass-tls/windlass-tls.web_8443.ca-fed.pem sni str(web) verifyhost web"),
    ],
)  # fmt: skip
def test_containers_are_spoken_to_in_tls_and_asked_for_a_certificate_where_somebody_vouches(
    end: Tls, expected: str
) -> None:
    servers = [line for line in lines(end) if line.startswith("  server s")]
    assert len(servers) == SPARE and all(expected in line for line in servers)


def test_the_file_says_what_it_carries_and_holds_no_key() -> None:
    for end in (END, TRUSTING):
        text = render(carried(end, OLD, NEW), generation="g")
        assert parsed(text) == carried(end, OLD, NEW)
        assert "MIIsecret" not in text and "authority" not in text
    assert "MIIsecret" not in repr(carried(END)) + repr(fronted()) + json.dumps(to_document(carried(END)))
    assert "tls" not in to_document(carried(None))  # what was written by earlier versions is read as it was


def test_a_switch_needs_commands_only_and_so_does_another_certificate() -> None:
    assert not needs_reload(carried(END, OLD), carried(END, NEW))
    assert not needs_reload(carried(END, OLD), carried(OTHER, OLD))
    assert needs_reload(carried(None, OLD), carried(END, OLD))
    assert needs_reload(carried(END, OLD), carried(TRUSTING, OLD))
    before = Carried(carried(END).ports, {"web": place((), [OLD])}, carried(END).tls)
    warm = Server(OLD.id, OLD.address, "drain")
    after = Carried(before.ports, {"web": place(before.slots["web"], [NEW, warm])}, before.tls)
    assert transition(before, after) == (
        "set server web_8443_http/s2 addr 10.0.0.3 port 8443",
        "set server web_8443_http/s2 fqdn new000000000",
        "set server web_8443_http/s2 state ready",
        "set server web_8443_http/s1 state drain",
    )


def test_only_certificates_that_differ_are_renewed() -> None:
    assert tls.renewed({"web": {8443: END}}, {"web": {8443: END}}) == {}
    assert tls.renewed({"web": {8443: END}}, {"web": {8443: OTHER}}) == {"windlass-tls.web_8443.pem": OTHER.bundle}
    assert tls.renewed({"web": {8443: END}}, {"web": {8443: Tls("def")}}) == {}  # known by its fingerprint alone


def test_a_renewal_ends_what_was_left_open_and_is_judged_before_anything_follows() -> None:
    fresh = {"windlass-tls.web_8443.pem": Secret("certificate\n")}
    text = renewal(fresh, fresh) + keep_files(fresh)
    words = ("abort ssl cert", "set ssl cert", "commit ssl cert", "exit 8", "umask 077", "mv /tmp")
    at = [text.index(word) for word in words]
    assert at == sorted(at)
    assert "<<\ncertificate\n\nEND" in text  # an empty line ends it


def test_certificates_that_nothing_uses_any_more_are_removed() -> None:
    assert "in a.pem|b.pem) ;;" in drop_files(["b.pem", "a.pem"])
    assert "in -) ;;" in drop_files([])


def test_an_edge_is_given_its_certificates_as_secrets_and_their_values_by_variables_alone() -> None:
    (made,) = allocate(fronted(TRUSTING), {})
    assert made.secrets == ("windlass-tls.web_8443.ca-fed.pem", "windlass-tls.web_8443.pem")
    model, variables = with_certificates({"services": {}, "secrets": {"own": {"file": "x"}}}, fronted(TRUSTING))
    assert set(model["secrets"]) == {"own", *made.secrets}
    named = {model["secrets"][name]["environment"] for name in made.secrets}
    assert {variables[name] for name in named} == {PRIVATE, "authority\n"}
    config = render(carry(made, fronted(TRUSTING), None, {}), generation="g")
    services = edge_services([made], {made.name: config}, image="haproxy", labels={})
    assert [entry["source"] for entry in services[made.name]["secrets"]] == list(made.secrets)
    written = json.dumps([config, services, model])
    assert "MIIsecret" not in written and "authority" not in written
    assert "umask 077" in start_command()[-1]


def test_without_certificates_the_model_is_what_it_was() -> None:
    (made,) = allocate({"web": Fronted("web", {80: "http"}, (), {"default": ("web",)})}, {})
    assert with_certificates({"services": {}}, {}) == ({"services": {}}, {})
    assert "secrets" not in edge_services([made], {made.name: ""}, image="haproxy", labels={})[made.name]


def running(end: Tls | None) -> RunningEdge:
    container: Any = Container.__new__(Container)
    return RunningEdge(container, {}, carried(end))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (END, END, ""),
        (END, OTHER, "web:8443 shows another certificate, no connection is cut"),
        (None, END, "TLS of web:8443 ends here"),
        (END, TRUSTING, "containers of web:8443 are spoken to by other rules"),
    ],
)
def test_the_plan_says_what_becomes_of_tls(before: Tls | None, after: Tls, said: str) -> None:
    wanted = Edge("windlass-edge", ("web",), {}, ())
    assert otherwise(running(before), wanted, fronted(after)) == said
