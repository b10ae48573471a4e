"""API suites: YAML files with requests, and what is expected of the answers.

    cases:
      - name: workers need a token        # required
        service: platform                 # required, a Compose service
        port: 8443                        # container port; may be left out when the service publishes exactly one
        scheme: https                     # http (default) or https
        insecure: true                    # accept a self-signed certificate
        method: GET
        path: /v1/workers
        headers: {Authorization: "Bearer ${PLATFORM_AUTH_TOKEN}"}
        json: {name: value}               # or body: "text"
        expect:
          status: 200                     # default: any below 400
          json: {"workers[0].name": converter}   # path → value; paths as in `jsonpath`
          contains: text                  # or a list of texts
          headers: {Content-Type: application/json}
        deadline: 30s                     # default: 15 s from the first wrong answer; while there is none at all, or
                                          # 502, 503 or 504, the environment's verify_timeout
        after_switch: true                # it needs other services to reach the new one: not asked before they do

`${NAME}` stands for a variable in every text, `$${` for a literal `${`. A variable without a value is an error that
names it; values are never shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from windlass.config.yaml import Document, parse
from windlass.errors import ConfigError
from windlass.verify.probe import Expectation, Probe

_VARIABLE = re.compile(r"\$\$(?=\{)|\$\{(?P<name>[^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it stands in the file, variables not yet replaced. `where` is `FILE:LINE: path`."""

    where: str
    name: str
    service: str
    port: int | None
    scheme: str
    insecure: bool
    method: str
    path: str
    headers: Mapping[str, str]
    json: Any
    body: str | None
    expect: Expectation
    deadline: float | None
    after_switch: bool = False


@dataclass(frozen=True, slots=True)
class Suite:
    name: str
    cases: tuple[Case, ...] = field(repr=False)


def parse_suite(data: bytes, name: str) -> Suite:
    """A suite from a file's content; `name` is what errors call the file.

    Raises:
        ConfigError: it is wrong: one line with the position.
    """
    return _suite(parse(data, name))


def to_probe(case: Case, environ: Mapping[str, str]) -> Probe:
    """The probe of a case, variables replaced.

    Raises:
        ConfigError: names a variable that has no value.
    """
    private: dict[str, str] = {}

    def expand(value: Any) -> Any:
        if isinstance(value, str):
            return _VARIABLE.sub(replace, value)
        if isinstance(value, dict):
            return {key: expand(item) for key, item in value.items()}
        if isinstance(value, list):
            return [expand(item) for item in value]
        return value

    def replace(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return "$"
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"'${{{name}}}' is not a variable", where=case.where, remedy="write ${NAME}, or $${ for a literal ${"
            )
        if not environ.get(name):
            raise ConfigError(
                f"the variable {name} has no value",
                where=case.where,
                remedy=f"set {name} in the environment, or in one of the environment's env_files",
            )
        private[name] = environ[name]
        return environ[name]

    headers = expand(dict(case.headers))
    body = None if case.body is None else expand(case.body).encode()
    if case.json is not None:
        body = json.dumps(expand(case.json), ensure_ascii=False).encode()
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
    return Probe(
        name=case.name,
        service=case.service,
        port=case.port,
        scheme=case.scheme,
        insecure=case.insecure,
        method=case.method,
        path=expand(case.path),
        headers=headers,
        body=body,
        expect=Expectation(
            status=case.expect.status,
            json=expand(dict(case.expect.json)),
            contains=tuple(expand(list(case.expect.contains))),
            headers=expand(dict(case.expect.headers)),
        ),
        deadline=case.deadline,
        private=private,
        impatient=case.deadline is None,
    )


def _suite(document: Document) -> Suite:
    from windlass.config.problems import validate
    from windlass.verify.models import SuiteFile

    if not isinstance(document.value, dict):
        found = "nothing" if document.value is None else "something else"
        raise ConfigError(
            f"expected a mapping with cases, found {found}; write cases: [{{name: it answers, service: web}}]",
            where=document.where(()),
        )
    sections = validate(SuiteFile, document.value, document).cases
    cases = []
    for at, section in enumerate(sections):
        if section.json_ is not None and section.body is not None:
            raise ConfigError("a request has json or body, not both", where=document.where(("cases", at, "body")))
        if section.insecure and section.scheme == "http":
            raise ConfigError(
                "insecure means nothing over http; write scheme: https", where=document.where(("cases", at, "insecure"))
            )
        expect = section.expect
        cases.append(
            Case(
                where=document.where(("cases", at)),
                name=section.name,
                service=section.service,
                port=section.port,
                scheme=section.scheme,
                insecure=section.insecure,
                method=section.method,
                path=section.path,
                headers=section.headers,
                json=section.json_,
                body=section.body,
                expect=Expectation(expect.status, expect.json_, tuple(expect.contains), expect.headers),
                deadline=section.deadline,
                after_switch=section.after_switch,
            )
        )
    return Suite(document.name, tuple(cases))
