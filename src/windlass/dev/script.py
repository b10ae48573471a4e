"""`dev-local.sh`: the verbs of `windlass dev`, for people who have never heard of it."""

from __future__ import annotations

from pathlib import Path

from windlass.errors import Refused, UsageError

NAME = "dev-local.sh"

TEXT = """\
#!/bin/sh
# Local development, by Windlass. Written by `windlass dev setup`; edit windlass.yaml, not this.
#
#   ./dev-local.sh setup | start | start-min | stop | restart | status | logs | test | update | clean | monitor
#   TAG=main-abc1234 ./dev-local.sh start      a named release instead of the latest one
cd "$(dirname "$0")" || exit
command -v windlass >/dev/null || {
  echo "dev-local.sh: windlass is not installed; its README says how" >&2
  exit 7
}
[ $# -gt 0 ] || set -- --help
exec windlass dev "$@"
"""


def write(root: Path) -> bool:
    """Write the script into a repository, executable; whether anything changed.

    Raises:
        Refused: another file of that name is there.
        UsageError: it cannot be written.
    """
    path = root / NAME
    try:
        if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == TEXT:
            return False
        if path.exists():
            remedy = "rename or remove it, then run windlass dev setup again; windlass dev start works without it"
            raise Refused(f"{NAME} exists and says something else", where=NAME, remedy=remedy)
        path.write_text(TEXT, encoding="utf-8", newline="\n")
        path.chmod(0o755)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror or error}", where=NAME) from error
    return True
