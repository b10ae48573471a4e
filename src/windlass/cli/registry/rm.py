"""`windlass registry rm`: take a tag, or an image with all its tags, out of the registry."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from windlass.cli import options

if TYPE_CHECKING:
    from windlass.cli.output import Output
    from windlass.registry.manage.withdrawal import Withdrawal
    from windlass.registry.manage.withdrawing import Withdrawn

EXAMPLE = "windlass registry rm platform:feature-x-abc1234"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "image",
        metavar="IMAGE",
        help="SERVICE:TAG, or SERVICE@DIGEST for an image with all its tags; 12 digits will do",
    )
    parser.add_argument("--force", action="store_true", help="also what an environment runs or may roll back to")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass import wiring
    from windlass.cli.output import errors, output, print_json
    from windlass.cli.registry import look
    from windlass.cli.session import open_session
    from windlass.errors import ExitCode, UsageError
    from windlass.registry.manage.naming import pointer_in, repository_of, split
    from windlass.registry.manage.withdrawal import withdraw
    from windlass.registry.manage.withdrawing import Withdrawn, carry_out

    session = open_session(arguments, on_call=True)
    project = session.project
    named = split(arguments.image, project.registry.host)
    wiring.ensure_registry(project)
    client = wiring.looking_client(project)
    name = repository_of(named.name, project, look.listing(client, session).names)
    needs = look.everywhere(session, look.needs(session))
    inventory = look.survey(client, session, look.weighed_with(name, session))
    repository = inventory.repository(name)
    if repository is None:
        raise UsageError(f"{project.registry.host} holds nothing of {named.name}", remedy="windlass registry ls")
    keep = look.unlisted(client, repository, needs.uses)
    asked = withdraw(inventory, repository, pointer_in(repository, named), needs.uses, keep)
    assert asked is not None
    if not arguments.dry_run:
        refuse(asked, needs.doubt, force=arguments.force)
    done = Withdrawn()
    if not arguments.json:
        tell(asked, output())
    if not arguments.dry_run:
        if not arguments.yes and not _agreed(errors() if arguments.json else output()):
            return ExitCode.REFUSED
        done = carry_out(wiring.registry_client(project), asked)
    if arguments.json:
        print_json(_document(asked, done, needs.doubt, dry_run=arguments.dry_run))
    elif not arguments.dry_run:
        tell_done(asked, done, project.registry.embedded, output())
    return ExitCode.UNUSABLE if done.left else ExitCode.DONE


def refuse(asked: Withdrawal, doubt: str | None, *, force: bool) -> None:
    """Raises Refused: it would break an image that stays, is locked, or somebody needs it (unless `force`)."""
    from windlass.errors import Refused
    from windlass.oci.digest import short

    what = f"{asked.repository}:{asked.tag}" if asked.tag else f"{asked.repository}@{short(asked.digest)}"
    if asked.part_of:
        raise Refused(
            f"{what} is part of {'; '.join(asked.part_of)}, which would be left without it",
            remedy=f"remove the whole image: windlass registry rm {asked.repository}:{asked.part_of[0].partition(',')[0]}",
        )
    if asked.locked:
        raise Refused(f"{what} cannot go: locked is {', '.join(asked.locked)}", remedy="take the lock away first")
    if force or asked.untags:
        return
    if asked.uses:
        raise Refused(
            f"{what}: {', '.join(use.words for use in asked.uses)}",
            remedy="--force removes it all the same; what runs goes on until it has to be pulled again",
        )
    if doubt is not None:
        raise Refused(f"it is not certain who needs {what}: {doubt}", remedy="try again later, or --force")


def tell(asked: Withdrawal, out: Output) -> None:
    from windlass.cli.output import short, size

    name = f"{asked.repository}:{asked.tag}" if asked.tag else asked.repository
    what = f"[bold]{out.plain(name)}[/]  {short(asked.digest)}"
    others = out.plain(", ".join(asked.also))
    if asked.untags:
        stays = f"; its image stays, tagged {others}" if asked.also else "; its image stays: others need it"
        out.say(f"removes  the tag {what}{stays}", indent=9)
        return
    platforms = [one.name for one in asked.deletes if one.role == "platform" and not one.name.startswith("unknown")]
    out.say(f"removes  {what}{', ' + ', '.join(platforms) if platforms else ''}", indent=9)
    if asked.also:
        out.say(f"its other tags go too: {others}", indent=9, first=9)
    referrers = [one.name or "something" for one in asked.deletes if one.role == "referrer"]
    if referrers:
        out.say(f"what refers to it goes too: {out.plain(', '.join(referrers))}", indent=9, first=9)
    for use in asked.uses:
        out.say(
            f"[yellow]needed[/]   {out.plain(use.words)}{out.plain(f' ({use.release})' if use.release else '')}",
            indent=9,
        )
    out.say(f"frees    {size(asked.frees)}", indent=9)


def tell_done(asked: Withdrawal, done: Withdrawn, embedded: bool, out: Output) -> None:
    if asked.untags:
        out.say("[green]removed[/]")
        return
    later = "; its space is free after windlass registry gc" if embedded else ""
    out.say(f"[green]removed[/]{later}")
    for one, reason in done.left:
        out.say(f"[red]left[/]     {one.digest[:19]}: {out.plain(reason)}", indent=9)


def _agreed(out: Output) -> bool:
    """Ask on the terminal; no is the answer of Enter, and of nobody.

    Raises:
        UsageError: there is no terminal to ask on.
    """
    from windlass.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked", remedy="--yes removes without asking; --dry-run only tells")
    out.rich.print("remove it? [y/N] ", end="", markup=False)
    out.rich.file.flush()
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    out.say("nothing was removed")
    return False


def _document(asked: Withdrawal, done: Withdrawn, doubt: str | None, *, dry_run: bool) -> dict[str, Any]:
    left = {one.digest: reason for one, reason in done.left}
    return {
        "repository": asked.repository,
        "tag": asked.tag,
        "digest": asked.digest,
        "dry_run": dry_run,
        "removes": "tag" if asked.untags else "image",
        "also": list(asked.also),
        "manifests": [
            {"digest": one.digest, "role": one.role, "name": one.name, "left": left.get(one.digest)}
            for one in asked.deletes
        ],
        "frees_bytes": asked.frees,
        "part_of": list(asked.part_of),
        "locked": list(asked.locked),
        "needed_by": [{"environment": u.environment, "release": u.release, "need": u.need} for u in asked.uses],
        "doubt": doubt,
    }
