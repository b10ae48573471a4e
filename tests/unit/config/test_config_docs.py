"""What is written about the configuration is true: the example loads, every key is there, the schema is current."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from windlass.compose import load as compose
from windlass.config import engine, models, prices, retention, rules, schema, tls
from windlass.config.load import load_project
from windlass.model.project import HealthCheck, RegistrySpec

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "configuration.md").read_text(encoding="utf-8")


def test_the_documented_example_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
    (tmp_path / "windlass.yaml").write_text(example)
    for name in ("docker-compose.yml", "docker-compose.staging.yml", ".trivyignore", "tests/api.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "services/platform/tests").mkdir(parents=True)
    built = {"build": {"context": str(tmp_path)}}
    model = {"services": {"platform": built, "image-classifier": built}}
    monkeypatch.setattr(compose, "read", lambda *args, **kwargs: compose.Loaded(model))
    project = load_project(tmp_path)
    assert project.registry == RegistrySpec("crankplatformregistry.azurecr.io", "team")
    assert project.service("platform").health == (
        HealthCheck("platform", 8443, "/health/live", "https", insecure=True, status=200),
    )
    assert project.environment("production").tags == ("main-{sha}", "latest")
    assert project.environment_of("develop") == project.environment("staging")
    assert project.environment("staging").ready_timeout == 180


def test_the_examples_of_edges_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (DOCS / "deployments.md").read_text(encoding="utf-8")
    examples = [text for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "edge:" in text]
    built = {"build": {"context": str(tmp_path)}}
    model = {"services": {"platform": built, "shop": {"image": "shop"}, "api": {"image": "api"}}}
    monkeypatch.setattr(compose, "read", lambda *args, **kwargs: compose.Loaded(model))
    (tmp_path / "docker-compose.yml").touch()
    found = []
    for example in examples:
        (tmp_path / "windlass.yaml").write_text(f"project: crank\n{example}")
        edge = load_project(tmp_path).environment("production").edge
        assert edge is not None
        found += [spec.service for spec in edge.tls] + [spec.service for spec in edge.sni]
    assert found == ["platform", "shop", "api"]


SECTIONS = (
    models.ProjectSection,
    models.RegistrySection,
    models.ScanSection,
    prices.CostSection,
    prices.TierSection,
    retention.RetentionSection,
    models.ServiceSection,
    models.HealthSection,
    models.EnvironmentSection,
    models.EdgeSection,
    tls.TlsSection,
    engine.EngineSection,
    rules.ApprovalsSection,
    rules.FreezeSection,
)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_has_its_row(section: type[models.Section]) -> None:
    missing = [key for key in section.model_fields if f"| `{key}` |" not in PAGE]
    assert not missing


def _descriptions(node: Any) -> list[str]:
    if isinstance(node, dict):
        bare = [key for key, field in node.get("properties", {}).items() if not _described(field)]
        return bare + [name for value in node.values() for name in _descriptions(value)]
    return [name for item in node for name in _descriptions(item)] if isinstance(node, list) else []


def _described(field: dict[str, Any]) -> bool:
    return "description" in field or "$ref" in field


def test_the_committed_schema_is_current_and_describes_every_key() -> None:
    committed = (DOCS / "windlass.schema.json").read_text(encoding="utf-8")
    assert committed == schema.text(), "run: python -m windlass.config.schema > docs/windlass.schema.json"
    assert _descriptions(json.loads(committed)) == []


def test_the_schema_knows_the_short_forms() -> None:
    properties = schema.schema()["properties"]
    assert {"type": "string"}.items() <= properties["registry"]["anyOf"][0].items()
    environment = schema.schema()["$defs"]["EnvironmentSection"]["properties"]
    assert environment["ready_timeout"]["type"] == "string"
    assert re.fullmatch(environment["ready_timeout"]["pattern"], environment["ready_timeout"]["default"])
