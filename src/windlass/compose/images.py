"""The parts of an image reference, as a Compose file writes it."""

from __future__ import annotations


def repository_of(image: str) -> str:
    """The repository, without registry host, tag and digest: `ghcr.io/team/app:1` → `team/app`."""
    name = image.partition("@")[0]
    if registry_of(name):
        name = name.partition("/")[2]
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(":")[0]


def registry_of(image: str) -> str | None:
    """The registry host, if the reference names one: its first part holds a dot or a port, or is `localhost`."""
    head, slash, _ = image.partition("/")
    return head if slash and ("." in head or ":" in head or head == "localhost") else None
