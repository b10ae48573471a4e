"""`windlass plan --audit` with a real builder and a real registry."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.cli.installation import Installation
from windlass.oci.client import RegistryClient
from windlass.oci.memory import RegistryMemory


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation.create(tmp_path, f"windlass-test-{uuid.uuid4().hex[:8]}")
    made.git("checkout", "-q", "-b", "topic")  # no environment follows it: runs publish and deploy nothing
    made.write(
        "web/Dockerfile", "FROM busybox:1\nCOPY web/www/ /www/\nRUN date > /built && cat /www/index.html > /copy\n"
    )
    made.commit("a step that gives another file each time it runs")
    yield made
    made.destroy()


def _image(report: Any, service: str) -> dict[str, Any]:
    return next(dict(one) for one in report["services"] if one["name"] == service)


def test_images_that_are_what_their_inputs_give_pass_and_another_one_is_named(installation: Installation) -> None:
    one = installation
    first = _image(one.run(), "api")
    one.write("api/www/index.html", "api 2\n")
    one.commit("api")
    one.run()

    audit = one.windlass("plan", "--audit", "5", "--json", "--progress", "quiet")
    assert audit.code == 0, audit.out + audit.err
    assert {entry["service"]: entry["differences"] for entry in audit.json["audit"]} == {"api": [], "web": []}

    # A record that names the image of other inputs: what a missed change leaves behind.
    registry = RegistryClient(f"127.0.0.1:{one.ports['registry']}")
    fingerprint = _image(audit.json, "api")["fingerprint"]
    RegistryMemory(registry).remember(first["repository"], fingerprint, first["digest"], (), "topic")
    before = list(registry.tags("windlass/fingerprints")), list(registry.tags("windlass/cache"))

    audit = one.windlass("plan", "--audit", "5", "--json", "--progress", "quiet")
    assert audit.code == 11, audit.out + audit.err
    found = {entry["service"]: entry for entry in audit.json["audit"]}
    assert found["web"]["differences"] == []
    assert found["api"]["remembered"] == first["digest"]
    for platform, text in zip(("linux/amd64", "linux/arm64"), found["api"]["differences"], strict=True):
        assert text.startswith(f"{platform}: layer ")
        assert text.endswith("from COPY lib/shared.txt api/www/ /www/: /www/index.html")
    assert (list(registry.tags("windlass/fingerprints")), list(registry.tags("windlass/cache"))) == before

    told = one.windlass("plan", "--audit", "5", "--progress", "quiet")
    assert told.code == 11
    assert "api" in told.out and "is not what its inputs give" in told.out


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_sample_of_nothing_is_refused(installation: Installation, number: str) -> None:
    ran = installation.windlass("plan", "--audit", number)

    assert ran.code == 64
    assert "Traceback" not in ran.err
