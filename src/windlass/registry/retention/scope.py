"""What of a registry is the project's own, and what its tags mean. Pure.

A registry may be shared: only repositories of the project's services, present and past, and what Windlass itself stores
are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from windlass.model.project import Project
from windlass.oci.records import FINGERPRINTS, TESTS

_DEFAULT = "{branch}-{sha}"
_SHA = r"(?P<sha>[0-9a-f]{7})(?:-dirty-[0-9a-f]{7})?"
_BRANCH = r".+"
_REFERRER = re.compile(r"(sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})(?:\..+)?")
CACHE = "windlass/cache"


@dataclass(frozen=True)
class TagNames:
    """Tells a commit's tags from moving ones, by the templates they were made from (`Environment.tags`)."""

    templates: tuple[str, ...] = ()

    def commit(self, tag: str) -> tuple[str, str] | None:
        """The branch and the short commit id that a tag stands for; None for a moving tag.

        The branch is what comes before the commit: `develop` of `develop-def5678`.
        """
        if any(pattern.fullmatch(tag) for pattern in self._moving):
            return None
        for pattern in self._fixed:
            if match := pattern.fullmatch(tag):
                return tag[: match.start("sha")].rstrip("-._"), match["sha"]
        return None

    @cached_property
    def _fixed(self) -> list[re.Pattern[str]]:
        return [_pattern(one) for one in dict.fromkeys((*self.templates, _DEFAULT)) if "{sha}" in one]

    @cached_property
    def _moving(self) -> list[re.Pattern[str]]:
        return [_pattern(one) for one in dict.fromkeys(self.templates) if "{sha}" not in one and "{branch}" not in one]


@dataclass(frozen=True, slots=True)
class Scope:
    """The project's part of a registry. Repositories are named without the host.

    `images` hold images; `fingerprints`, `tests` and `cache` what Windlass stores, perhaps for several projects.
    `cache_tags` are the project's own in `cache`; `steady` its environments' branches, as tags spell them.
    """

    images: frozenset[str]
    fingerprints: str
    tests: str
    cache: str
    cache_tags: frozenset[str] = frozenset()
    steady: frozenset[str] = frozenset()
    names: TagNames = TagNames()

    @property
    def repositories(self) -> tuple[str, ...]:
        """Images first: a record must not seem to have lost an image that was pushed while the registry was being read."""
        return (*sorted(self.images), self.fingerprints, self.tests, self.cache)


def scope_of(project: Project, repositories: Sequence[str], cache_tag: Callable[[str], str]) -> Scope:
    """A project's part of its registry.

    Args:
        repositories: others that its releases came from (`Protected.repositories`).
        cache_tag: the tag of an image (name without prefix) in the cache repository.
    """
    registry = project.registry
    own = frozenset((*(registry.repository(service.image) for service in project.buildable), *repositories))
    kept = {registry.repository(name) for name in (FINGERPRINTS, TESTS, CACHE)}
    inner = f"{registry.prefix}/" if registry.prefix else ""
    return Scope(
        images=own - kept,
        fingerprints=registry.repository(FINGERPRINTS),
        tests=registry.repository(TESTS),
        cache=registry.repository(CACHE),
        cache_tags=frozenset(cache_tag(name.removeprefix(inner)) for name in own),
        steady=frozenset(branch_in_tag(one.branch) for one in project.environments if one.branch),
        names=TagNames(tuple(_template(tag, one.branch) for one in project.environments for tag in one.tags)),
    )


def _template(tag: str, branch: str | None) -> str:
    """A moving tag is known in full: its branch might look like a commit."""
    return tag if "{sha}" in tag or branch is None else tag.replace("{branch}", branch_in_tag(branch))


def branch_in_tag(branch: str) -> str:
    """A branch, or a pattern of branches, as it stands in tags: `feature/x` is `feature-x` there."""
    return re.sub(r"^[.-]+", "", re.sub(r"[^A-Za-z0-9_.*-]+", "-", branch)[:80])


def refers_to(tag: str) -> str | None:
    """The digest that a tag says its artifact refers to: `sha256-<hex>` (OCI Distribution 1.1, "Referrers Tag Schema"),
    or with a suffix, as cosign names signatures."""
    found = _REFERRER.fullmatch(tag) if tag.startswith("sha") else None
    return found[1].replace("-", ":", 1) if found else None


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{branch\}|\{sha\})", template)
    return re.compile(
        "".join({"{branch}": _BRANCH, "{sha}": _SHA}.get(part, re.escape(part)) for part in parts), re.ASCII
    )
