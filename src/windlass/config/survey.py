"""What a repository that has never heard of Windlass holds: its Compose files, tried one by one, its Dockerfiles and branches."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

from windlass import process
from windlass.compose import load as compose
from windlass.compose.overlay import plain_document
from windlass.config.build import is_remote
from windlass.errors import ConfigError

_COMPOSE = re.compile(r"(?:.+[._-])?(?:docker-)?compose(?:[._-].+)?\.ya?ml", re.IGNORECASE)
_DOCKERFILE = re.compile(r"(?:docker|container)file(?:[._-].+)?|.+\.(?:docker|container)file", re.IGNORECASE)
_NOT_DOCKERFILE = (".dockerignore", ".md", ".py", ".sh", ".txt", ".yml", ".yaml", ".json", ".j2", ".tmpl")
_SKIPPED = {
    *("archive", "archived", "archives", "attic", "backup", "backups", "deprecated", "legacy", "old"),
    *("vendor", "vendored", "third_party", "third-party", "node_modules", "bower_components", "site-packages"),
    *(".git", ".venv", "venv", ".tox", ".nox", "__pycache__", ".terraform", ".devcontainer"),
}
_PLACEHOLDER = "1"
"""Stands for variables without a value while files are tried: it is good as a port, a tag and a name."""
_VARIABLE = re.compile(r"(?<!\$)(?:\$\$)*\$(?:\{([A-Za-z_]\w*)(?:(:?[-?+])((?:[^{}]|\{[^{}]*\})*))?\}|([A-Za-z_]\w*))")

Kind: TypeAlias = Literal["builds", "images", "override", "broken"]


@dataclass(frozen=True, slots=True)
class Missing:
    """A service whose build names a file or folder that is not there. `what` is relative to the root."""

    service: str
    what: str


@dataclass(frozen=True, slots=True)
class Variable:
    """An interpolated variable of a Compose file; `has_default` when the file works without it."""

    name: str
    has_default: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """One Compose file and what it is good for.

    `services` is what Compose makes of it, unescaped (of an override: only the names, read from the file itself);
    `reason` is why Compose refuses it, when it is broken.
    """

    path: str
    kind: Kind
    services: Mapping[str, Any] = field(repr=False)
    name: str | None = None
    missing: tuple[Missing, ...] = ()
    variables: tuple[Variable, ...] = ()
    reason: str = ""

    @property
    def built(self) -> tuple[str, ...]:
        return tuple(name for name, service in self.services.items() if service and service.get("build") is not None)

    @property
    def folder(self) -> str:
        return PurePosixPath(self.path).parent.as_posix()


@dataclass(frozen=True, slots=True)
class Survey:
    """All that `init` decides from. `files` are paths relative to the root, sorted; `folder` is the root's own name."""

    folder: str
    files: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    dockerfiles: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    default_branch: str | None = None
    test_stages: tuple[tuple[str, str], ...] = ()
    """(Dockerfile, stage) of the stages named `test` or `tests`."""


def survey(root: Path) -> Survey:
    """Look at everything below `root` that is tracked by git, or would be.

    Raises:
        EnvironmentUnusable: Docker Compose is not installed.
    """
    files = _files(root)
    dockerfiles = tuple(path for path in files if _is_dockerfile(path))
    branches, default = _branches(root)
    return Survey(
        folder=root.name,
        files=files,
        candidates=_candidates(root, [path for path in files if _COMPOSE.fullmatch(PurePosixPath(path).name)]),
        dockerfiles=dockerfiles,
        branches=branches,
        default_branch=default,
        test_stages=tuple(found for path in dockerfiles if (found := _test_stage(root, path)) is not None),
    )


def _candidates(root: Path, paths: Sequence[str]) -> tuple[Candidate, ...]:
    """Every file is a run of Compose: a few at a time."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        return tuple(pool.map(lambda path: _try(root, path), paths))


def variables(text: str) -> tuple[Variable, ...]:
    """The variables that a Compose file's text interpolates, by name; comments are passed over."""
    found: dict[str, bool] = {}
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for name, operator, default, bare in _VARIABLE.findall("\n".join(lines)):
        has_default = operator in ("-", ":-", "+", ":+")
        found[name or bare] = found.get(name or bare, True) and has_default
        for inner in variables(default) if default else ():
            found.setdefault(inner.name, inner.has_default)
    return tuple(Variable(name, found[name]) for name in sorted(found))


