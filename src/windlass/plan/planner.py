"""The plan: what would be built, what is there already, and why. Pure: everything outside comes through protocols."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from windlass.errors import CredentialsMissing, EnvironmentUnusable, RegistryUnavailable, UsageError, WindlassError
from windlass.model.plan import BaseImage, Fingerprint, Input, Plan, ServicePlan
from windlass.model.project import Project, Service
from windlass.model.source import Source
from windlass.plan.checks import fingerprint_of_tests
from windlass.plan.fingerprint import built_on, combine, fingerprint
from windlass.plan.inputs import Survey
from windlass.plan.interface import BaseImages, Files, Memory, Remembered
from windlass.plan.names import platform_of
from windlass.plan.survey import Surveys, survey_all
from windlass.plan.tree import Tree
from windlass.plan.why import compare, shorten

_AT_ONCE = 8
_AHEAD = 2000
T = TypeVar("T")
R = TypeVar("R")


def make_plan(
    project: Project,
    source: Source,
    files: Files,
    memory: Memory,
    bases: BaseImages,
    *,
    environment: str | None = None,
    only: Sequence[str] = (),
    rebuild: Sequence[str] = (),
    now: float | None = None,
) -> Plan:
    """Decide for every service whether its image has to be built.

    Args:
        files: the tree of `source`.
        environment: the environment's name, noted in the plan.
        only: services to plan (with those they are built from); empty means all.
        rebuild: services to build whatever is known of them, and with them all that is built from them.
        now: seconds since 1970, against which `refresh` intervals are held; None leaves them out.

    Raises:
        UsageError: `only` or `rebuild` names no service that is built here.
        ConfigError: services are built from each other in a circle.
        EnvironmentUnusable: the registry or a base image's registry does not answer.
    """
    _check_names(project, [*only, *rebuild])
    tree = Tree(files)
    early = _Early(bases)
    surveys = survey_all(
        project, tree, only, lambda wanted: _resolve(wanted, early, project.platforms), foresee=early.foresee
    )
    prints = _fingerprints(project, surveys)
    tests = {
        service.name: fingerprint_of_tests(service, tree, prints[service.name], surveys, platforms_of(project, service))
        for service in surveys.services
    }
    passed = (
        memory.tests_passed([digest for digest in tests.values() if digest]) if any(tests.values()) else frozenset()
    )
    kept = files.lfs() if surveys.lfs else {}
    plans: dict[str, ServicePlan] = {}
    renewed: set[str] = set()
    for service, known in _recalled(project, surveys, prints, memory, plans):
        survey = surveys.of[service.name]
        needs = tuple(dict.fromkeys(survey.links.values()))
        reasons: tuple[str, ...] = ()
        fresh = True
        if service.name in rebuild:
            reasons = ("a rebuild was asked for",)
        elif aged := _aged(service, known, now):
            reasons = (aged,)
        else:
            fresh = False
        if stale := [name for name in needs if name in renewed]:
            reasons += tuple(f"{name}, which it is built from, is rebuilt" for name in stale)
        if isinstance(known, str) and not reasons:
            reasons = (f"the registry lost its image: {known}",)
        if reasons:
            renewed.add(service.name)
        reuse = known if isinstance(known, Remembered) and not reasons else None
        print_ = prints[service.name]
        test = tests[service.name]
        plans[service.name] = ServicePlan(
            service=service,
            action="reuse" if reuse else "build",
            reasons=("already built",) if reuse else reasons,
            fingerprint=print_,
            digest=reuse.digest if reuse else None,
            bases=surveys.pins(service.name),
            needs=needs,
            test_fingerprint=test,
            # The same inputs do not mean the same image where packages were fetched anew, here or below.
            tested=test in passed and print_.digest is not None and (reuse is not None or not (fresh or needs)),
            links=tuple(survey.links.items()),
            frontend=surveys.bases.get(survey.frontend) if survey.frontend else None,
            fresh=fresh,
            lfs=survey.files.among(kept) if kept and survey.files is not None else (),
        )
    untold = [plan for plan in plans.values() if plan.action == "build" and not plan.reasons]
    branch = source.branch
    told = _parallel(lambda plan: _reasons(plan, memory, _repository(project, plan.service), branch), untold)
    for plan, reasons in zip(untold, told, strict=True):
        plans[plan.service.name] = replace(plan, reasons=reasons)
    plans = {service.name: plans[service.name] for service in surveys.services}
    return Plan(
        source=source,
        environment=environment,
        platforms=project.platforms,
        services=tuple(plans.values()),
        notes=(*_notes(surveys.of[service.name] for service in surveys.services), *_pointers(plans.values(), kept)),
        failed=surveys.failed,
    )


def read_ahead(files: Files) -> None:
    """Read and parse what looks like a Dockerfile, whose parsed form is kept; nobody needs to be there yet who asks."""
    from windlass.plan.dockerfile.lines import DockerfileError
    from windlass.plan.dockerfile.stages import read

    named = [*files.containing("ockerfile"), *files.containing(".dockerignore")]
    if len(named) > _AHEAD:
        return
    files.prepare(named)
    for path in named:
        text = None if path.endswith("ignore") else files.read(path)
        try:
            read(text or "")
        except DockerfileError:
            continue


def platforms_of(project: Project, service: Service) -> tuple[str, ...]:
    """The platforms a service is built for: Compose's `build.platforms`, or the project's."""
    return (service.build.platforms if service.build else ()) or project.platforms


def _repository(project: Project, service: Service) -> str:
    return project.registry.repository(service.image)


def _check_names(project: Project, names: Iterable[str]) -> None:
    known = [service.name for service in project.buildable]
    for name in names:
        if name in known:
            continue
        close = difflib.get_close_matches(name, known, 1)
        if any(service.name == name for service in project.services):
            raise UsageError(f"the service '{name}' has no build section: there is nothing to build")
        raise UsageError(
            f"there is no service '{name}'",
            remedy=f"did you mean '{close[0]}'?"
            if close
            else f"the services built here are: {', '.join(known) or 'none'}",
        )


def _recalled(
    project: Project,
    surveys: Surveys,
    prints: Mapping[str, Fingerprint],
    memory: Memory,
    plans: Mapping[str, ServicePlan],
) -> Iterator[tuple[Service, Remembered | str | None]]:
    """Each service with what the registry knows of it, those it is built from first.

    An image built from another service's counts only while it is built from the image which that one has now. So services
    are asked for in rounds: `plans`, which the caller fills meanwhile, says what those of earlier rounds are.
    """
    waiting = list(surveys.services)
    again = False
    while waiting:
        ready = [s for s in waiting if all(name in plans for name in surveys.of[s.name].links.values())]
        known = {service.name for service in ready}
        waiting = [service for service in waiting if service.name not in known]
        keys: dict[str, str] = {}
        for service in ready:
            own = prints[service.name].digest
            below = {name: plans[name].digest for name in surveys.of[service.name].links.values()}
            images = {name: digest for name, digest in below.items() if digest is not None}
            if own is not None and len(images) == len(below):
                keys[service.name] = built_on(own, images)
        wanted = [(_repository(project, service), keys[service.name]) for service in ready if service.name in keys]
        found = memory.recall(wanted, again=again) if wanted else {}
        again = again or bool(wanted)
        for service in ready:
            yield service, found.get(keys.get(service.name, ""))


def _fingerprints(project: Project, surveys: Surveys) -> dict[str, Fingerprint]:
    prints: dict[str, Fingerprint] = {}
    for service in surveys.services:
        survey = surveys.of[service.name]
        platforms = platforms_of(project, service)
        inputs = [*survey.inputs, *surveys.base_inputs(survey)]
        inputs += [Input("platform", platform, combine(platform)) for platform in platforms]
        for name in dict.fromkeys(survey.links.values()):
            below = prints[name]
            inputs.append(Input("service", name, below.digest or ""))
            if below.digest is None:
                inputs.append(Input("unpinned", f"it is built from {name}, which cannot be pinned", ""))
        inputs += [Input("unpinned", reason, "") for reason in survey.unpinned]
        prints[service.name] = fingerprint(
            inputs, repository=_repository(project, service), platforms=platforms, files=survey.files
        )
    return prints


class _Early:
    """Base images that are asked for as soon as the first service is seen to need them, while others are still read."""

    def __init__(self, bases: BaseImages) -> None:
        self._bases = bases
        self._pool: ThreadPoolExecutor | None = None
        self._asked: dict[tuple[str, tuple[str, ...]], Future[BaseImage]] = {}

    def foresee(self, name: str, platforms: frozenset[str]) -> None:
        key = (name, tuple(sorted(platforms)))
        if key not in self._asked:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="windlass-bases")
            self._asked[key] = self._pool.submit(self._bases.resolve, name, list(key[1]))

    def resolve(self, name: str, platforms: Sequence[str]) -> BaseImage:
        asked = self._asked.get((name, tuple(platforms)))
        return asked.result() if asked is not None else self._bases.resolve(name, platforms)


def _resolve(
    wanted: dict[str, frozenset[str]], bases: _Early, platforms: Sequence[str]
) -> tuple[dict[str, BaseImage], dict[str, WindlassError]]:
    """Pin images, each once and side by side. An image that no registry has is the service's own trouble, unless none is found."""

    def one(item: tuple[str, frozenset[str]]) -> BaseImage | WindlassError:
        name, needed = item
        try:
            return bases.resolve(name, sorted(needed))
        except (RegistryUnavailable, CredentialsMissing):
            raise
        except UsageError as error:
            return error  # the name is none
        except EnvironmentUnusable as error:
            # A builder's own platform is only guessed at: do without one that the image does not have.
            own = sorted(needed & {platform_of(platform) for platform in platforms})
            if not own or len(own) == len(needed):
                return error
        try:
            return bases.resolve(name, own)
        except EnvironmentUnusable as error:
            return error

    answers = dict(zip(wanted, _parallel(one, list(wanted.items())), strict=True))
    found = {name: answer for name, answer in answers.items() if isinstance(answer, BaseImage)}
    missing = {name: answer for name, answer in answers.items() if isinstance(answer, WindlassError)}
    return found, missing


