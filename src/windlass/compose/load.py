"""Compose files, loaded by Docker Compose itself (`docker compose config`, which needs no engine).

Compose's meaning (interpolation, env_file, extends, include, profiles, merging) is its own: nothing is re-implemented.
The result holds interpolated values, private ones among them: it stays in memory and is never written to disk.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from windlass import process
from windlass.compose import messages
from windlass.compose.images import repository_of
from windlass.compose.overlay import without_env_files
from windlass.compose.program import direct
from windlass.errors import ConfigError

ComposeModel: TypeAlias = dict[str, Any]
"""The JSON document that `docker compose config --format json` prints: services, networks, volumes, secrets, configs."""

_PLACEHOLDER = "windlass-has-no-value-for-this"
_MOST_MISSING = 64


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model and what Compose said about it: `warnings` are whole sentences, `unset` the variables without a value."""

    model: ComposeModel = field(repr=False)
    warnings: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()


def load(
    files: Sequence[Path],
    *,
    directory: Path,
    env_files: Sequence[Path] = (),
    environ: Mapping[str, str] | None = None,
    project: str | None = None,
    checkout: Path | None = None,
) -> ComposeModel:
    """The model alone of `read`, with the same arguments and errors."""
    return read(
        files, directory=directory, env_files=env_files, environ=environ, project=project, checkout=checkout
    ).model


def read(
    files: Sequence[Path],
    *,
    directory: Path,
    env_files: Sequence[Path] = (),
    environ: Mapping[str, str] | None = None,
    project: str | None = None,
    checkout: Path | None = None,
    builds_only: bool = False,
    shown_from: Path | None = None,
) -> Loaded:
    """The merged and interpolated model of some Compose files, services of all profiles included.

    Strings come with `$` escaped as `$$`, as Compose prints them: pass them back to Compose as they are, and through
    `unescape` for every other use.

    Args:
        directory: what relative paths start from (and where `.env` is looked for unless `env_files` are given).
        environ: variables for interpolation, added to this process's own.
        project: Compose's project name; its own rule otherwise.
        checkout: the checkout that `directory` was materialised from. Its `.env` is taken when the directory has none,
            since that file is rarely committed.
        builds_only: what only running services need may be missing: an `env_file`, or a required variable that no
            `build` uses. Each is a warning then.
        shown_from: the folder that paths in messages are relative to; `directory` otherwise.

    Raises:
        ConfigError: Compose refuses the files; one line that names the file.
        EnvironmentUnusable: Docker Compose is not installed.
    """
    shown = shown_from or directory
    _must_exist(files, env_files, shown)
    used = _env_files(env_files, directory, checkout)
    argv = config_command(files, directory=directory, env_files=used, project=project)
    done = _config(argv, directory, environ)
    notes: list[str] = []
    if not done.ok and builds_only:
        bare = config_command([*files, Path("-")], directory=directory, env_files=used, project=project)
        done, notes = _without_secrets(done, bare, files, directory, environ)
    if not done.ok:
        raise messages.refusal(done.stderr, [_short(file, shown) for file in files], shown)
    said = messages.warnings(done.stderr, shown)
    return Loaded(_parse(done.stdout), (*said, *notes), messages.unset(done.stderr))


def project_directory(files: Sequence[str]) -> str:
    """What Compose resolves relative paths against when nothing else is said: the folder of the first file.

    Args:
        files: paths relative to the repository root; so is the result ("." for the root).
    """
    return PurePosixPath(files[0]).parent.as_posix()


def config_command(
    files: Sequence[Path], *, directory: Path, env_files: Sequence[Path] = (), project: str | None = None
) -> list[str]:
    """The argument vector of `docker compose config` for these files, all profiles on, without an output format."""
    argv = ["docker", "compose", "--profile", "*", "--project-directory", str(directory)]
    for file in files:
        argv += ["-f", str(file)]
    for env_file in env_files:
        argv += ["--env-file", str(env_file)]
    if project is not None:
        argv += ["-p", project]
    return [*argv, "config"]


