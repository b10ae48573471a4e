"""`windlass init`: a `windlass.yaml` for a repository that has never heard of Windlass, every choice explained."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from windlass.compose.images import repository_of
from windlass.config import choose
from windlass.config.health import from_compose
from windlass.config.load import FILE
from windlass.config.render import Draft, EnvironmentDraft, ServiceDraft, render
from windlass.config.survey import Candidate, Survey, survey
from windlass.errors import ConfigError, Refused, UsageError
from windlass.model.project import HealthCheck

_REGISTRY_PORTS = {5077}


@dataclass(frozen=True, slots=True)
class Decision:
    """One choice: what it is about (a key of the file, or a path), and the sentence that explains it."""

    about: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Derived:
    """The file's text, why it says what it says, and what a person should look at."""

    text: str
    decisions: tuple[Decision, ...]
    warnings: tuple[str, ...] = ()


def derive(root: Path) -> Derived:
    """Read the repository and decide.

    Raises:
        ConfigError: there is no Compose file, or none that builds anything.
        EnvironmentUnusable: Docker Compose is not installed.
    """
    return decide(survey(root))


def write(root: Path, derived: Derived, force: bool = False) -> bool:
    """Write `windlass.yaml`; return whether anything changed.

    Raises:
        Refused: another one is there and `force` is not set.
        UsageError: it cannot be written.
    """
    path = root / FILE
    try:
        if path.is_file() and path.read_bytes() == derived.text.encode():
            return False
        if path.exists() and not force:
            raise Refused(f"{FILE} exists and says something else", where=str(path), remedy="windlass init --force")
        path.write_text(derived.text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror or error}", where=str(path)) from error
    return True


def decide(found: Survey) -> Derived:
    """The pure part of `derive`.

    Raises:
        ConfigError: as `derive`.
    """
    chosen = choose.builds_from(found.candidates)
    if chosen is None:
        raise _nothing_to_build(found)
    named = choose.image_names(chosen, found)
    environments, about = _environments(found, chosen, named.images)
    builds, others = (
        _why(chosen),
        _why_not(found, chosen, named, {file for one in environments for file in one.compose}),
    )
    services, health = _services(found, chosen, named)
    draft = Draft(
        project=_project(found, chosen),
        project_comment=_project_reason(chosen),
        registry_hint=(named.registry, named.source) if named.registry and named.source else None,
        compose=(chosen.path,),
        compose_comments=(builds, *(f"- {other.sentence}" for other in others)),
        services=services,
        services_comments=tuple(_sentences(named.reason, health)),
        environments=environments,
    )
    decisions = (
        Decision("project", draft.project_comment),
        Decision("compose", builds),
        *others,
        Decision("services", named.reason),
        *([Decision("services", health)] if health else ()),
        *about,
    )
    return Derived(render(draft), decisions, tuple(_warnings(found, chosen)))


def _nothing_to_build(found: Survey) -> ConfigError:
    if not found.candidates:
        count = len(found.dockerfiles)
        though = f", though there {'is 1 Dockerfile' if count == 1 else f'are {count} Dockerfiles'}" if count else ""
        return ConfigError(f"there is no Compose file here{though}; write a docker-compose.yml with a build section")
    said = "; ".join(
        f"{one.path}: {'it only changes services of another file' if one.kind == 'override' else one.reason or 'nothing to build'}"
        for one in found.candidates[:5]
    )
    return ConfigError(f"no Compose file here builds anything ({said}); add a build section to a service")


# -- the project and its files --------------------------------------------------------------------------------------


def _project(found: Survey, chosen: Candidate) -> str:
    name = chosen.name or found.folder
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:63] or "project"


def _project_reason(chosen: Candidate) -> str:
    return f"Named as in {chosen.path}." if chosen.name else "Named after the folder."


def _why(chosen: Candidate) -> str:
    count = len(chosen.built)
    builds = f"{chosen.path} declares {count} build{'' if count == 1 else 's'}"
    if not chosen.missing:
        return f"{builds}, and every file that {'it needs' if count == 1 else 'they need'} exists."
    return f"{builds}, more of which can work than in any other file; {_gone(chosen)}."


