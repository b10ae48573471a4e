"""Going back to a release that published other ports: users find it where they found it then."""

from __future__ import annotations

import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.cli.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation.create(tmp_path, f"windlass-test-{uuid.uuid4().hex[:8]}")
    yield made
    made.destroy()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=30) as answer:
            return str(answer.read().decode()).strip() == "ok"
    except (urllib.error.URLError, OSError):
        return False


def map_ports(one: Installation, mapping: str) -> None:
    text = (one.root / "windlass.yaml").read_text()
    one.write("windlass.yaml", text.replace("branch: main", f"branch: main\n    ports: {mapping}"))


def test_a_release_is_gone_back_to_on_the_ports_it_had(installation: Installation) -> None:
    one = installation
    old, new = one.ports["api"], one.ports["api2"]
    first = one.run()
    assert (answers(old), answers(new)) == (True, False)

    # Another port, and a service that does not get well: the restore brings the old port back.
    map_ports(one, f"{{{old}: {new}}}")
    (one.root / "api/www/health").unlink()
    one.commit("another port, and no health")
    assert one.run(code=4)["running"] == first["release"]
    assert (answers(old), answers(new)) == (True, False)

    # Well this time; and back by hand, while the checkout goes on saying the new port.
    one.write("api/www/health", "ok\n")
    one.write("api/www/index.html", "api 2\n")
    one.commit("well")
    assert one.run()["outcome"] == "healthy"
    assert (answers(old), answers(new)) == (False, True)
    ran = one.windlass("rollback", "production", "--json")
    assert (ran.code, ran.json["running"]) == (0, first["release"]), ran.out + ran.err
    assert (answers(old), answers(new)) == (True, False)
    differs = one.windlass("diff", "production", "--exit-code")
    assert differs.code == 0, differs.out
