"""A plan as a document: the report of `windlass plan --json`, and a file that `windlass run --plan` executes as it stands.

Values of build arguments are in neither: fingerprints hold hashes of them, and the file names the commit they came from.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from windlass.errors import ConfigError, UsageError
from windlass.model.plan import BaseImage, Fingerprint, Input, Plan, ServicePlan
from windlass.model.project import Project
from windlass.model.source import Source

SCHEMA = 1


def report(plan: Plan, project: Project) -> dict[str, Any]:
    """The contract of `windlass plan --json`; what cannot be planned comes as a build that gives its reason."""
    services = [
        {
            "name": item.service.name,
            "action": item.action,
            "reasons": list(item.reasons),
            "fingerprint": item.fingerprint.digest,
            "image": _image(project, item),
            "tests": None if item.service.test is None else ("known" if item.tested else "to run"),
        }
        for item in plan.services
    ]
    services += [
        {"name": name, "action": "build", "reasons": [reason], "fingerprint": None, "image": None, "tests": None}
        for name, reason in plan.failed.items()
    ]
    return {
        "commit": plan.source.commit,
        "dirty": plan.source.dirty,
        "environment": plan.environment,
        "platforms": list(plan.platforms),
        "services": services,
        "notes": list(plan.notes),
    }


def dumps(plan: Plan) -> str:
    """A plan as text that `loads` reads back."""
    services = []
    for item in plan.services:
        fields = asdict(replace(item, fingerprint=replace(item.fingerprint, inputs=tuple(item.fingerprint.inputs))))
        fields["service"] = item.service.name
        services.append(fields)
    document = {
        "windlass-plan": SCHEMA,
        "source": asdict(plan.source),
        "environment": plan.environment,
        "platforms": plan.platforms,
        "services": services,
        "notes": plan.notes,
        "failed": dict(plan.failed),
    }
    return json.dumps(document, indent=1, ensure_ascii=False, default=dict) + "\n"


def source_of(text: str, where: str) -> Source:
    """What a saved plan delivers: needed before the project can be loaded. Raises ConfigError as `loads`."""
    try:
        return Source(**_document(text, where)["source"])
    except (KeyError, TypeError) as error:
        raise _broken(where) from error


def loads(text: str, project: Project, where: str) -> Plan:
    """A saved plan, its services those of the project.

    Raises:
        ConfigError: not a saved plan, or the project has other services; `where` names the file.
    """
    document = _document(text, where)
    known = {service.name: service for service in project.services}
    try:
        missing = [item["service"] for item in document["services"] if item["service"] not in known]
        if missing:
            raise ConfigError(
                f"it plans the service '{missing[0]}', which the project does not have",
                where=where,
                remedy="make the plan again",
            )
        return Plan(
            source=Source(**document["source"]),
            environment=document["environment"],
            platforms=tuple(document["platforms"]),
            services=tuple(
                ServicePlan(
                    service=known[item["service"]],
                    action=item["action"],
                    reasons=tuple(item["reasons"]),
                    fingerprint=_fingerprint(item["fingerprint"]),
                    digest=item["digest"],
                    bases=tuple(_base(base) for base in item["bases"]),
                    needs=tuple(item["needs"]),
                    test_fingerprint=item["test_fingerprint"],
                    tested=item["tested"],
                    links=tuple((name, other) for name, other in item["links"]),
                    frontend=_base(item["frontend"]) if item["frontend"] else None,
                    fresh=item.get("fresh") is True,
                    lfs=tuple(item.get("lfs", ())),
                )
                for item in document["services"]
            ),
            notes=tuple(document["notes"]),
            failed=document["failed"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _broken(where) from error


def _document(text: str, where: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _broken(where) from error
    if not isinstance(document, dict) or "windlass-plan" not in document:
        raise _broken(where)
    if document["windlass-plan"] != SCHEMA:
        raise UsageError(
            "this plan was saved by another version of windlass", where=where, remedy="make the plan again"
        )
    return document


def _broken(where: str) -> ConfigError:
    return ConfigError("this is not a saved plan", where=where, remedy="write one with windlass plan --save FILE")


def _fingerprint(document: dict[str, Any]) -> Fingerprint:
    inputs = tuple(Input(**item) for item in document["inputs"])
    return Fingerprint(document["digest"], inputs, tuple(document["unpinned"]))


def _base(document: dict[str, Any]) -> BaseImage:
    onbuild = document["onbuild"]
    return BaseImage(**{**document, "onbuild": None if onbuild is None else tuple(onbuild)})


def _image(project: Project, item: ServicePlan) -> str | None:
    if item.digest is None:
        return None
    return f"{project.registry.host}/{project.registry.repository(item.service.image)}@{item.digest}"
