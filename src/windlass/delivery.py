"""The whole flow, readable top to bottom:

    commit → plan → build → test → scan → publish → admit → deploy → verify → watch → record
                                                      └ when one of these fails: restore the last healthy release

Each step takes the frozen value of the one before, so that deploying something unscanned or unpublished does not
type-check. Nothing here knows a driver; they come in `Tools`, from `wiring`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from windlass.errors import EnvironmentUnusable, Refused, ScanRefused, WindlassError
from windlass.model.artifacts import Published, Scanned
from windlass.model.delivery import DeliveredService, Delivery, DeliveryOutcome, Results, RollOut
from windlass.model.events import Emit, Notice, StageOutcome
from windlass.model.plan import Plan, ServicePlan, summary
from windlass.model.project import Environment
from windlass.model.release import Kind, Record, Release
from windlass.model.source import Source
from windlass.state.lease import refuse_if_held
from windlass.steps.available import refuse_pruned
from windlass.steps.build import build
from windlass.steps.caching import LayerCaches
from windlass.steps.compose_release import compose_release
from windlass.steps.gate import frozen, refuse
from windlass.steps.layouts import layouts
from windlass.steps.promote import tag_images
from windlass.steps.publish import publish
from windlass.steps.roll_out import roll_out
from windlass.steps.scan import scan, unscanned
from windlass.steps.scan import summary as summarise
from windlass.steps.stopwatch import Stopwatch
from windlass.steps.tags import immutable_tags
from windlass.steps.test import test
from windlass.steps.tools import Tools
from windlass.steps.turn import in_turn

Choose: TypeAlias = Callable[[tuple[Record, ...]], Release]
"""Which release to deploy, given the environment's history, newest first."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted: a source, for an environment (None: everything up to publish).

    `only` limits what is built to some services, `rebuild` builds these whatever the registry knows, `plan` is a saved
    plan to execute as it stands. `until` ends the flow early ("build" and "scan" alone publish nothing). `retry` deploys a
    release though it is in quarantine; `wait` is how many seconds to wait while somebody else changes the environment.
    """

    source: Source
    environment: Environment | None = None
    keep_going: bool = False
    only: Sequence[str] = ()
    rebuild: Sequence[str] = ()
    plan: Plan | None = None
    until: Literal["build", "scan", "deploy"] = "deploy"
    retry: bool = False
    wait: float = 0.0


def deliver(order: Order, tools: Tools, emit: Emit) -> Delivery:
    """Take a source to its environment. Failures of services are in the report, not raised.

    Raises:
        WindlassError: the flow could not go on at all (configuration, engine, registry, lock).
    """
    watch = Stopwatch(emit, tools.clock)
    environment = order.environment
    tags = immutable_tags(order.source, environment)

    if environment is not None:
        _refuse_early(order, environment, tools, emit)
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
        caches = stack.enter_context(LayerCaches(builder, emit))
        watch.then("verify", caches.begin)  # nobody on this machine needs them: users come first

        with watch.stage("build", _to_build(plan)) as verdict:
            built = build(plan, tools, builder, folder, kept, emit)
            verdict.outcome = _outcome(built, {}, unchanged=not _to_build(plan))
        with watch.stage("test") as verdict:
            tested = test(built, tools, builder, folder, kept, emit)
            verdict.outcome = _outcome(tested, built.failed)
        with watch.stage("scan") as verdict:
            scanned = scan(tested, tools, tools.ignore_file(order.source), emit)
            verdict.outcome, verdict.detail = _outcome(scanned, tested.failed), unscanned(scanned)
        if order.until != "deploy":
            return _report(order, watch, scanned, {}, scanned.failed, None)
        with watch.stage("publish") as verdict:
            published = publish(scanned, order.source, tags, tools, emit)
            verdict.outcome = _outcome(published, scanned.failed)

        if environment is None:
            emit(Notice(_no_environment(order.source.branch, tools), remedy="windlass run --env ENV deploys it"))
        if environment is None or (published.failed and not order.keep_going) or not published.done:
            return _report(order, watch, scanned, published.done, published.failed, None)
        runs = tools.services_of(order.source, environment)

        def bring(records: tuple[Record, ...]) -> Release:
            return compose_release(
                tools.project,
                environment,
                order.source,
                published.done,
                published.failed,
                runs,
                records,
                datetime.now(UTC),
            )

        try:
            rollout = _admitted(bring, "deploy", environment, tools, watch, emit, retry=order.retry, wait=order.wait)
        except Refused as error:
            return _report(order, watch, scanned, published.done, published.failed, None, error)
        return _report(order, watch, scanned, published.done, published.failed, rollout)


def deploy(
    choose: Choose,
    kind: Kind,
    environment: Environment,
    tools: Tools,
    emit: Emit,
    *,
    retry: bool = False,
    wait: float = 0,
) -> Delivery:
    """Bring an existing release to an environment by digest: `deploy`, `promote`, `rollback`. Nothing is built.

    Args:
        choose: which one, given the environment's history (newest first); asked again after waiting.
        retry, wait: as in `Order`.

    Raises:
        Refused: the environment does not take the release, it has no services, or its images are gone.
        Locked, ConfigError, EngineUnavailable: as `roll_out`.
    """
    watch = Stopwatch(emit, tools.clock)

    def whole(records: tuple[Record, ...]) -> Release:
        release = choose(records)
        refuse_pruned(release, kind, environment, records, tools)
        return release

    rollout = _admitted(whole, kind, environment, tools, watch, emit, retry=retry, wait=wait)
    release = rollout.release
    return Delivery(
        commit=release.commit,
        environment=environment.name,
        outcome=rollout.outcome,
        services=tuple(
            DeliveredService(s.name, s.digest, s.image.partition("/")[2], (*s.tags, *rollout.moved), False, s.scanned)
            for s in release.services
        ),
        stages=tuple(watch.reports),
        rollout=rollout,
        not_scanned=_not_scanned(service.scanned for service in release.services),
    )


def _admitted(
    choose: Choose,
    kind: Kind,
    environment: Environment,
    tools: Tools,
    watch: Stopwatch,
    emit: Emit,
    *,
    retry: bool,
    wait: float,
) -> RollOut:
    """Roll a release out that the environment takes, when it is this deployer's turn."""

    def turn() -> RollOut:
        records = tools.state.records(environment.name)
        refuse_if_held(next(iter(records), None), datetime.now(UTC))
        release = choose(records)
        if not release.services:
            raise Refused(f"the release {release.id} holds no services", where=environment.name)
        approvals = tools.state.approvals
        lifted = refuse(release, kind, environment, records, approvals, datetime.now(UTC), retry=retry)
        if kind == "promote":
            tag_images(release, tools)
        return roll_out(release, kind, environment, records, tools, watch, emit, retry=lifted is not None)

    return in_turn(turn, environment.name, tools.state, wait, tools.clock, emit)


