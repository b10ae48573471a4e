"""`windlass approve ENV RELEASE`: one's word that a release may be deployed there, and taking it back."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from typing import Any

    from windlass.cli.output import Output
    from windlass.model.project import Environment
    from windlass.model.release import Release
    from windlass.steps.approval import Standing
    from windlass.steps.tools import Tools

EXAMPLE = "windlass approve production main-abc1234"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("env", metavar="ENV")
    parser.add_argument("release", nargs="?", metavar="RELEASE", help="an id, tag or commit; default: show what waits")
    parser.add_argument("--withdraw", action="store_true", help="take one's approval of RELEASE back")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.output import output, print_json
    from windlass.cli.session import open_session
    from windlass.errors import UsageError
    from windlass.steps.approval import proposed, refuse_approver, refuse_withdrawal

    session = open_session(arguments, on_call=True)
    environment = session.environment(arguments.env)
    if environment.approvals is None:
        raise UsageError(
            f"{environment.name} asks for no approvals",
            remedy=f"environments.{environment.name}.approvals in windlass.yaml would",
        )
    approvals = session.view.state.approvals
    if arguments.withdraw and arguments.release is None:
        raise UsageError("which release?", remedy=f"windlass approve {environment.name} RELEASE --withdraw")
    if arguments.release is None:
        waiting = _waiting(environment, session.view)
        if arguments.json:
            rows = [_document(release, standing) for release, standing in waiting]
            print_json({"environment": environment.name, "waiting": rows})
        else:
            tell_waiting(waiting, environment, output())
        return 0
    release = proposed(arguments.release, approvals.entries(environment.name))
    if release is None:
        raise UsageError(
            f"no release '{arguments.release}' waits for approvals on {environment.name}",
            remedy=f"windlass approve {environment.name} shows which do; one does from the first attempt to deploy it on",
        )
    before = _standing(release, environment, session.view)
    if arguments.withdraw:
        refuse_withdrawal(approvals.me(), release, environment, before)
        approvals.withdraw(release)
    else:
        refuse_approver(approvals.me(), release, environment, before)
        approvals.approve(release)
    standing = _standing(release, environment, session.view)
    if arguments.json:
        print_json({"environment": environment.name, **_document(release, standing)})
        return 0
    out = output()
    _tell_given(release, standing, environment, session.view, out, withdrawn=arguments.withdraw)
    return 0


def _tell_given(
    release: Release, standing: Standing, environment: Environment, tools: Tools, out: Output, *, withdrawn: bool
) -> None:
    word, style = ("withdrawn", "yellow") if withdrawn else ("approved", "green")
    indent = len(word) + 2
    out.say(
        f"[{style} bold]{word}[/]  {release.id} has {out.plain(str(standing))} for {environment.name}", indent=indent
    )
    if standing.enough:
        text = f"windlass deploy {environment.name} --release {release.id} deploys it"
    else:
        text = f"it needs {standing.missing}"
    if withdrawn and _serves(release, environment, tools):
        text = f"it serves {environment.name} already, and goes on: windlass rollback {environment.name} goes back"
    out.say(out.plain(text), indent=indent, first=indent)


def _serves(release: Release, environment: Environment, tools: Tools) -> bool:
    from windlass.state.interface import running_release
    from windlass.state.quarantine import content

    serving = running_release(tools.state.records(environment.name))
    return serving is not None and content(serving) == content(release)


def tell_waiting(waiting: list[tuple[Release, Standing]], environment: Environment, out: Output) -> None:
    if not waiting:
        out.say(f"nothing waits for approvals on {environment.name}")
    for number, (release, standing) in enumerate(waiting):
        if number:
            out.say()
        authors = ", ".join(str(author) for author in standing.authors) or "unknown"
        out.say(f"[bold]{release.id}[/]  commit {release.commit[:7]} by {out.plain(authors)}", indent=2)
        for service in release.services:
            out.say(f"{service.name}  {service.digest.partition(':')[2][:12]}", indent=4, first=2)
        lacks = "" if standing.enough else f"; needs {standing.missing}"
        out.say(out.plain(f"{standing}{lacks}"), indent=4, first=2)


def _waiting(environment: Environment, tools: Tools) -> list[tuple[Release, Standing]]:
    """What was proposed and does not serve or wait behind what serves: everything proposed since the last deployment."""
    from windlass.state.quarantine import content
    from windlass.steps.approval import waiting

    records = tools.state.records(environment.name)
    done = {content(record.release) for record in records if record.outcome == "healthy"}
    proposals = waiting(tools.state.approvals.entries(environment.name))
    return [(one, _standing(one, environment, tools)) for one in proposals if content(one) not in done]


def _standing(release: Release, environment: Environment, tools: Tools) -> Standing:
    from windlass.steps.approval import standing
    from windlass.steps.gate import authors_of

    assert environment.approvals is not None
    approvals = tools.state.approvals
    entries = approvals.entries(environment.name)
    return standing(release, environment.approvals, entries, authors_of(release, approvals))


def _document(release: Release, standing: Standing) -> dict[str, Any]:
    return {
        "release": release.id,
        "commit": release.commit,
        "required": standing.rule.required,
        "approvals": [{"by": str(one.by), "email": one.by.email, "at": one.at} for one in standing.given],
        "enough": standing.enough,
    }
