"""`x-windlass` of a Compose service: the same keys as under `services` in windlass.yaml, which wins key by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from windlass.config.yaml import Document, Keys, read
from windlass.errors import ConfigError

if TYPE_CHECKING:
    from windlass.config.models import ServiceSection


def merged(
    name: str, service: Mapping[str, Any], own: ServiceSection | None, files: Sequence[str], directory: Path
) -> ServiceSection:
    """What is said about a service beside Compose.

    Raises:
        ConfigError: `x-windlass` holds something it may not; names the Compose file and line.
    """
    said = service.get("x-windlass")
    if said is None:
        return own or _nothing()
    below = _validated(name, said, files, directory)
    if own is None:
        return below
    return below.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})


def _nothing() -> ServiceSection:
    """A section without a word in it; the models are not loaded for that."""
    nothing = dict.fromkeys(("image", "heavy", "singleton", "refresh", "test", "health"))
    empty = SimpleNamespace(**nothing, model_fields_set=frozenset())
    return cast("ServiceSection", empty)


def _validated(name: str, said: Any, files: Sequence[str], directory: Path) -> ServiceSection:
    from pydantic import ValidationError

    from windlass.config.models import ServiceSection
    from windlass.config.problems import validate

    try:
        return ServiceSection.model_validate(said)
    except ValidationError:
        keys: Keys = ("services", name, "x-windlass")
        return validate(ServiceSection, said, _written_in(keys, files, directory), keys)


def _written_in(keys: Keys, files: Sequence[str], directory: Path) -> Document:
    """The Compose file in which something stands; the first one where none has it (an `include`, an `extends`)."""
    for file in reversed(files):
        try:
            document = read(directory / file, file)
        except ConfigError:
            continue  # Compose accepts YAML that is refused here (its own tags, for one); only the line is lost
        if keys in document.lines:
            return document
    return Document(files[0], None, {}, {})