def _files(root: Path) -> tuple[str, ...]:
    listed = process.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root)
    paths = set(listed.stdout.split("\0")) if listed.ok else set(_walk(root))
    kept = (path for path in paths if path and not _SKIPPED & {part.lower() for part in path.split("/")[:-1]})
    return tuple(sorted(path for path in kept if (root / path).is_file()))


def _walk(root: Path) -> Iterable[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name.lower() not in _SKIPPED]
        for name in files:
            yield (Path(folder) / name).relative_to(root).as_posix()


def _is_dockerfile(path: str) -> bool:
    name = PurePosixPath(path).name
    return bool(_DOCKERFILE.fullmatch(name)) and not name.lower().endswith(_NOT_DOCKERFILE)


def _branches(root: Path) -> tuple[tuple[str, ...], str | None]:
    """Local and remote branch names, and the default one: what the remote's HEAD names, or the current one."""
    refs = process.run(["git", "for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes"], cwd=root)
    names: set[str] = set()
    for ref in refs.stdout.split() if refs.ok else ():
        kind, _, rest = ref.removeprefix("refs/").partition("/")
        name = rest if kind == "heads" else rest.partition("/")[2]
        if name and name != "HEAD":
            names.add(name)
    for ref in ("refs/remotes/origin/HEAD", "HEAD"):
        head = process.run(["git", "symbolic-ref", "--quiet", ref], cwd=root)
        if head.ok:
            name = head.stdout.strip().removeprefix("refs/remotes/origin/").removeprefix("refs/heads/")
            return tuple(sorted(names | {name})), name
    return tuple(sorted(names)), None


def _try(root: Path, path: str) -> Candidate:
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    used = variables(text)
    document = plain_document(root / path)
    declared = document.get("services")
    if isinstance(declared, dict) and (incomplete := _incomplete(declared)):
        return Candidate(path, "override", {str(name): None for name in declared}, variables=used, reason=incomplete[0])
    try:
        model = _loaded(root / path, used)
    except ConfigError as error:
        return Candidate(path, "broken", {}, variables=used, reason=error.message)
    services: Mapping[str, Any] = model.get("services") or {}
    if not services:
        return Candidate(path, "broken", {}, variables=used, reason="it declares no services")
    builds = any(service.get("build") is not None for service in services.values())
    name = document.get("name")
    return Candidate(
        path,
        "builds" if builds else "images",
        services,
        name=str(model.get("name")) if name else None,
        missing=tuple(_missing(root, services)),
        variables=used,
    )


def _incomplete(services: Mapping[Any, Any]) -> list[str]:
    """Services with nothing to run: such a file makes sense only after another one."""
    sources = ("image", "build", "extends")
    return [
        str(name)
        for name, service in services.items()
        if isinstance(service, dict) and not any(source in service for source in sources)
    ]


def _loaded(path: Path, used: tuple[Variable, ...]) -> Mapping[str, Any]:
    needed = {one.name: _PLACEHOLDER for one in used if not one.has_default and not os.environ.get(one.name)}
    try:
        model = compose.read([path], directory=path.parent, builds_only=True).model
    except ConfigError:
        if not needed:
            raise
        # Some values make sense only when they are there (a port, a name): try with something in their place.
        model = compose.read([path], directory=path.parent, builds_only=True, environ=needed).model
    unescaped: Mapping[str, Any] = compose.unescape(model)
    return unescaped


def _missing(root: Path, services: Mapping[str, Any]) -> Iterable[Missing]:
    for name, service in services.items():
        build = service.get("build")
        if build is None or is_remote(context := str(build.get("context", "."))):
            continue
        if not Path(context).is_dir():
            yield Missing(name, _relative(Path(context), root))
        elif not build.get("dockerfile_inline"):
            dockerfile = Path(context) / (build.get("dockerfile") or "Dockerfile")
            if not dockerfile.is_file():
                yield Missing(name, _relative(dockerfile, root))


def _relative(path: Path, root: Path) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")


def _test_stage(root: Path, path: str) -> tuple[str, str] | None:
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    found = re.search(r"^\s*FROM\s.*\sAS\s+(tests?)\s*$", text, re.IGNORECASE | re.MULTILINE)
    return (path, found[1]) if found else None
