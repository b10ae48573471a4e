"""Who was granted what: `access.yaml`, from users to lists of repositories and actions.

alice:
  - {repositories: "**", actions: [pull, push, delete]}
anonymous:
  - {repositories: "public/**", actions: [pull]}
"""

from __future__ import annotations

from typing import TypeAlias, cast

from windlass.errors import ConfigError
from windlass.registry.server.access.caller import ACTIONS, ANONYMOUS, Action, Grant, is_glob
from windlass.registry.server.access.htpasswd import name_problem

Grants: TypeAlias = dict[str, tuple[Grant, ...]]

EVERYTHING = (Grant("**", ACTIONS),)
"""What every user may do where there is no `access.yaml`."""

_REMEDY = 'write: NAME: [{repositories: "team/**", actions: [pull, push]}]'


def parse_access(text: str, where: str) -> Grants:
    """Raises ConfigError, with the place in the file."""
    import yaml

    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}: line {mark.line + 1}" if mark is not None else where
        said = getattr(error, "problem", None) or "not YAML"
        raise ConfigError(f"cannot be read: {said}", where=place, remedy=_REMEDY) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError("is not a mapping from users to what they may do", where=where, remedy=_REMEDY)
    grants: Grants = {}
    for user, listed in document.items():
        place = f"{where}: {user}"
        if not isinstance(user, str):
            raise ConfigError("a user's name must be text", where=place, remedy="put it between quotes")
        if user != ANONYMOUS and (reason := name_problem(user)) is not None:
            raise ConfigError(reason, where=place, remedy="name a user of the htpasswd file, or anonymous")
        if not isinstance(listed, list):
            raise ConfigError("is not a list", where=place, remedy=_REMEDY)
        grants[user] = tuple(_grant(each, f"{place}[{index}]") for index, each in enumerate(listed))
    return grants


def _grant(found: object, where: str) -> Grant:
    if not isinstance(found, dict) or set(found) != {"repositories", "actions"}:
        raise ConfigError("is not a mapping of 'repositories' and 'actions'", where=where, remedy=_REMEDY)
    glob, actions = found["repositories"], found["actions"]
    if not isinstance(glob, str):
        raise ConfigError("must be text", where=f"{where}.repositories", remedy='put it between quotes, like "team/**"')
    listed = [actions] if isinstance(actions, str) else actions
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise ConfigError("must be a list of actions", where=f"{where}.actions", remedy=_REMEDY)
    return make_grant(glob, listed, where)


def make_grant(repositories: str, actions: list[str], where: str | None = None) -> Grant:
    """A grant from words; the action `*` means all of them.

    Raises:
        ConfigError: a glob that matches no repository, or an action there is not.
    """
    if not is_glob(repositories):
        raise ConfigError(
            f"'{repositories[:100]}' matches no repository name",
            where=where,
            remedy="write a name in lower case; * stands for one part of it, ** for any number of parts",
        )
    wrong = [action for action in actions if action != "*" and action not in ACTIONS]
    if wrong or not actions:
        raise ConfigError(
            f"there is no action '{wrong[0][:100]}'" if wrong else "no action is named",
            where=where,
            remedy=f"choose from {', '.join(sorted(ACTIONS))} and *",
        )
    return Grant(repositories, ACTIONS if "*" in actions else frozenset(cast("list[Action]", actions)))
