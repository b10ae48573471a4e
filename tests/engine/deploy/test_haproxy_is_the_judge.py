"""HAProxy accepts every configuration that is written for it, without a warning."""

from __future__ import annotations

import pytest

from windlass import process
from windlass.deploy.docker.edge.render import Carried, Server, place, render

ONE, TWO = Server("a1" * 32, "10.0.0.2"), Server("b2" * 32, "10.0.0.3", "drain")


@pytest.mark.parametrize(
    "carried",
    [
        Carried({}, {}),
        Carried({"web": {80: "http", 443: "tcp", 9000: "auto"}}, {"web": place((), [])}),
        Carried(
            {"web-1.x_y": {80: "auto"}, "api": {81: "http"}},
            {"web-1.x_y": place((), [ONE, TWO]), "api": place((), [ONE] * 1)},
        ),
    ],
)
def test_every_configuration_is_accepted(carried: Carried) -> None:
    command = ["docker", "run", "--rm", "-i", "--entrypoint", "sh", "haproxy:lts", "-c"]
    done = process.run([*command, "cat > /tmp/c; haproxy -c -f /tmp/c"], input=render(carried, generation="g"))
    assert done.ok, done.stderr
    said = [line for line in done.stderr.splitlines() if "could not resolve address" not in line]  # nobody is there
    assert not [line for line in said if "[ALERT]" in line or "[WARNING]" in line]
