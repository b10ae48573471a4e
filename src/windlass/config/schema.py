"""The JSON schema of `windlass.yaml`, for editors: `python -m windlass.config.schema > docs/windlass.schema.json`."""

from __future__ import annotations

import json
import sys
from typing import Any

_SHORT_REGISTRY = {
    "type": "string",
    "description": "`embedded`, or just the host of a registry.",
    "examples": ["embedded", "registry.example.com"],
}


def schema() -> dict[str, Any]:
    """The schema (JSON Schema draft 2020-12), short forms included."""
    from windlass.config.models import ProjectSection

    document = ProjectSection.model_json_schema(mode="validation")
    registry = document["properties"]["registry"]
    mapping = registry.pop("$ref", None) or registry.pop("allOf", [{}])[0].get("$ref")
    registry["anyOf"] = [_SHORT_REGISTRY, {"$ref": mapping}]
    registry["default"] = "embedded"
    for section in (document, *document["$defs"].values()):
        _tidy(section)
    edge = document["$defs"]["EnvironmentSection"]["properties"]["edge"]
    edge["anyOf"] = [{"type": "boolean"}, {"$ref": edge.pop("$ref")}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **document,
        "title": "windlass.yaml",
        "description": "How the services of a repository are built and delivered by Windlass.",
    }


def text() -> str:
    """The schema as the committed file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _tidy(section: dict[str, Any]) -> None:
    """What editors show: no titles made from key names, no `null` (a key is left out instead), durations as people write them."""
    from windlass.config.duration import PATTERN, write_duration

    section.pop("title", None)
    for name, field in section.get("properties", {}).items():
        field.pop("title", None)
        if field.get("default", ...) is None:
            del field["default"]
        choices = [choice for choice in field.get("anyOf", ()) if choice != {"type": "null"}]
        if len(choices) == 1:
            del field["anyOf"]
            section["properties"][name] = field = {**choices[0], **field}
        if field.get("pattern") == PATTERN and "default" in field:
            field["default"] = write_duration(field["default"])
        if isinstance(field.get("default"), dict):
            del field["default"]


if __name__ == "__main__":
    sys.stdout.write(text())
