"""HAProxy accepts every configuration that is written for it, without a warning."""

from __future__ import annotations

import pytest

from tests.certificates import self_signed
from windlass import process
from windlass.deploy.docker.edge import tls
from windlass.deploy.docker.edge.client import keep_files
from windlass.deploy.docker.edge.render import Carried, Server, place, render
from windlass.deploy.docker.edge.tls import Tls
from windlass.model.secret import Secret

ONE, TWO = Server("a1" * 32, "10.0.0.2"), Server("b2" * 32, "10.0.0.3", "drain")
ROUTES = {443: {"a.org": ("web", 80), "*.a.org": ("web-1.x_y", 80)}, 8443: {"a.org": ("api", 81)}}


def accepted(carried: Carried) -> None:
    kept = {name: content for name, content in tls.files(carried.tls).items() if content is not None}
    script = f"{keep_files(kept)}cat > /tmp/c <<'END'\n{render(carried, generation='g')}END\nhaproxy -c -f /tmp/c\n"
    done = process.run(["docker", "run", "--rm", "-i", "--entrypoint", "sh", "haproxy:lts", "-s"], input=script)
    assert done.ok, done.stderr
    said = [line for line in done.stderr.splitlines() if "could not resolve address" not in line]  # nobody is there
    assert not [line for line in said if "[ALERT]" in line or "[WARNING]" in line]


@pytest.mark.parametrize(
    "carried",
    [
        Carried({}, {}),
        Carried({"web": {80: "http", 443: "tcp", 9000: "auto"}}, {"web": place((), [])}),
        Carried(
            {"web-1.x_y": {80: "auto"}, "api": {81: "http"}},
            {"web-1.x_y": place((), [ONE, TWO]), "api": place((), [ONE] * 1)},
        ),
        Carried({}, {}, {}, ROUTES),
    ],
)
def test_every_configuration_is_accepted(carried: Carried) -> None:
    accepted(carried)


@pytest.mark.needs("openssl")
def test_tls_that_ends_at_the_edge_is_accepted() -> None:
    certificate, key = self_signed("a.org")
    held = Secret(certificate + key)
    ends = {443: Tls("a", bundle=held), 444: Tls("a", "b", "web", held, certificate), 445: Tls("a", "", "x.org", held)}
    accepted(
        Carried({"web-1.x_y": dict.fromkeys(ends, "https")}, {"web-1.x_y": place((), [ONE, TWO])}, {"web-1.x_y": ends})
    )