def _why_not(found: Survey, chosen: Candidate, named: choose.Named, used: set[str]) -> list[Decision]:
    return [
        Decision(one.path, f"{one.path} {_objection(one, chosen, named)}.")
        for one in found.candidates
        if one is not chosen and one.path not in used
    ]


def _objection(one: Candidate, chosen: Candidate, named: choose.Named) -> str:
    if one.kind == "broken":
        return f"is left out: Docker Compose refuses it ({one.reason})"
    if one.kind == "override":
        base = f" of {chosen.path}" if set(one.services) <= set(chosen.services) else " of another file"
        return f"is left out: it only changes services{base}; list it after that file where you want it"
    if one.missing:
        return f"is left out: {_gone(one)}"
    if one.kind == "images":
        foreign = choose.unbuilt(one, named.images)
        more = f", and {_few(foreign)} {'is' if len(foreign) == 1 else 'are'} not built here" if foreign else ""
        return f"is left out: it only runs ready-made images{more}"
    return f"is left out: {chosen.path} {_better(one, chosen)}"


def _better(one: Candidate, chosen: Candidate) -> str:
    if chosen.path in choose.DEFAULT_NAMES:
        return "is the file that Compose takes by default"
    if len(PurePosixPath(one.path).parts) > len(PurePosixPath(chosen.path).parts):
        return "is nearer to the root"
    if len(one.built) < len(chosen.built):
        return "builds more services"
    return "says more of what production needs" if choose.purpose(chosen.path) == "production" else "comes first"


def _gone(one: Candidate) -> str:
    first = one.missing[0]
    more = len(one.missing) - 1
    rest = f", and {more} more" if more else ""
    return f"it names files that do not exist ({first.what} for {first.service}{rest})"


