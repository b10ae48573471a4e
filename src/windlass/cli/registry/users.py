"""`windlass registry users`: who can log in to the embedded registry."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from windlass.cli import options
from windlass.cli.registry.granted import grants_document, grants_words
from windlass.model.secret import Secret

EXAMPLE = "windlass registry users add alice"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("do", choices=("add", "remove", "list"), help="add also changes a password")
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("--password-stdin", action="store_true", help="read the password's line from standard input")
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="the registry's root; default: the one windlass starts"
    )
    parser.add_argument("--users", type=Path, metavar="FILE", help="htpasswd file; default: htpasswd in the root")
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass import wiring
    from windlass.cli.output import output, print_json
    from windlass.errors import UsageError
    from windlass.registry.server.access.editing import add_user, remove_user
    from windlass.registry.server.access.files import AccessFiles
    from windlass.registry.server.access.htpasswd import name_problem
    from windlass.registry.server.storage.root_lock import holder

    root: Path = arguments.root or wiring.registry_root()
    files = AccessFiles.of(root.absolute(), arguments.users)
    if arguments.do == "list":
        people = files.read()
        rows = [(name, people.granted(name, 0) or ()) for name in people.users]
        if arguments.json:
            print_json({"users": [{"name": name, "grants": grants_document(grants)} for name, grants in rows]})
        elif rows:
            output().table(("user", "may"), [(name, grants_words(grants)) for name, grants in rows])
        else:
            output().say("there are no users: windlass registry users add NAME")
        return 0
    if arguments.name is None:
        raise UsageError("a user is missing", remedy=f"windlass registry users {arguments.do} NAME")
    if arguments.do == "add":
        if (reason := name_problem(arguments.name)) is not None:
            raise UsageError(reason, remedy="choose another name")
        first = not files.present()
        new = add_user(files, arguments.name, _password(arguments.password_stdin))
        said = f"{arguments.name} {'was added' if new else 'has a new password'}"
        if first and holder(root) is not None:
            said += "; start the registry again to make it ask for users: windlass registry stop"
    else:
        left = remove_user(files, arguments.name)
        said = f"{arguments.name} was removed"
        if not left:
            said += f"; no user is left. Remove {files.users} to open the registry to everybody on this machine"
    if arguments.json:
        print_json({"user": arguments.name, "done": arguments.do})
    else:
        output().say(output().plain(said))
    return 0


def _password(from_input: bool) -> Secret:
    import getpass

    from windlass.errors import UsageError

    if from_input:
        return Secret(sys.stdin.readline().rstrip("\r\n"))
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask for the password", remedy="add --password-stdin and pipe it in")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise UsageError("the two are not the same", remedy="try again")
    return Secret(password)
