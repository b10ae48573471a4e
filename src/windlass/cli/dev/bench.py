"""What all verbs begin with."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windlass.dev.workbench import Workbench


def open_bench(arguments: argparse.Namespace) -> Workbench:
    """The checkout around `--directory`, as it is; says which engine it is about, where that is not the usual one.

    Raises:
        EnvironmentUnusable, ConfigError
    """
    from windlass import wiring
    from windlass.cli.session import open_session

    session = open_session(arguments)
    bench = wiring.workbench(session.project, session.repository, session.source)
    if bench.engine:
        from windlass.cli.output import errors

        err = errors()
        err.say(f"[dim]note[/]  the engine is {err.plain(bench.engine)}, as your docker has it", indent=6)
    return bench


def tag(arguments: argparse.Namespace) -> str | None:
    """The release asked for: `--tag`, or the variable TAG; `latest` is what is taken anyway, and may be missing.

    Raises:
        UsageError: no registry could have such a tag.
    """
    import re

    from windlass.dev.images import DEFAULT_TAG
    from windlass.errors import UsageError

    named: str = arguments.tag or os.environ.get("TAG", "")
    if named and re.fullmatch(r"\w[\w.-]{0,127}", named, re.ASCII) is None:
        raise UsageError(
            f"'{named}' cannot be a tag", where="TAG", remedy="as windlass registry tags SERVICE shows them"
        )
    return None if named in ("", DEFAULT_TAG) else named


def known(bench: Workbench, names: Sequence[str]) -> tuple[str, ...]:
    """Names of services that have containers here, checked.

    Raises:
        UsageError: one has none; says what there is.
    """
    from windlass.errors import UsageError

    there = [state.service for state in bench.observe().services]
    for name in names:
        if name not in there:
            raise UsageError(
                f"no service '{name}' is here", remedy=f"there are: {', '.join(there) or 'none; windlass dev start'}"
            )
    return tuple(names)