def _few(names: list[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


# -- services -------------------------------------------------------------------------------------------------------


def _services(found: Survey, chosen: Candidate, named: choose.Named) -> tuple[tuple[ServiceDraft, ...], str]:
    drafts = []
    checked = 0
    stages = dict(found.test_stages)
    for name, service in chosen.services.items():
        said = service.get("x-windlass") or {}  # what stands there already is not written again: it would win
        health = None if "health" in said else _health(name, service)
        checked += health is not None
        build = service.get("build")
        image = named.images.get(name)
        default = said.get("image") or repository_of(str(service.get("image") or "")) or name.lower()
        tested = build is not None and "test" not in said
        drafts.append(
            ServiceDraft(
                name,
                image=image if build is not None and image != default else None,
                heavy="heavy" not in said and _wants_gpu(service),
                test_target=stages.get(_dockerfile(found, build)) if tested else None,
                health=health,
            )
        )
    sentence = ""
    if checked:
        sentence = (
            f"Health checks are those of {chosen.path}, asked from outside ({checked} of {len(drafts)} services)."
        )
    return tuple(drafts), sentence


def _health(name: str, service: Mapping[str, Any]) -> HealthCheck | None:
    """A query may hold an interpolated secret: such a check works all the same, but is not written down."""
    check = from_compose(name, service)
    return check if check is not None and "?" not in check.path else None


def _dockerfile(found: Survey, build: Mapping[str, Any]) -> str:
    """The path of a build's Dockerfile among those surveyed, or ""."""
    if build.get("dockerfile_inline"):
        return ""
    full = str(PurePosixPath(str(build.get("context", "."))) / str(build.get("dockerfile") or "Dockerfile"))
    near = [path for path in found.dockerfiles if full == path or full.endswith(f"/{path}")]
    return max(near, key=len, default="")


def _wants_gpu(service: Mapping[str, Any]) -> bool:
    devices = (((service.get("deploy") or {}).get("resources") or {}).get("reservations") or {}).get("devices") or ()
    return any("gpu" in (device.get("capabilities") or ()) for device in devices)


# -- environments ---------------------------------------------------------------------------------------------------


def _environments(
    found: Survey, chosen: Candidate, images: Mapping[str, str]
) -> tuple[tuple[EnvironmentDraft, ...], list[Decision]]:
    files = {name: choose.environment_files(name, chosen, images, found) for name in ("staging", "production")}
    by_path = {one.path: one for one in found.candidates}
    used = {name: [by_path[path] for path in paths] for name, paths in files.items()}
    room = choose.shift(choose.host_ports(used["staging"]), choose.host_ports(used["production"]), _REGISTRY_PORTS)
    drafts, decisions = [], []
    for name in ("staging", "production"):
        branch, exists = choose.branch_for(name, found)
        tags = (f"{branch}-{{sha}}",) if re.fullmatch(r"[A-Za-z0-9_.-]+", branch) else ("{branch}-{sha}",)
        moved = name == "staging"
        sentences = [_branch_reason(name, branch, exists), _files_reason(name, files[name], chosen, found)]
        if moved and (room.offset or room.ports):
            sentences.append(_ports_reason(room))
        secrets = _secrets(used[name])
        comments = tuple(_sentences(*sentences))
        decisions += [Decision(f"environments.{name}", sentence) for sentence in comments]
        if secrets[0]:
            decisions.append(
                Decision(
                    f"environments.{name}.secrets",
                    f"{_few(list(secrets[0]))}: private by name, and the Compose file has no default.",
                )
            )
        if secrets[1]:
            decisions.append(
                Decision(
                    f"environments.{name}.secrets",
                    f"{_few(list(secrets[1]))}: private by name, but the Compose file has a default; only proposed.",
                )
            )
        drafts.append(
            EnvironmentDraft(
                name,
                branch,
                tags if moved else (*tags, "latest"),
                files[name],
                comments,
                port_offset=room.offset if moved else 0,
                ports=dict(room.ports) if moved else {},
                env_files=choose.env_files(name, chosen.folder, found.files),
                secrets=secrets[0],
                optional_secrets=secrets[1],
            )
        )
    return tuple(drafts), decisions


def _branch_reason(name: str, branch: str, exists: bool) -> str:
    if exists:
        return f"A push to {branch} is deployed to {name}."
    return f"A push to {branch} is deployed to {name}; there is no such branch yet."


def _files_reason(name: str, files: tuple[str, ...], chosen: Candidate, found: Survey) -> str:
    if files == (chosen.path,):
        if len(found.candidates) == 1:
            return ""
        return f"It runs {chosen.path}: no file made for {name} runs what is built here."
    if len(files) > 1:
        return f"{files[-1]} changes {files[0]} for {name}."
    return f"{files[0]} is made for {name} and runs services that are built here."


def _ports_reason(room: choose.Shift) -> str:
    if room.offset:
        return f"Ports are {room.offset} higher than in production, so that both fit on one engine."
    return "Some ports are changed, so that staging and production fit on one engine."


def _secrets(used: list[Candidate]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Private-looking variables of some files: those without a default, and those with one."""
    defaults: dict[str, bool] = {}
    for one in used:
        for variable in one.variables:
            if choose.looks_private(variable.name):
                defaults[variable.name] = defaults.get(variable.name, True) and variable.has_default
    required = tuple(sorted(name for name, default in defaults.items() if not default))
    return required, tuple(sorted(name for name, default in defaults.items() if default))


# -- what a person should look at -----------------------------------------------------------------------------------


def _warnings(found: Survey, chosen: Candidate) -> Iterable[str]:
    for missing in chosen.missing:
        yield f"{missing.service} cannot be built: {missing.what} does not exist"
    gpu = [name for name, service in chosen.services.items() if _wants_gpu(service)]
    if gpu:
        yield f"{_few(gpu)} ask{'s' if len(gpu) == 1 else ''} for a GPU and will start only on an engine that has one"
    mounted = [name for name, service in chosen.services.items() if service.get("build") and _mounts_source(service)]
    if mounted:
        yield (
            f"{len(mounted)} of {len(chosen.built)} built services mount folders of the repository over their image: "
            "they run those files, not only what was built"
        )
    used = {_dockerfile(found, service["build"]) for service in chosen.services.values() if service.get("build")}
    unused = [path for path in found.dockerfiles if path not in used]
    if unused:
        yield f"{len(unused)} Dockerfile{'s are' if len(unused) > 1 else ' is'} used by no service: {_few(unused)}"


def _mounts_source(service: Mapping[str, Any]) -> bool:
    return any(
        volume.get("type") == "bind" and not str(volume.get("source", "")).startswith(("/var/run", "/dev", "/etc"))
        for volume in service.get("volumes") or ()
        if isinstance(volume, Mapping)
    )


def _sentences(*sentences: str) -> list[str]:
    return [sentence for sentence in sentences if sentence]