def unescape(value: Any) -> Any:
    """The same document with every `$$` as the `$` it stands for."""
    if isinstance(value, str):
        return value.replace("$$", "$") if "$" in value else value
    if isinstance(value, dict):
        return {key: unescape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unescape(item) for item in value]
    return value


def _env_files(given: Sequence[Path], directory: Path, checkout: Path | None) -> Sequence[Path]:
    if given or checkout is None or checkout == directory or (directory / ".env").exists():
        return given
    own = checkout / ".env"
    return [own] if own.is_file() else given


def _must_exist(files: Sequence[Path], env_files: Sequence[Path], shown: Path) -> None:
    for file in files:
        if not file.is_file():
            found = "is a folder" if file.is_dir() else "does not exist"
            raise ConfigError(
                f"this Compose file {found}; write the path of one that exists", where=_short(file, shown)
            )
    for file in env_files:
        if not file.is_file():
            raise ConfigError(
                "this env file does not exist; create it, or take it out of env_files", where=_short(file, shown)
            )


def _without_secrets(
    done: process.Completed,
    argv: Sequence[str],
    files: Sequence[Path],
    directory: Path,
    environ: Mapping[str, str] | None,
) -> tuple[process.Completed, list[str]]:
    """Try again without env files and with placeholders for required variables, as long as that is why Compose refuses."""
    overlay = "services: {}\n"
    filled: dict[str, str] = {}
    notes: list[str] = []
    first = done
    while not done.ok and len(notes) < _MOST_MISSING:
        env_file, name = messages.missing_env_file(done.stderr), messages.required_variable(done.stderr)
        if env_file is not None and not overlay.count("env_file"):
            overlay = without_env_files(files, directory)
            notes.append(f"the env file {_short(Path(env_file), directory)} does not exist here; deploying needs it")
        elif name is not None and name not in filled:
            filled[name] = _PLACEHOLDER
            notes.append(f"the variable {name} has no value here; deploying needs it")
        else:
            return done, []
        done = _config(argv, directory, {**(environ or {}), **filled}, overlay)
    if done.ok and filled and any(_PLACEHOLDER in json.dumps(build) for build in _builds(_parse(done.stdout))):
        return first, []
    return done, notes


def _builds(model: ComposeModel) -> list[Any]:
    """What decides about images: placeholders must not get into these."""
    return [
        (service.get("build"), repository_of(str(service.get("image") or "")))
        for service in (model.get("services") or {}).values()
        if service.get("build") is not None
    ]


def _config(
    argv: Sequence[str], directory: Path, environ: Mapping[str, str] | None, overlay: str | None = None
) -> process.Completed:
    argv = direct(argv)
    form = "yaml" if _may_hold_extensions(argv) else "json"
    done = process.run([*argv, "--format", form], cwd=directory, env=environ, input=overlay)
    if not done.ok and "MarshalJSON" in done.stderr:
        # Compose 2.26 cannot write some values as JSON (an ssh key with a path); the same model as YAML works.
        done = process.run([*argv, "--format", "yaml"], cwd=directory, env=environ, input=overlay)
    return done


def _may_hold_extensions(argv: Sequence[str]) -> bool:
    """Whether services may carry `x-…` keys: Compose 2.26 leaves these out of its JSON, and keeps them in its YAML.

    Files brought in by `include` or `extends` are not known here, so their presence counts as well. JSON is taken where
    it can be because it is read several times faster.
    """
    files = (Path(value) for flag, value in itertools.pairwise(argv) if flag == "-f" and value != "-")
    return any(mark in file.read_bytes() for file in files for mark in (b"x-windlass", b"include", b"extends"))


def _parse(text: str) -> ComposeModel:
    if text.lstrip().startswith("{"):
        model: ComposeModel = json.loads(text)
        return model
    import yaml

    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}


def _short(path: Path, directory: Path) -> str:
    try:
        return path.relative_to(directory).as_posix()
    except ValueError:
        return str(path)
