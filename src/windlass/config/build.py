"""Compose's `build` section of a service, as a BuildSpec with paths relative to the repository root.

`docker compose config` prints absolute paths and `$` as `$$`; both are undone here. Source: the Compose Build Specification.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from windlass.errors import ConfigError
from windlass.model.project import BuildSecret, BuildSpec


def build_spec(
    service: str,
    section: Mapping[str, Any],
    secrets: Mapping[str, Any],
    *,
    directory: Path,
    root: Path,
    environ: Mapping[str, str],
) -> BuildSpec:
    """One service's `build`.

    Args:
        section: the unescaped `build` mapping as Compose prints it.
        secrets: the file's top-level `secrets`.
        directory: the folder that Compose resolved paths against; `root` is the checkout it stands for.
        environ: where an arg without a value gets it from; without one there it is left out, as Compose does.

    Raises:
        ConfigError: a build secret without a source.
    """

    def local(path: str) -> str:
        return relative(path, directory, root)

    context = local(str(section.get("context", ".")))
    inline = section.get("dockerfile_inline")
    dockerfile = str(section.get("dockerfile") or "Dockerfile")
    args = {
        str(name): str(environ[name] if value is None else value)
        for name, value in (section.get("args") or {}).items()
        if value is not None or name in environ
    }
    return BuildSpec(
        context=context,
        dockerfile=local(dockerfile) if _absolute(dockerfile) else _below(context, dockerfile),
        dockerfile_inline=inline,
        target=section.get("target") or None,
        args=args,
        contexts={str(name): local(str(path)) for name, path in (section.get("additional_contexts") or {}).items()},
        secrets=tuple(_secret(service, item, secrets, local) for item in section.get("secrets") or ()),
        ssh=tuple(_in_checkout(item, directory, root) for item in _ssh(section.get("ssh"))),
        labels={str(name): str(value) for name, value in (section.get("labels") or {}).items()},
        network=section.get("network") or None,
        platforms=tuple(section.get("platforms") or ()),
        options=tuple(_options(section)),
    )


def _options(section: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Settings that are handed to the builder as they are."""
    hosts = section.get("extra_hosts") or ()
    if isinstance(hosts, Mapping):
        hosts = [f"{name}={address}" for name, found in hosts.items() for address in _listed(found)]
    for host in hosts:
        name, _, address = str(host).partition("=" if "=" in str(host) else ":")
        yield "add-host", f"{name}:{address}"
    if section.get("shm_size"):
        yield "shm-size", str(section["shm_size"])
    for name, limit in (section.get("ulimits") or {}).items():
        yield "ulimit", f"{name}={limit['soft']}:{limit['hard']}" if isinstance(limit, Mapping) else f"{name}={limit}"
    entitled = [*(section.get("entitlements") or ()), *(["security.insecure"] if section.get("privileged") else ())]
    for entitlement in dict.fromkeys(entitled):
        yield "allow", str(entitlement)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def is_remote(context: str) -> bool:
    """Whether a build context is not a path: a URL, `git@…`, `github.com/…`, `docker-image://…`, `service:…`."""
    return "://" in context or context.startswith(("git@", "github.com/", "service:", "target:"))


def relative(path: str, directory: Path, root: Path) -> str:
    """A path as Compose prints it, relative to the repository root; what lies outside of it stays absolute (seen from the checkout)."""
    if is_remote(path) or not _absolute(path):
        return path
    below = os.path.relpath(path, directory)
    if below == ".." or below.startswith("../"):
        inside = os.path.relpath(path, root)
        if not inside.startswith(".."):
            return Path(inside).as_posix()
        # A context beside a materialised commit does not exist; the one beside the checkout is meant.
        return os.path.normpath(path if directory == root else root / below)
    return Path(below).as_posix()


def _absolute(path: str) -> bool:
    return PurePosixPath(path).is_absolute()


def _below(context: str, dockerfile: str) -> str:
    """Inside a remote context, a Dockerfile's path is relative to that."""
    return dockerfile if is_remote(context) else posixpath.normpath(posixpath.join(context, dockerfile))


def _secret(service: str, item: Any, secrets: Mapping[str, Any], local: Any) -> BuildSecret:
    source = item if isinstance(item, str) else str(item.get("source", ""))
    id = source if isinstance(item, str) else str(item.get("target") or source)
    declared = secrets.get(source) or {}
    if environment := declared.get("environment"):
        return BuildSecret(id, environment=environment)
    if file := declared.get("file"):
        return BuildSecret(id, file=local(str(file)))
    raise ConfigError(
        f"the build secret '{source}' has no file and no environment; write secrets: {{{source}: {{environment: NAME}}}}",
        where=f"services.{service}.build.secrets",
    )


def _in_checkout(ssh: str, directory: Path, root: Path) -> str:
    """Keys are never committed: a key below a materialised commit is the one at the same place in the checkout."""
    id, equals, path = ssh.partition("=")
    if not equals or not _absolute(path):
        return ssh
    return f"{id}={root / relative(path, directory, root)}"


def _ssh(value: Any) -> tuple[str, ...]:
    """`default`, or `id=path`; Compose prints a list of either, in YAML with `id: path`."""
    if not value:
        return ()
    if isinstance(value, Mapping):
        return tuple(f"{id}={path}" if path else str(id) for id, path in value.items())
    items: list[str] = []
    for item in value:
        if isinstance(item, Mapping):
            items += _ssh(item)
        else:
            items.append(str(item).replace(": ", "=", 1))
    return tuple(items)
