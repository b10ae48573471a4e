"""What Docker Compose says on standard error, turned into one line each: the file, what is wrong, what to do.

The patterns are those of Compose 2.20 to 2.40; a refusal that none of them knows is passed on as it is, on one line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from windlass.errors import ConfigError, EnvironmentUnusable, WindlassError

_WARNING = re.compile(r'level=warning msg="((?:[^"\\]|\\.)*)"')
_UNSET = re.compile(r'The "([^"]+)" variable is not set')
_PREFIX = re.compile(r"^(?:time=\S+ level=\w+ msg=|[Ee]rror: |ERROR: |failed to load: )")
_VALIDATING = re.compile(r"^validating (?P<file>\S+): (?P<rest>.*)$")
_PROPERTY = re.compile(r"^(?P<path>\S+) [Aa]dditional propert(?:y|ies) '?(?P<key>[^' ]+)'? (?:is |are )?not allowed")
_ENV_FILE = re.compile(r"env file (?P<file>.+?) not found")
_REQUIRED = re.compile(r"required variable (?P<name>\w+) is missing a value(?:: (?P<why>.*))?")

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"while interpolating (?P<path>\S+): required variable (?P<name>\w+) is missing a value(?:: (?P<why>.*))?$"),
     "{path}: the variable {name} has no value ({why}); set it in the environment or in .env"),
    (re.compile(r"required variable (?P<name>\w+) is missing a value(?:: (?P<why>.*))?$"),
     "the variable {name} has no value ({why}); set it in the environment or in .env"),
    (re.compile(r"invalid interpolation format for (?P<path>\S+?)\.? You may need to escape any \$ with another \$\. (?P<text>.*)$"),
     "{path}: expected ${{NAME}}, found {text}; write $$ for a plain dollar sign"),
    (re.compile(r"invalid interpolation format for (?P<path>[^:]+): (?P<text>.*?)\.? You may need to escape any \$ with another \$\.?$"),
     "{path}: expected ${{NAME}}, found {text}; write $$ for a plain dollar sign"),
    (_ENV_FILE, "the env file {file} does not exist; create it, or write {{path: {file}, required: false}}"),
    (re.compile(r'service "(?P<a>[^"]+)" depends on undefined service "?(?P<b>[^":]+)"?'),
     "services.{a}.depends_on: there is no service {b}; correct the name, or declare it"),
    (re.compile(r"dependency cycle detected: (?P<path>.*)$"),
     "these services wait for each other: {path}; take one depends_on out"),
    (re.compile(r'cannot extend service "(?P<a>[^"]+)" in (?P<file>\S+): service "(?P<b>[^"]+)" not found'),
     "services.{a}.extends: there is no service {b} in {file}; correct the name"),
    (re.compile(r'service "(?P<a>[^"]+)" has neither an image nor a build context'),
     "services.{a}: has neither image nor build; add one, or list this file after the one that it overrides"),
    (re.compile(r'service "(?P<a>[^"]+)" refers to undefined (?P<what>\w+) (?P<b>[^:]+)'),
     "services.{a}: there is no {what} {b}; declare it under {what}s"),
    (re.compile(r"^empty compose file"), "the file is empty; declare services in it"),
    (re.compile(r"^[Tt]op-level object must be a mapping"), "expected a mapping with services; write services: …"),
    (re.compile(r"^open (?P<file>\S+): no such file or directory"),
     "the file {file}, named by include or extends, does not exist; correct the path"),
    (re.compile(r"^failed to read (?P<file>\S+): (?P<why>.*)$"), "the env file {file} cannot be read: {why}; correct it"),
    (re.compile(r"^yaml: invalid (?:leading|trailing) UTF-8"), "expected UTF-8 text; save the file as UTF-8"),
    (re.compile(r"^invalid project name (?P<name>\"[^\"]*\")"),
     "{name} cannot be a project name; write lower-case letters, digits, '-' and '_'"),
)  # fmt: skip
_YAML_LINE = re.compile(r"^yaml: (?:unmarshal errors: )?line (?P<line>\d+): (?P<why>.*)$")


def warnings(stderr: str, directory: Path) -> tuple[str, ...]:
    """Compose's warnings as sentences, each once; `directory` is stripped from paths."""
    found = []
    for match in _WARNING.findall(stderr):
        said = _unquoted(match)
        unset = _UNSET.search(said)
        found.append(
            f"the variable {unset[1]} has no value; Compose takes it as empty"
            if unset
            else said.rstrip(".").replace(f"{directory}/", "")
        )
    return tuple(dict.fromkeys(found))


def unset(stderr: str) -> tuple[str, ...]:
    """Names of the variables that had no value and no default."""
    return tuple(dict.fromkeys(_UNSET.findall(_unquoted(stderr))))


def missing_env_file(stderr: str) -> str | None:
    """The path of the env file that Compose did not find, if that is why it refused."""
    found = _ENV_FILE.search(stderr)
    return found["file"] if found else None


def required_variable(stderr: str) -> str | None:
    """The variable without which Compose refuses (`${NAME:?reason}`), if that is why it refused."""
    found = _REQUIRED.search(stderr)
    return found["name"] if found else None


def refusal(stderr: str, files: Sequence[str], directory: Path) -> WindlassError:
    """The error that Compose's refusal stands for.

    Args:
        files: what the user calls the Compose files.
        directory: stripped from the paths in messages.
    """
    if any(
        mark in stderr
        for mark in ("is not a docker command", "unknown shorthand flag", "unknown flag: --project-directory")
    ):
        return EnvironmentUnusable(
            "Docker Compose is not installed", remedy="install the Docker Compose plugin (version 2.20 or later)"
        )
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and "level=warning" not in line]
    said = _PREFIX.sub("", " ".join(lines)).replace(f"{directory}/", "")
    where, message = _translate(said or "Docker Compose gave no reason", ", ".join(files))
    return ConfigError(" ".join(message.split()), where=where)


def _translate(said: str, where: str) -> tuple[str, str]:
    """(where, message). The reason is never dropped: what no rule knows is passed on."""
    if validating := _VALIDATING.match(said):
        where, said = validating["file"], validating["rest"]
        if unknown := _PROPERTY.match(said):
            path = "" if unknown["path"] == "(root)" else f"{unknown['path']}: "
            return where, f"{path}unknown key '{unknown['key']}'; correct its name, or take it out"
        path, _, rest = said.partition(" ")
        return where, f"{path}: {rest}; see the Compose file reference" if rest else said
    if line := _YAML_LINE.match(said):
        why = "a tab indents this line; write spaces" if _is_tab(line["why"]) else f"{line['why']}; correct the YAML"
        return f"{where}:{line['line']}", why
    for pattern, message in _RULES:
        if found := pattern.search(said):
            parts = {name: value or "" for name, value in found.groupdict().items()}
            return where, message.format(**parts).replace(" ()", "")
    return where, said


def _is_tab(why: str) -> bool:
    return "cannot start any token" in why


def _unquoted(text: str) -> str:
    return text.replace('\\"', '"').replace("\\\\", "\\")
