"""API suites as people write them, rightly and wrongly."""

from __future__ import annotations

import json

import pytest

from windlass.errors import ConfigError
from windlass.verify.api import parse_suite, to_probe

WHOLE = """
cases:
  - name: workers need a token
    service: platform
    port: 8443
    scheme: https
    insecure: true
    method: POST
    path: /v1/workers?as=${WHO}
    headers: {Authorization: "Bearer ${TOKEN}"}
    json: {note: "$${literal} ${TOKEN}", deep: [1, "${WHO}"]}
    expect: {status: 200, json: {"workers[0].name": converter}, contains: text, headers: {Content-Type: application/json}}
    deadline: 10s
"""


def test_a_whole_case_becomes_a_probe() -> None:
    suite = parse_suite(WHOLE.encode(), "api.yaml")
    probe = to_probe(suite.cases[0], {"TOKEN": "s3cret", "WHO": "me"})
    assert (probe.service, probe.port, probe.scheme, probe.insecure, probe.method) == (
        "platform",
        8443,
        "https",
        True,
        "POST",
    )
    assert probe.path == "/v1/workers?as=me"
    assert probe.headers == {"Authorization": "Bearer s3cret", "Content-Type": "application/json"}
    assert json.loads(probe.body or b"") == {"note": "${literal} s3cret", "deep": [1, "me"]}
    assert (probe.expect.status, probe.expect.contains, probe.deadline) == (200, ("text",), 10.0)


def test_most_may_be_left_out() -> None:
    probe = to_probe(parse_suite(b"cases: [{name: it answers, service: web}]", "api.yaml").cases[0], {})
    assert (probe.method, probe.path, probe.scheme, probe.port, probe.body) == ("GET", "/", "http", None, None)


def test_private_values_are_in_no_representation() -> None:
    probe = to_probe(parse_suite(WHOLE.encode(), "api.yaml").cases[0], {"TOKEN": "s3cret", "WHO": "someone"})
    assert "s3cret" not in repr(probe)
    assert probe.redact("it said s3cret to someone") == "it said ${TOKEN} to ${WHO}"


def test_a_variable_without_a_value_is_named_with_its_position() -> None:
    case = parse_suite(WHOLE.encode(), "tests/api.yaml").cases[0]
    with pytest.raises(ConfigError) as failure:
        to_probe(case, {"WHO": "me", "TOKEN": ""})
    assert str(failure.value) == "tests/api.yaml:3: cases[0]: the variable TOKEN has no value"
    assert failure.value.remedy is not None and "TOKEN" in failure.value.remedy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "api.yaml:1: expected a mapping with cases, found nothing"),
        ("cases: []", "api.yaml:1: cases: expected at least one entry"),
        ("case: []", "cases: missing"),
        ("cases: [{name: a, service: web}]\ncase: []", "api.yaml:2: case: unknown key; did you mean 'cases'"),
        ("[]", "api.yaml:1: expected a mapping"),
        ("cases:\n  - service: web", "api.yaml:2: cases[0].name: missing"),
        ("cases:\n  - {name: a}", "cases[0].service: missing; write service: platform"),
        ("cases:\n  - {name: a, service: web, port: 99999}", "expected a port from 1 to 65535, found 99999"),
        ("cases:\n  - {name: a, service: web, prot: 1}", "did you mean 'port'"),
        ("cases:\n  - {name: a, service: web, scheme: ftp}", "expected one of http, https, found ftp"),
        ("cases:\n  - {name: a, service: web, method: get}", "found get"),
        ("cases:\n  - {name: a, service: web, path: v1}", "expected a path that starts with '/'"),
        ("cases:\n  - {name: a, service: web, path: '/a b'}", "holds no spaces"),
        ("cases:\n  - {name: a, service: web, deadline: 10}", "expected a duration such as 10s"),
        ("cases:\n  - {name: a, service: web, deadline: soon}", "expected a duration"),
        ("cases:\n  - {name: a, service: web, headers: {X: 1}}", "put numbers in quotes"),
        ("cases:\n  - {name: a, service: web, headers: {'X Y': a}}", "expected header names"),
        ("cases:\n  - {name: a, service: web, headers: [a]}", "headers: expected a mapping, found a list"),
        ("cases:\n  - {name: a, service: web, expect: 200}", "expected a mapping, found 200"),
        ("cases:\n  - {name: a, service: web, expect: {status: 20}}", "expected an HTTP status from 100 to 599"),
        ("cases:\n  - {name: a, service: web, expect: {status: ok}}", "expected an HTTP status"),
        ("cases:\n  - {name: a, service: web, expect: {json: {'a..b': 1}}}", "such as workers[0].name"),
        ("cases:\n  - {name: a, service: web, expect: {contains: 5}}", "found 5"),
        (
            "cases:\n  - {name: a, service: web, json: {}, body: x}",
            "cases[0].body: a request has json or body, not both",
        ),
        ("cases:\n  - {name: a, service: web, insecure: true}", "cases[0].insecure: insecure means nothing over http"),
        ("cases:\n\t- a", "api.yaml:2: a tab indents this line"),
        ("cases: {", "not valid YAML"),
        ("cases: !x 1", "the tag !x is not supported"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_position(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as failure:
        parse_suite(text.encode(), "api.yaml")
    assert said in str(failure.value)
    assert "\n" not in str(failure.value)
    assert str(failure.value).startswith("api.yaml")


def test_what_is_no_variable_is_refused() -> None:
    suite = parse_suite(b'cases: [{name: a, service: web, path: "/${not-a-name}"}]', "api.yaml")
    with pytest.raises(ConfigError, match="is not a variable"):
        to_probe(suite.cases[0], {})


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ConfigError, match="UTF-8"):
        parse_suite(b"\xff\xfe", "api.yaml")