def _refuse_early(order: Order, environment: Environment, tools: Tools, emit: Emit) -> None:
    """Raise now what would otherwise be raised after minutes of building: the state's remote, secrets, API suites, and
    somebody who changes the environment, unless he is to be waited for."""
    source = order.source
    records = tools.state.records(environment.name, 1)
    if not order.wait:
        refuse_if_held(next(iter(records), None), datetime.now(UTC))
    if tools.state.stale is not None:
        raise EnvironmentUnusable(
            tools.state.stale, remedy="check git remote -v and your access, or take state: out of windlass.yaml"
        )
    name = f"{environment.name}-{source.sha}"
    tools.verifiable(
        environment, Release(name, environment.name, source.commit, source.tree, environment.compose, (), "")
    )
    if found := frozen(environment.freeze, datetime.now(UTC)):
        text = f"{environment.name} takes no deployments until {found[1]:%a %Y-%m-%d %H:%M} {found[0].zone}"
        emit(Notice(text, "warning", "it is built and published now, and deployed by a run after that"))
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
    refusal: Refused | None = None,
) -> Delivery:
    moved = rollout.moved if rollout is not None else ()
    return Delivery(
        commit=order.source.commit,
        environment=order.environment.name if order.environment else None,
        outcome="refused" if refusal is not None else _verdict(failed, rollout, order),
        services=tuple(_delivered(name, item, published.get(name), moved) for name, item in scanned.done.items()),
        stages=tuple(watch.reports),
        failures=failed,
        rollout=rollout,
        not_scanned=_not_scanned(summarise(item.report) for item in scanned.done.values()),
        refusal=refusal,
    )


def _verdict(failed: Mapping[str, WindlassError], rollout: RollOut | None, order: Order) -> DeliveryOutcome:
    if rollout is not None:
        return rollout.outcome
    if any(isinstance(error, ScanRefused) for error in failed.values()):
        return "refused"
    return "failed" if failed else "published"


def _delivered(name: str, item: Scanned, published: Published | None, moved: tuple[str, ...]) -> DeliveredService:
    built = item.tested.built
    return DeliveredService(
        name=name,
        digest=built.digest,
        repository=published.repository if published else built.plan.service.image,
        tags=(*published.tags, *moved) if published else (),
        built=built.image is not None,
        scanned=summarise(item.report),
    )


def _not_scanned(verdicts: Iterable[str]) -> str | None:
    missing = sum(verdict == "not scanned" for verdict in verdicts)
    return f"{missing} image{'s' if missing != 1 else ''} not scanned for vulnerabilities" if missing else None