def _aged(service: Service, known: Remembered | str | None, now: float | None) -> str:
    """Why an image that is there is too old; empty where it is not."""
    if service.refresh is None or now is None or not isinstance(known, Remembered):
        return ""
    every = f"every {_span(service.refresh)}"
    if known.created is None:
        return f"refresh: nobody knows when it was built, {every}"
    age = now - known.created
    return f"refresh: built {_span(age)} ago, {every}" if age > service.refresh else ""


def _span(seconds: float) -> str:
    """A time for people, in the largest unit that fits: "9 days", "1 hour"."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return f"{seconds:.0f} seconds"


def _reasons(plan: ServicePlan, memory: Memory, repository: str, branch: str | None) -> tuple[str, ...]:
    print_ = plan.fingerprint
    if print_.digest is None:
        return tuple(f"cannot be pinned: {reason}" for reason in print_.unpinned)
    explanation = compare(plan.service.name, memory.last_inputs(repository, branch), print_.inputs)
    if explanation.same:
        if not plan.needs:
            return ("no image of these inputs is in the registry",)
        return tuple(f"it was not built from the image that {name} has now" for name in plan.needs)
    return shorten(explanation.sentences())


def _notes(surveys: Iterable[Survey]) -> tuple[str, ...]:
    submodules = {path: None for survey in surveys if survey.files for path in survey.files.submodules()}
    return tuple(
        f"the submodule {path} is counted by its commit; its files are not part of the build" for path in submodules
    )


def _pointers(plans: Iterable[ServicePlan], here: Mapping[str, bool]) -> Iterator[str]:
    """Builds that would be refused as things are here."""
    for plan in plans:
        away = [path for path in plan.lfs if not here[path]]
        if away and plan.action == "build":
            more = f" and {len(away) - 1} more" if len(away) > 1 else ""
            yield (
                f"{plan.service.name} cannot be built here: the content of {away[0]}{more} is with git LFS; "
                "git lfs install && git lfs pull brings it"
            )


def _parallel(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(_AT_ONCE, len(items))) as pool:
        return list(pool.map(work, items))
