"""A clean-up as a document: the same for a dry run as for the real one, but for what went wrong. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from windlass.model.retention import RetentionPolicy
from windlass.registry.retention.deletion import DeletionPlan, Item
from windlass.registry.retention.execute import Left, Outcome
from windlass.registry.retention.images import days
from windlass.registry.retention.protected import Protected

SCHEMA = 1


def document(plan: DeletionPlan, policy: RetentionPolicy, protected: Protected, outcome: Outcome) -> dict[str, Any]:
    """Everything about a clean-up, as JSON values. No times of its own: a second run over the same registry says the same."""
    order = {(one.repository, one.kind, one.name): number for number, one in enumerate(plan.items)}

    def listed(left: list[Left]) -> list[dict[str, Any]]:
        chosen = sorted(left, key=lambda one: order[one.item.repository, one.item.kind, one.item.name])
        return [{**_named(one.item), "why": one.why} for one in chosen]

    return {
        "schema": SCHEMA,
        "registry": plan.host,
        "policy": _policy(policy),
        "environments": list(protected.environments),
        "summary": summary(plan),
        "items": [_item(item) for item in plan.items],
        "failed": listed(outcome.failed),
        "skipped": listed(outcome.skipped),
    }


def summary(plan: DeletionPlan) -> dict[str, Any]:
    """Counts and bytes: `bytes` as if every image stood alone, `frees` with shared content counted once."""
    deletions = plan.deletions
    return {
        "delete": _counts(deletions),
        "keep": _counts(plan.kept),
        "bytes": sum(item.bytes for item in deletions),
        "frees": plan.frees,
        "delete_because": _because(deletions),
        "keep_because": _because(plan.kept),
    }


def _because(items: tuple[Item, ...]) -> dict[str, dict[str, int]]:
    found = Counter((item.reason.because, f"{item.kind}s") for item in items)
    reasons = sorted({because for because, _ in found})
    return {one: {kind: found[one, kind] for kind in ("tags", "manifests")} for one in reasons}


def _counts(items: tuple[Item, ...]) -> dict[str, int]:
    found = Counter(item.kind for item in items)
    return {"tags": found["tag"], "manifests": found["manifest"]}


def _policy(policy: RetentionPolicy) -> dict[str, Any]:
    return {
        "keep": policy.keep,
        "branches": dict(policy.branches),
        "older_than": days(policy.older_than) if policy.older_than else None,
        "idle": days(policy.idle) if policy.idle is not None else None,
        "rollback": policy.rollback,
        "cache": days(policy.cache),
        "tests": days(policy.tests),
    }


def _item(item: Item) -> dict[str, Any]:
    found = {
        **_named(item),
        "action": "delete" if item.delete else "keep",
        "because": item.reason.because,
        "reason": item.reason.text,
    }
    if item.kind == "tag":
        return (
            {**found, "digest": item.digest}
            if not item.delete
            else {**found, "digest": item.digest, "manifest": "deleted" if item.with_manifest else "kept"}
        )
    return {**found, "bytes": item.bytes, "frees": item.frees}


def _named(item: Item) -> dict[str, str]:
    return {"repository": item.repository, "kind": item.kind, "name": item.name}
