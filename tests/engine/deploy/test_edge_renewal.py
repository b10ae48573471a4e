"""A certificate is renewed in a HAProxy that runs, whatever somebody left behind who was interrupted there."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.certificates import self_signed
from windlass import process
from windlass.deploy.docker.edge import tls
from windlass.deploy.docker.edge.client import EdgeClient, renewal, script, start_command
from windlass.deploy.docker.edge.render import Carried, place, render
from windlass.deploy.docker.edge.tls import Tls, fingerprint
from windlass.errors import DeploymentFailed
from windlass.model.secret import Secret
from windlass.waiting import wait_for

pytestmark = pytest.mark.needs("openssl")


def shows(made: tuple[str, str]) -> Tls:
    return Tls(fingerprint(made[0]), bundle=Secret("".join(made)))


def carrying(**ends: Tls) -> Carried:
    return Carried(
        {name: {8443 + at: "https"} for at, name in enumerate(ends)},
        {name: place((), []) for name in ends},
        {name: {8443 + at: end} for at, (name, end) in enumerate(ends.items())},
    )


@pytest.fixture
def edge(port: Callable[[], int]) -> Iterator[tuple[str, int]]:
    """A container as edges are, that carries nothing yet; and where its port 8443 is published."""
    name, at = f"windlass-test-edge-{uuid.uuid4().hex[:8]}", port()
    first = render(Carried({}, {}), generation="first")
    entry, *arguments = start_command()
    command = ["docker", "run", "--detach", "--name", name, "--publish", f"127.0.0.1:{at}:8443"]
    command += ["--env", f"WINDLASS_EDGE={first}", "--entrypoint", entry, "haproxy:lts", *arguments]
    process.run(command, check=True)
    try:
        EdgeClient(name).wait()
        yield name, at
    finally:
        process.run(["docker", "rm", "--force", "--volumes", name])


def shown(port: int) -> str:
    def look() -> str:
        try:
            return ssl.get_server_certificate(("127.0.0.1", port))
        except OSError:
            return ""

    return wait_for(look, bool, seconds=60)


def test_a_transaction_that_nobody_ended_does_not_stand_in_the_way(edge: tuple[str, int]) -> None:
    name, at = edge
    one, two, other = (self_signed(host) for host in ("one.org", "two.org", "other.org"))
    client = EdgeClient(name)
    first = carrying(web=shows(one), api=shows(other))
    client.apply(None, first)
    assert shown(at) == one[0]
    left = renewal({tls.bundle_name("api", 8444): Secret("".join(other))}, ()).partition("said=")[0]
    process.run(["docker", "exec", "-i", name, "sh", "-s"], input=script(()) + left, check=True)

    second = carrying(web=shows(two), api=shows(other))
    client.apply(first, second)
    assert shown(at) == two[0]
    assert client.ask() == (second, True)
    process.run(["docker", "restart", "--time", "0", name], check=True)
    client.wait()
    assert shown(at) == two[0]


def test_a_certificate_that_haproxy_does_not_take_changes_nothing_that_is_noted(edge: tuple[str, int]) -> None:
    name, at = edge
    one = self_signed("one.org")
    client = EdgeClient(name)
    first = carrying(web=shows(one))
    client.apply(None, first)
    with pytest.raises(DeploymentFailed):
        client.apply(first, carrying(web=replace(shows(one), certificate="x", bundle=Secret("nonsense\n"))))
    assert shown(at) == one[0]
    assert client.ask() == (first, True)
    process.run(["docker", "restart", "--time", "0", name], check=True)
    client.wait()
    assert shown(at) == one[0]


def test_a_configuration_that_haproxy_refuses_leaves_the_certificates_as_they_were(edge: tuple[str, int]) -> None:
    name, at = edge
    one, two = self_signed("one.org"), self_signed("two.org")
    client = EdgeClient(name)
    first = carrying(web=shows(one))
    client.apply(None, first)
    broken = replace(shows(two), bundle=Secret("nonsense\n"))
    with pytest.raises(DeploymentFailed):
        client.apply(first, carrying(web=shows(two), api=broken))
    assert shown(at) == one[0]
    assert client.ask() == (first, True)
    process.run(["docker", "restart", "--time", "0", name], check=True)
    client.wait()
    assert shown(at) == one[0]
    kept = process.run(["docker", "exec", name, "sh", "-c", f"cd {tls.FOLDER}* && ls && cat *"], check=True).stdout
    assert kept == tls.bundle_name("web", 8443) + "\n" + "".join(one)
