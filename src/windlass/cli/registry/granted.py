"""Grants as words and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windlass.registry.server.access.caller import Grant


def grants_document(grants: Iterable[Grant]) -> list[dict[str, object]]:
    return [{"repositories": grant.repositories, "actions": sorted(grant.actions)} for grant in grants]


def grants_words(grants: Iterable[Grant]) -> str:
    return "; ".join(f"{', '.join(sorted(grant.actions))} on {grant.repositories}" for grant in grants) or "nothing"
