"""Names of images and platforms, brought to the one form they are compared in."""

from __future__ import annotations

import re

_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm/v7", "armel": "arm/v6"}


def familiar(name: str) -> str:
    """An image name as named build contexts compare it: without Docker Hub's host, `library/` and `:latest`."""
    for host in ("docker.io/", "index.docker.io/"):
        name = name.removeprefix(host)
    return name.removeprefix("library/").removesuffix(":latest")


def untagged(name: str) -> str:
    """An image name without its tag and digest."""
    name = name.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name


def digest_of(name: str) -> str | None:
    """The digest an image name ends in, when it does."""
    found = _DIGEST.search(name)
    return found[1] if found else None


def platform_of(name: str) -> str:
    """`os/architecture[/variant]`, with the variants that mean nothing left out."""
    parts = name.lower().split("/")
    if len(parts) == 1:
        parts = ["linux", *parts]
    system, architecture, *variant = "/".join([parts[0], _ARCHITECTURES.get(parts[1], parts[1]), *parts[2:]]).split("/")
    if architecture == "arm64" and variant == ["v8"]:
        variant = []
    if architecture == "arm" and not variant:
        variant = ["v7"]
    if architecture == "amd64" and variant == ["v1"]:
        variant = []
    return "/".join([system, architecture, *variant])


def is_remote(place: str) -> bool:
    """Whether a build context or an ADD source is fetched from elsewhere."""
    return "://" in place or place.startswith(("git@", "github.com/"))


def pinned_commit(url: str) -> str | None:
    """The full commit a git URL is pinned to (`…#COMMIT`, `…#COMMIT:folder`, `?commit=`, `?checksum=`), or None."""
    _, _, fragment = url.partition("#")
    if fragment and _COMMIT.fullmatch(fragment.partition(":")[0]):
        return fragment.partition(":")[0]
    found = re.search(r"[?&](?:commit|checksum)=([0-9a-f]+)", url)
    return found[1] if found and _COMMIT.fullmatch(found[1]) else None
