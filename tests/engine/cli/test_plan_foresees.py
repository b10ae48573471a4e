"""What `windlass plan` says of the deployment that would follow, before anything is touched."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.cli.installation import Installation, free_ports


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation.create(tmp_path, f"windlass-test-{uuid.uuid4().hex[:8]}")
    yield made
    made.destroy()


def test_what_is_replaced_and_why_and_what_users_would_notice(installation: Installation) -> None:
    one = installation
    assert one.windlass("plan", "--json").json["deployment"] == {"changes": [], "details": {}, "unknown": ""}
    one.run()
    before = one.containers("production")
    (more,) = free_ports(1)
    compose = (one.root / "compose.yml").read_text()
    one.write("motd/today.txt", "another\n")
    one.write("web/www/index.html", "web 2\n")
    one.write("compose.yml", compose.replace(f'ports: ["{one.ports["web"]}:8080"]', f'ports: ["{more}:8080"]'))
    planned = one.windlass("plan", "--json").json
    said = {change["service"]: change for change in planned["deployment"]["changes"]}
    assert said["api"]["action"] == "recreate" and not said["api"]["noticed"]
    assert said["web"]["reason"] == "its image changed"
    assert any("volumes: /motd" in sentence for sentence in planned["deployment"]["details"]["api"])
    (edge,) = [change for change in said.values() if change["noticed"]]
    assert f"port {more} is new" in edge["reason"]
    shown = one.windlass("plan").out
    assert "deployed to production, it would" in shown and "volumes: /motd" in shown
    assert "users would notice nothing" not in shown
    assert one.containers("production") == before
    assert len(one.windlass("history", "production", "--json").json["records"]) == 1
