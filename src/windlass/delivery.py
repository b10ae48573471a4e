"""The whole flow, readable top to bottom:

    commit → plan → build → test → scan → publish → admit → deploy → verify → record
                                                      └ when deploy or verify fails: restore the last healthy release

Each step takes the frozen value of the one before, so that deploying something unscanned or unpublished does not
type-check. Nothing here knows a driver; they come in `Tools`, from `wiring`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from windlass.errors import EnvironmentUnusable, Refused, ScanRefused, WindlassError
from windlass.model.artifacts import Published, Scanned
from windlass.model.delivery import DeliveredService, Delivery, DeliveryOutcome, Results, RollOut
from windlass.model.events import Emit, Notice, StageOutcome
from windlass.model.plan import Plan, ServicePlan, summary
from windlass.model.project import Environment
from windlass.model.release import Kind, Release
from windlass.model.source import Source
from windlass.steps.build import build
from windlass.steps.compose_release import compose_release
from windlass.steps.layouts import layouts
from windlass.steps.publish import publish
from windlass.steps.roll_out import roll_out
from windlass.steps.scan import scan
from windlass.steps.scan import summary as summarise
from windlass.steps.stopwatch import Stopwatch
from windlass.steps.tags import immutable_tags
from windlass.steps.test import test
from windlass.steps.tools import Tools


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted: a source, for an environment (None: everything up to publish).

    `only` limits what is built to some services, `rebuild` builds these whatever the registry knows, `plan` is a saved
    plan to execute as it stands. `until` ends the flow early ("build" and "scan" alone publish nothing).
    """

    source: Source
    environment: Environment | None = None
    keep_going: bool = False
    only: Sequence[str] = ()
    rebuild: Sequence[str] = ()
    plan: Plan | None = None
    until: Literal["build", "scan", "deploy"] = "deploy"


def deliver(order: Order, tools: Tools, emit: Emit) -> Delivery:
    """Take a source to its environment. Failures of services are in the report, not raised.

    Raises:
        WindlassError: the flow could not go on at all (configuration, engine, registry, lock).
    """
    watch = Stopwatch(emit, tools.clock)
    environment = order.environment
    tags = immutable_tags(order.source, environment)

    if environment is not None:
        _refuse_early(order.source, environment, tools, emit)
    with ExitStack() as stack:
        with watch.stage("plan") as verdict:
            plan = order.plan or tools.plan(
                order.source, environment.name if environment else None, only=order.only, rebuild=order.rebuild
            )
            verdict.detail = summary(plan)
        work = any(service.action == "build" or _to_test(service) for service in plan.services)
        folder = stack.enter_context(tools.materialise(order.source.tree)) if work else Path()
        kept = stack.enter_context(layouts(tools.scratch, tools.project.name)) if work else Path()
        builder = tools.builder(emit) if work else None

        with watch.stage("build", _to_build(plan)) as verdict:
            built = build(plan, tools, builder, folder, kept, emit)
            verdict.outcome = _outcome(built, {}, unchanged=not _to_build(plan))
        with watch.stage("test") as verdict:
            tested = test(built, tools, builder, folder, kept, emit)
            verdict.outcome = _outcome(tested, built.failed)
        with watch.stage("scan") as verdict:
            scanned = scan(tested, tools, tools.ignore_file(order.source), emit)
            verdict.outcome = _outcome(scanned, tested.failed)
        if order.until != "deploy":
            return _report(order, watch, scanned, {}, scanned.failed, None)
        with watch.stage("publish") as verdict:
            published = publish(scanned, order.source, tags, tools, emit)
            verdict.outcome = _outcome(published, scanned.failed)

    if environment is None:
        emit(Notice(_no_environment(order.source.branch, tools), remedy="windlass run --env ENV deploys it"))
    if environment is None or (published.failed and not order.keep_going) or not published.done:
        return _report(order, watch, scanned, published.done, published.failed, None)
    release = compose_release(
        tools.project,
        environment,
        order.source,
        published.done,
        published.failed,
        tools.services_of(order.source, environment),
        tools.state.records(environment.name),
        datetime.now(UTC),
    )
    rollout = roll_out(release, "deploy", environment, tools, watch, emit)
    return _report(order, watch, scanned, published.done, published.failed, rollout)


