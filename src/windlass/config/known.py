"""A windlass.yaml that was found right before: what came of it is kept, so that the models need not be loaded again.

They take longer to load than everything else that reading a project needs. What is kept is what the file says, with
defaults; nothing of the environment goes into it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from windlass.paths import cache_dir

if TYPE_CHECKING:
    from pydantic import BaseModel

    from windlass.config.models import ProjectSection

_MOST = 200
_JUDGES = (
    "models.py",
    "section.py",
    "prices.py",
    "retention.py",
    "rules.py",
    "duration.py",
    "engine.py",
    "edge.py",
    "tls.py",
    "sni.py",
)


def recall(data: bytes) -> ProjectSection | None:
    """What a file of exactly these bytes means, if it is known; attributes are those of the model."""
    try:
        found = _restored(json.loads(_place(data).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return cast("ProjectSection", found) if isinstance(found, SimpleNamespace) else None


def remember(data: bytes, section: ProjectSection) -> None:
    """Keep what a file means. Where nothing can be written, nothing is kept."""
    place = _place(data)
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = sorted(place.parent.iterdir(), key=lambda file: file.stat().st_mtime)
        for old in kept[:-_MOST]:
            old.unlink(missing_ok=True)
        written = place.with_suffix(".new")
        written.write_text(json.dumps(_plain(section)))
        written.replace(place)
    except OSError:
        pass


def _place(data: bytes) -> Path:
    """Named after the file's content and after what judges it: another version of Windlass may read it differently."""
    judged = hashlib.sha256()
    for name in _JUDGES:
        judged.update((Path(__file__).parent / name).read_bytes())
    judged.update(data)
    return cache_dir() / "config" / judged.hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {"map": [[key, _plain(item)] for key, item in value.items()]}
    if hasattr(value, "model_fields_set"):
        section: BaseModel = value
        fields = {name: _plain(getattr(section, name)) for name in type(section).model_fields}
        return {"set": sorted(section.model_fields_set), "fields": fields}
    return value


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "map" in value:
        return {key: _restored(item) for key, item in value["map"]}
    fields = {name: _restored(item) for name, item in value["fields"].items()}
    return SimpleNamespace(**fields, model_fields_set=frozenset(value["set"]))
