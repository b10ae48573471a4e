"""Variables of a Dockerfile: global ARGs, predefined platform ARGs, and each stage's ARGs and ENVs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from windlass.plan.dockerfile.expand import BadWord, expand
from windlass.plan.dockerfile.instructions import Arg, Env
from windlass.plan.dockerfile.stages import Dockerfile

PROXIES = frozenset(
    name
    for lower in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
    for name in (lower, lower.upper())
)
"""Build arguments that BuildKit keeps out of the image unless a stage declares them."""


class UnknownVariable(Exception):
    """Its value comes from the base image, which is not looked into."""


@dataclass
class Scope:
    """A stage's variables. `open` means that the base image may set more of them; `unknown` are those that hang on such."""

    values: dict[str, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    open: bool = False

    def copy(self) -> Scope:
        return Scope(dict(self.values), set(self.unknown), self.open)

    def lookup(self, name: str) -> str | None:
        """Raises UnknownVariable."""
        if name in self.values:
            return self.values[name]
        if self.open or name in self.unknown:
            raise UnknownVariable(name)
        return None

    def expand(self, word: str, escape: str) -> str:
        """Raises UnknownVariable, BadWord."""
        return expand(word, self.lookup, escape=escape)

    def set(self, name: str, word: str, escape: str) -> None:
        try:
            self.values[name] = self.expand(word, escape)
            self.unknown.discard(name)
        except UnknownVariable:
            self.values.pop(name, None)
            self.unknown.add(name)


def predefined(target: str, build: str, stage: str) -> dict[str, str]:
    """The ARGs BuildKit defines itself, for a target and a build platform."""
    values = {"TARGETSTAGE": stage}
    for side, platform in (("TARGET", target), ("BUILD", build)):
        system, architecture, *variant = platform.split("/")
        values[f"{side}PLATFORM"] = platform
        values[f"{side}OS"] = system
        values[f"{side}ARCH"] = architecture
        values[f"{side}VARIANT"] = variant[0] if variant else ""
    return values


def global_scope(dockerfile: Dockerfile, given: Mapping[str, str], builtin: Mapping[str, str]) -> Scope:
    """The scope of FROM: predefined ARGs, then the ARGs before the first FROM, overridden by the build's arguments.

    Raises:
        BadWord
    """
    scope = Scope({name: given.get(name, value) for name, value in builtin.items()})
    for arg in dockerfile.globals:
        for name, default in arg.names:
            if name in given:
                scope.values[name] = given[name]
            elif default is not None:
                scope.values[name] = scope.expand(default, dockerfile.escape)
    return scope


def declare(arg: Arg, scope: Scope, globals_: Scope, given: Mapping[str, str], escape: str) -> dict[str, str]:
    """Bring a stage's ARG into its scope; returns the values that come from outside the stage's own text."""
    outside: dict[str, str] = {}
    for name, default in arg.names:
        if name in given:
            if not _equals(default, given[name], scope, escape):
                outside[name] = given[name]
            scope.values[name] = given[name]
            scope.unknown.discard(name)
        elif default is not None:
            scope.set(name, default, escape)
        elif name in globals_.values:
            outside[name] = scope.values[name] = globals_.values[name]
    return outside


def _equals(default: str | None, value: str, scope: Scope, escape: str) -> bool:
    """Whether an argument is given the value that it has anyway: then the stage's own text says it all."""
    try:
        return default is not None and scope.expand(default, escape) == value
    except (UnknownVariable, BadWord):
        return False


def assign(env: Env, scope: Scope, escape: str) -> None:
    """Bring an ENV into its stage's scope; its values see the variables from before it.

    Raises:
        BadWord
    """
    before = scope.copy()
    for name, word in env.values:
        try:
            key = before.expand(name, escape)
        except UnknownVariable:
            continue
        try:
            scope.values[key] = before.expand(word, escape)
            scope.unknown.discard(key)
        except UnknownVariable:
            scope.values.pop(key, None)
            scope.unknown.add(key)


__all__ = ["PROXIES", "BadWord", "Scope", "UnknownVariable", "assign", "declare", "global_scope", "predefined"]
