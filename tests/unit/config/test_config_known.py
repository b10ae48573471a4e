"""A windlass.yaml that was judged once is not judged again, and means the same."""

from __future__ import annotations

from typing import Any

from windlass.config import known
from windlass.config.models import ProjectSection

DOCUMENT: dict[str, Any] = {
    "project": "shop",
    "refresh": "never",
    "registry": {"host": "registry.example.com"},
    "services": {"app": {"heavy": False, "health": [{"port": 80}]}, "bare": {}},
    "environments": {"staging": {"ports": {"80": 8080}, "ready_timeout": "90s"}},
}


def test_what_was_kept_means_the_same() -> None:
    section = ProjectSection.model_validate(DOCUMENT)
    known.remember(b"text", section)
    found = known.recall(b"text")
    assert found is not None
    assert found.registry.host == "registry.example.com"
    assert found.refresh == float("inf")
    assert found.environments["staging"].ports == {80: 8080}
    assert found.environments["staging"].ready_timeout == 90.0
    assert found.services["app"].model_fields_set == {"heavy", "health"}
    assert found.services["app"].health is not None
    assert found.services["app"].health[0].port == 80


def test_another_text_is_not_known() -> None:
    known.remember(b"text", ProjectSection.model_validate(DOCUMENT))
    assert known.recall(b"text ") is None


def test_what_was_kept_badly_is_not_known() -> None:
    known.remember(b"text", ProjectSection.model_validate(DOCUMENT))
    for bad in ("", "[1", "[]]", '{"fields": 5}', "{}"):
        known._place(b"text").write_text(bad)
        assert known.recall(b"text") is None
