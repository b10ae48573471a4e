"""`windlass why SERVICE`: the inputs that differ from its last build."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from typing import Any

    from windlass.model.plan import Input, ServicePlan
    from windlass.plan.why import Explanation

EXAMPLE = "windlass why platform"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service", metavar="SERVICE")
    options.directory(parser)
    options.commit(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.output import output, print_json
    from windlass.cli.session import open_session
    from windlass.errors import BuildFailed
    from windlass.plan.why import explain

    session = open_session(arguments)
    (name,) = session.services([arguments.service])
    plan = session.tools.plan(session.source, None, only=(name,))
    if name in plan.failed:
        raise BuildFailed(plan.failed[name], where=name)
    item = next(one for one in plan.services if one.service.name == name)
    repository = session.project.registry.repository(item.service.image)
    explanation = explain(item, session.tools.memory, session.source.branch, repository=repository)
    if arguments.json:
        print_json(_document(item, explanation))
        return 0
    out = output()
    verb = "would be built" if item.action == "build" else "is built already"
    out.say(f"[bold]{name}[/] {verb}")
    for sentence in explanation.sentences() or ("nothing differs from its last build",):
        out.say(f"  {out.plain(sentence)}", indent=4)
    return 0


def _document(item: ServicePlan, explanation: Explanation) -> dict[str, Any]:
    def rows(inputs: tuple[Input, ...]) -> list[dict[str, str]]:
        return [{"kind": one.kind, "name": one.name} for one in inputs]

    return {
        "service": item.service.name,
        "action": item.action,
        "fingerprint": item.fingerprint.digest,
        "known": explanation.known,
        "added": rows(explanation.added),
        "removed": rows(explanation.removed),
        "changed": rows(explanation.changed),
        "reasons": list(explanation.sentences()),
    }
