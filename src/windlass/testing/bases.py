"""Base images without a registry."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from windlass.errors import EnvironmentUnusable
from windlass.model.plan import BaseImage
from windlass.oci import reference as references


class FakeBaseImages:
    """Every image exists for the given platforms, its digest made from its name and its `version`; `move` makes it another one.

    `missing` names images that no registry has; `onbuild` gives an image triggers; `asked` lists the names in order.
    """

    def __init__(self, platforms: Sequence[str] = ("linux/amd64", "linux/arm64")) -> None:
        self.platforms = tuple(platforms)
        self.missing: set[str] = set()
        self.onbuild: dict[str, tuple[str, ...] | None] = {}
        self.asked: list[str] = []
        self._versions: dict[str, int] = {}

    def move(self, name: str) -> None:
        """The tag points at another image from now on."""
        self._versions[name] = self._versions.get(name, 0) + 1

    def resolve(self, name: str, platforms: Sequence[str]) -> BaseImage:
        if name == "scratch":
            return BaseImage(name, "", {})
        self.asked.append(name)
        reference = references.parse(name)
        for platform in platforms:
            if name in self.missing or platform not in self.platforms:
                raise EnvironmentUnusable(
                    f"the base image {name} cannot be resolved\n  {reference.host}: it has no image for {platform}",
                    remedy="name an image that a registry has",
                )
        digest = reference.digest or self._made(name)
        children = {platform: self._made(f"{digest} {platform}") for platform in platforms}
        return BaseImage(name, digest, children, self.onbuild.get(name, ()))

    def _made(self, text: str) -> str:
        version = self._versions.get(text, 0)
        return f"sha256:{hashlib.sha256(f'{text} {version}'.encode()).hexdigest()}"