def deploy(release: Release, kind: Kind, environment: Environment, tools: Tools, emit: Emit) -> Delivery:
    """Bring an existing release to an environment by digest: `deploy`, `promote`, `rollback`. Nothing is built.

    Raises:
        Refused: the release has no services.
        Locked, ConfigError, EngineUnavailable: as `roll_out`.
    """
    if not release.services:
        raise Refused(f"the release {release.id} holds no services", where=environment.name)
    watch = Stopwatch(emit, tools.clock)
    rollout = roll_out(release, kind, environment, tools, watch, emit)
    return Delivery(
        commit=release.commit,
        environment=environment.name,
        outcome=rollout.outcome,
        services=_released(release),
        stages=tuple(watch.reports),
        rollout=rollout,
        not_scanned=_not_scanned(service.scanned for service in release.services),
    )


def _refuse_early(source: Source, environment: Environment, tools: Tools, emit: Emit) -> None:
    """Raise now what would otherwise be raised after minutes of building: the state's remote, secrets, API suites."""
    tools.state.records(environment.name, 1)
    if tools.state.stale is not None:
        raise EnvironmentUnusable(
            tools.state.stale, remedy="check git remote -v and your access, or take state: out of windlass.yaml"
        )
    name = f"{environment.name}-{source.sha}"
    tools.verifiable(
        environment, Release(name, environment.name, source.commit, source.tree, environment.compose, (), "")
    )
    if source.dirty:
        emit(Notice(f"uncommitted changes are part of what goes to {environment.name}", "warning"))


def _no_environment(branch: str | None, tools: Tools) -> str:
    place = f"no environment follows the branch {branch}" if branch else "HEAD is on no branch"
    known = ", ".join(f"{one.name} ({one.branch})" for one in tools.project.environments if one.branch)
    return f"published, not deployed: {place}" + (f"; there are {known}" if known else "")


def _to_build(plan: Plan) -> tuple[str, ...]:
    return tuple(service.service.name for service in plan.services if service.action == "build")


def _to_test(service: ServicePlan) -> bool:
    return service.service.test is not None and not service.tested


def _outcome(results: Results[Any], before: Mapping[str, object], *, unchanged: bool = False) -> StageOutcome:
    if set(results.failed) - set(before):
        return "failed"
    return "unchanged" if unchanged else "ok"


def _report(
    order: Order,
    watch: Stopwatch,
    scanned: Results[Scanned],
    published: Mapping[str, Published],
    failed: Mapping[str, WindlassError],
    rollout: RollOut | None,
) -> Delivery:
    return Delivery(
        commit=order.source.commit,
        environment=order.environment.name if order.environment else None,
        outcome=_verdict(failed, rollout, order),
        services=tuple(_delivered(name, item, published.get(name)) for name, item in scanned.done.items()),
        stages=tuple(watch.reports),
        failures=failed,
        rollout=rollout,
        not_scanned=_not_scanned(summarise(item.report) for item in scanned.done.values()),
    )


def _verdict(failed: Mapping[str, WindlassError], rollout: RollOut | None, order: Order) -> DeliveryOutcome:
    if rollout is not None:
        return rollout.outcome
    if any(isinstance(error, ScanRefused) for error in failed.values()):
        return "refused"
    return "failed" if failed else "published"


def _delivered(name: str, item: Scanned, published: Published | None) -> DeliveredService:
    built = item.tested.built
    return DeliveredService(
        name=name,
        digest=built.digest,
        repository=published.repository if published else built.plan.service.image,
        tags=published.tags if published else (),
        built=built.image is not None,
        scanned=summarise(item.report),
    )


def _released(release: Release) -> tuple[DeliveredService, ...]:
    return tuple(
        DeliveredService(s.name, s.digest, s.image.partition("/")[2], s.tags, False, s.scanned)
        for s in release.services
    )


def _not_scanned(verdicts: Iterable[str]) -> str | None:
    missing = sum(verdict == "not scanned" for verdict in verdicts)
    return f"{missing} image{'s' if missing != 1 else ''} not scanned for vulnerabilities" if missing else None
