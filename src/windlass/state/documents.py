"""Releases and records as JSON documents, and back. Pure.

The documents hold names, digests and reasons; never the value of a variable or a secret.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from windlass.errors import WindlassError
from windlass.model.release import Lease, Record, Release, ReleasedService

SCHEMA = 1
_LEASE = tuple(field.name for field in fields(Lease))


def record_to_json(record: Record) -> str:
    """A record as an indented JSON text, its keys in the order of the model: it is read by people in `git log -p`."""
    return json.dumps({"schema": SCHEMA, **asdict(record)}, indent=2, ensure_ascii=False) + "\n"


def record_from_json(text: str, where: str) -> Record:
    """Raises WindlassError: not a record, or one written by a newer Windlass; `where` names it."""
    try:
        document = json.loads(text)
        if document["schema"] > SCHEMA:
            raise WindlassError(
                "this record was written by a newer Windlass", where=where, remedy="upgrade windlass on this machine"
            )
        return _record(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WindlassError(
            f"this record cannot be read ({type(error).__name__}: {error})",
            where=where,
            remedy="git log shows who wrote it; point the ref at an earlier commit to go on",
        ) from error


def _record(document: dict[str, Any]) -> Record:
    fields = {key: document[key] for key in ("sequence", "outcome", "at", "by", "running")}
    lease = document.get("lease")
    return Record(
        **fields,
        release=release_from_dict(document["release"]),
        reason=document.get("reason", ""),
        evidence=document.get("evidence"),
        kind=document.get("kind", "deploy"),
        lease=Lease(**{key: lease[key] for key in _LEASE if key in lease}) if lease else None,
        blamed=document.get("blamed") is True,
        retry=document.get("retry") is True,
    )


def release_from_dict(document: dict[str, Any]) -> Release:
    """Raises KeyError, TypeError: it is none."""
    return Release(
        id=document["id"],
        environment=document["environment"],
        commit=document["commit"],
        tree=document["tree"],
        compose=tuple(document["compose"]),
        services=tuple(
            ReleasedService(**{**service, "tags": tuple(service["tags"])}) for service in document["services"]
        ),
        created=document["created"],
        profiles=tuple(document["profiles"]),
        excluded=tuple((name, reason) for name, reason in document["excluded"]),
        branch=document["branch"],
        inactive=tuple(document.get("inactive", ())),
    )
