"""`windlass registry token`: long-lived tokens for CI, limited to repositories and actions."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from windlass.cli import options
from windlass.cli.registry.granted import grants_document, grants_words

EXAMPLE = "windlass registry token create --repository 'team/**' --actions pull,push --days 90 --note ci"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("do", choices=("create", "list", "revoke"))
    parser.add_argument("id", nargs="?", metavar="ID", help="which one to revoke")
    parser.add_argument(
        "--repository", action="append", metavar="GLOB", help="what it is for; may be repeated; default: '**'"
    )
    parser.add_argument("--actions", default="pull", metavar="LIST", help="like pull,push,delete; default: pull")
    parser.add_argument("--days", type=float, default=90.0, metavar="N", help="how long it is good; default: 90")
    parser.add_argument("--note", default="", metavar="TEXT", help="what it is for, in words")
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="the registry's root; default: the one windlass starts"
    )
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass import wiring
    from windlass.cli.output import errors, output, print_json
    from windlass.errors import UsageError
    from windlass.registry.server.access.editing import create_token, revoke_token
    from windlass.registry.server.access.files import AccessFiles
    from windlass.registry.server.access.grants import make_grant

    root: Path = arguments.root or wiring.registry_root()
    files = AccessFiles.of(root.absolute())
    if arguments.do == "create":
        actions = [action.strip() for action in arguments.actions.split(",") if action.strip()]
        grants = [make_grant(glob, actions) for glob in arguments.repository or ["**"]]
        token, text = create_token(files, arguments.note, grants, arguments.days)
        if arguments.json:
            print_json(
                {
                    "id": token.id,
                    "token": text.reveal(),
                    "expires": _moment(token.expires),
                    "grants": grants_document(grants),
                }
            )
        else:
            said = f"token {token.id} may {grants_words(grants)} until {_moment(token.expires)}; it is shown only once"
            errors().say(errors().plain(said))
            output().rich.print(text.reveal(), soft_wrap=True)  # in one piece, however narrow the terminal is
    elif arguments.do == "revoke":
        if arguments.id is None:
            raise UsageError("a token's id is missing", remedy="windlass registry token list")
        revoke_token(files, arguments.id)
        if arguments.json:
            print_json({"id": arguments.id, "done": "revoke"})
        else:
            output().say(f"token {arguments.id} was revoked")
    else:
        tokens = sorted(files.read().tokens.values(), key=lambda each: each.created)
        if arguments.json:
            listed = [
                {
                    "id": each.id,
                    "note": each.note,
                    "created": _moment(each.created),
                    "expires": _moment(each.expires),
                    "grants": grants_document(each.grants),
                }
                for each in tokens
            ]
            print_json({"tokens": listed})
        elif tokens:
            plain = output().plain
            rows = [(each.id, plain(each.note), grants_words(each.grants), _moment(each.expires)) for each in tokens]
            output().table(("id", "note", "may", "until"), rows)
        else:
            output().say("there are no tokens")
    return 0


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
