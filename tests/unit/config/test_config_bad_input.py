"""Every kind of mistake in windlass.yaml is answered with one whole line: file, line, path, found, what to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from windlass.compose import load as compose
from windlass.config.load import load_project
from windlass.errors import ConfigError, ExitCode

MODEL = {
    "services": {
        "platform": {"build": {"context": "/repository", "dockerfile": "Dockerfile"}},
        "redis": {"image": "redis:7"},
    }
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def read(*args: Any, **kwargs: Any) -> compose.Loaded:
        return compose.Loaded(MODEL)

    monkeypatch.setattr(compose, "read", read)
    (tmp_path / "docker-compose.yml").write_text("services: {}\n")
    (tmp_path / "folder").mkdir()
    return tmp_path


def says(root: Path, text: str | bytes) -> str:
    (root / "windlass.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:
        load_project(root)
    assert caught.value.exit_code == ExitCode.USAGE
    line = str(caught.value)
    assert "\n" not in line
    return line.removeprefix("windlass.yaml:")


WHOLE_FILE: list[tuple[str, str | bytes, str]] = [
    ("empty file", "", " the file is empty; write project: NAME, or run windlass init --force"),
    ("only comments", "# soon\n", " the file is empty; write project: NAME, or run windlass init --force"),
    ("just text", "hello\n", "1: expected a mapping, found 'hello'; write project: NAME"),
    ("a list", "- project\n", "1: expected a mapping, found a list; write project: NAME"),
    ("a tab", "project: x\nscan:\n\tfail_on: high\n", "3: a tab indents this line; write spaces"),
    (
        "an open bracket",
        "project: [x\nregistry: y\n",
        "2: not valid YAML: expected ',' or ']', but got ':'; check colons, quotes and indentation",
    ),
    (
        "two colons",
        "project: x: y\n",
        "1: not valid YAML: mapping values are not allowed here; check colons, quotes and indentation",
    ),
    ("two documents", "project: x\n---\nproject: y\n", "2: a second document starts here; keep one, without ---"),
    ("a key twice", "project: x\nproject: y\n", "2: project: this key stands on line 1 already; write it once"),
    ("a foreign tag", "project: !!python/name:os.system x\n", "1: project: the tag !!python/name:os.system is not supported; remove it"),
    ("not UTF-8", b"project: x\nscan: \xff\n", "2: expected UTF-8 text, found the byte 0xff; save the file as UTF-8"),
    ("a control character", "project: x\x00\n", "1: a control character is not allowed here; remove it"),
    ("a list as a key", "? [a]\n: b\n", "1: expected text as a key, found a list or mapping; write key: value"),
    (
        "an alias of itself",
        "project: x\nservices: &a\n  b: *a\n",
        "3: this is nested too deep or expands to too much; write it without aliases",
    ),
    (
        "a broken number",
        "project: x\nparallel: !!int abc\n",
        "2: parallel: 'abc' cannot be read as int; correct it, or put text in quotes",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), [case[1:] for case in WHOLE_FILE], ids=[case[0] for case in WHOLE_FILE])
def test_a_file_that_cannot_be_read_is_answered_with_its_line(root: Path, text: str | bytes, line: str) -> None:
    assert says(root, text) == line


TOP: list[tuple[str, str, str]] = [
    ("unknown key, near", "registy: x", "registy: unknown key; did you mean 'registry'?"),
    (
        "unknown key, far",
        "zzz: x",
        "zzz: unknown key; known: project, registry, platforms, compose, builder, parallel, refresh, state, scan, cost, retention, services, environments",
    ),
    (
        "several",
        "registy: x\nbuilder: kaniko\nparallel: 0",
        "registy: unknown key; did you mean 'registry'? (and 2 more problems in this file)",
    ),
    ("registry with scheme", "registry: https://x.io", "registry: expected a host without https://, found https://x.io; write registry: registry.example.com"),
    ("registry with password", "registry: https://me:hunter2@x.io", "registry: expected a host without https://, found https://…@x.io; write registry: registry.example.com"),
    ("registry with path", "registry: x.io/team", "registry: expected a host without a path (a path goes to prefix), found x.io/team; write registry: registry.example.com"),
    ("registry without host", "registry: {prefix: x}", "registry.host: missing; write host: registry.example.com"),
    ("registry as a list", "registry: [x]", "registry: expected a mapping, found a list; write registry: embedded"),
    ("registry port", "registry: 'x:99999'", "registry: expected a host, with or without a port, found x:99999; write registry: registry.example.com"),
    ("a platform", "platforms: [arm]", "platforms[0]: expected a platform as os/architecture, found arm; write platforms: [linux/amd64, linux/arm64]"),
    ("text for a list", "platforms: linux/amd64", "platforms: expected a list of text, found linux/amd64; write platforms: [linux/amd64]"),
    ("an empty list", "platforms: []", "platforms: expected at least one entry, found an empty list; write platforms: [linux/amd64, linux/arm64]"),
    ("a builder", "builder: kaniko", "builder: expected one of auto, buildx, buildah, found kaniko; write builder: auto"),
    ("too few", "parallel: 0", "parallel: expected a number from 1 to 64, found 0; write parallel: 2"),
    ("text for a number", "parallel: lots", "parallel: expected a whole number, found lots; write parallel: 2"),
    ("not a number", "parallel: .nan", "parallel: expected a whole number, found .nan; write parallel: 2"),
    ("text for a mapping", "state: origin", "state: expected a mapping, found origin; write state: {remote: origin}"),
    ("a severity", "scan: {fail_on: huge}", "scan.fail_on: expected one of low, medium, high, critical, never, found huge; write fail_on: critical"),
    ("a number for a switch", "scan: {required: 1}", "scan.required: expected true or false, found 1; write required: true"),
    ("ignore file missing", "scan: {ignore_file: no.txt}", "scan.ignore_file: there is no file no.txt; write the path of one, relative to the repository's root"),
    ("Compose file missing", "compose: [nope.yml]", "compose[0]: there is no file nope.yml; write the path of one, relative to the repository's root"),
    ("Compose file is a folder", "compose: [folder]", "compose[0]: expected a file, found the folder folder; write the path of a file"),
    ("Compose file outside", "compose: [../x.yml]", "compose[0]: expected a path inside the repository, relative to its root, found ../x.yml; write compose: [docker-compose.yml]"),
    ("a merge of nothing", "<<: 3", "<<: expected a mapping to merge; write <<: *NAME"),
    ("services as a list", "services: [platform]", "services: expected a mapping, found a list; write services: {platform: {heavy: true}}"),
    ("a service as text", "services: {platform: heavy}", "services.platform: expected a mapping, found heavy; write platform: {heavy: true}"),
    ("an unknown service", "services: {platfrom: {heavy: true}}", "services.platfrom: there is no service 'platfrom' in docker-compose.yml; did you mean 'platform'?"),
    ("an image that is not built", "services: {redis: {image: x}}", "services.redis.image: redis has no build section; take image out"),
    ("an environment as text", "environments: {a: main}", "environments.a: expected a mapping, found main; write a: {branch: develop}"),
    ("an environment's name", "environments: {My Env: {branch: x}}", "environments.My Env: expected lower-case letters, digits, '-' and '_', starting with a letter or digit, found My Env; write staging: {branch: develop}"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), [case[1:] for case in TOP], ids=[case[0] for case in TOP])
def test_a_wrong_key_or_value_is_answered_with_what_to_write(root: Path, text: str, line: str) -> None:
    assert says(root, f"project: crank\n{text}\n") == f"2: {line}"


ENVIRONMENT: list[tuple[str, str, str]] = [
    ("a number for a list", "tags: 3", 'tags: expected a list of text, found 3; write tags: ["develop-{sha}"]'),
    ("a number for text", "tags: [develop, 3]", 'tags[1]: expected text, found 3; write "3"'),
    ("no tags", "tags: []", 'tags: expected at least one entry, found an empty list; write tags: ["develop-{sha}"]'),
    ("an unknown placeholder", 'tags: ["{commit}"]', 'tags[0]: expected a tag in which only {branch} and {sha} are replaced, found {commit}; write tags: ["develop-{sha}"]'),
    ("a slash in a tag", 'tags: ["a/{sha}"]', "tags[0]: expected a tag of letters, digits, '_', '.' and '-', with {branch} or {sha}, found a/{sha}; write tags: [\"develop-{sha}\"]"),
    ("a switch for text", "branch: on", 'branch: expected text, found on; write branch: "on"'),
    ("a port name", "ports: {http: 80}", "ports: expected ports from 1 to 65535 as keys, found a mapping; write ports: {8443: 18443}"),
    ("a port too high", "ports: {80: 99999}", "ports.80: expected a port from 1 to 65535, found 99999; write ports: {8443: 18443}"),
    ("ports as a list", "ports: [80]", "ports: expected a mapping, found a list; write ports: {8443: 18443}"),
    ("an offset as text", "port_offset: many", "port_offset: expected a whole number from 0 to 65534, found many; write port_offset: 10000"),
    ("a duration in words", "ready_timeout: soon", "ready_timeout: expected a duration such as 180s, 2m or 1h30m, found soon; write ready_timeout: 180s"),
    ("a duration without unit", "ready_timeout: 180", "ready_timeout: expected a duration such as 180s, 2m or 1h30m, found 180; write ready_timeout: 180s"),
    ("no time at all", "verify_timeout: 0s", "verify_timeout: expected a duration above 0s and within a year, found 0s; write verify_timeout: 60s"),
    ("a secret's value", "secrets: ['TOKEN=hunter2']", "secrets[0]: expected the name of an environment variable, not its value, found something else; write secrets: [PLATFORM_AUTH_TOKEN]"),
    ("Compose file missing", "compose: [nope.yml]", "compose[0]: there is no file nope.yml; write the path of one, relative to the repository's root"),
    ("API suite missing", "api: [nope.yaml]", "api[0]: there is no file nope.yaml; write the path of one, relative to the repository's root"),
    ("unknown key", "tag: [x]", "tag: unknown key; did you mean 'tags'?"),
    ("a certificate's service", "edge: {tls: [{service: platfrom, port: 8443, certificate: a.pem}]}", "edge.tls[0].service: there is no service 'platfrom'; did you mean 'platform'?"),
    ("a certificate without a file", "edge: {tls: [{service: platform, port: 8443}]}", "edge.tls[0].certificate: missing; write certificate: /etc/letsencrypt/live/example.org/fullchain.pem"),
    ("a port with two certificates", "edge: {tls: [{service: platform, port: 1, certificate: a}, {service: platform, port: 1, certificate: b}]}", "edge.tls: expected each port once, not platform:1 twice, found a list; write tls: [{service: platform, port: 8443, certificate: /etc/ssl/platform.pem}]"),
    ("a name for nobody", "edge: {sni: {443: {a.org: 'platfrom:1'}}}", "edge.sni: there is no service 'platfrom'; did you mean 'platform'?"),
    ("a name twice", "edge: {sni: {443: {a.org: 'platform:1', A.org: 'redis:1'}}}", "edge.sni: expected each name once, not a.org twice, found a mapping; write sni: {443: {shop.example.org: shop:8443}}"),
    ("a name without a port", "edge: {sni: {443: {a.org: platform}}}", "edge.sni: expected SERVICE:PORT, with the container port, for a.org, found a mapping; write sni: {443: {shop.example.org: shop:8443}}"),
    ("a target", "target: moon", "target: expected one of docker, found moon; write target: docker"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), [case[1:] for case in ENVIRONMENT], ids=[case[0] for case in ENVIRONMENT])
def test_mistakes_in_an_environment(root: Path, text: str, line: str) -> None:
    assert says(root, f"project: crank\nenvironments:\n  staging:\n    {text}\n") == f"4: environments.staging.{line}"


SERVICE: list[tuple[str, str, str]] = [
    ("unknown key", "helth: []", "helth: unknown key; did you mean 'health'?"),
    ("unknown key in a list", "health: [{port: 1, pth: /}]", "health[0].pth: unknown key; did you mean 'path'?"),
    ("a port too high", "health: [{port: 99999}]", "health[0].port: expected a port from 1 to 65535, found 99999; write port: 8443"),
    ("no port", "health: [{path: /}]", "health[0].port: missing; write port: 8443"),
    ("a mapping for a list", "health: {port: 80}", "health: expected a list of mappings, found a mapping; write health: [{port: 8443, path: /health/live}]"),
    ("a path without slash", "health: [{port: 80, path: x}]", "health[0].path: expected text that starts with '/', found x; write path: /health/live"),
    ("a scheme", "health: [{port: 80, scheme: ftp}]", "health[0].scheme: expected one of http, https, found ftp; write scheme: https"),
    ("a status", "health: [{port: 80, status: 9999}]", "health[0].status: expected a number from 100 to 599, found 9999; write status: 200"),
    ("a switch", "heavy: maybe", "heavy: expected true or false, found maybe; write heavy: true"),
    ("an interval", "refresh: weekly", "refresh: expected a duration within a year such as 7d or 12h, or never, found weekly; write refresh: 7d"),
    ("an interval too long", "refresh: 400d", "refresh: expected a duration within a year such as 7d or 12h, or never, found 400d; write refresh: 7d"),
    ("two kinds of test", "test: {target: a, command: b}", "test: expected either target or command, found a mapping; write test: {target: test}"),
    ("no test", "test: {}", "test: expected either target or command, found an empty mapping; write test: {target: test}"),
    ("test files missing", "test: {command: b, files: nope}", "test.files: there is no file or folder nope; write one, relative to the repository's root"),
    ("an image with a tag", "image: app:1", "image: expected a repository name: lower-case letters, digits, '.', '_', '-' and '/', found app:1; write image: crank-platform"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), [case[1:] for case in SERVICE], ids=[case[0] for case in SERVICE])
def test_mistakes_in_a_service(root: Path, text: str, line: str) -> None:
    assert says(root, f"project: crank\nservices:\n  platform:\n    {text}\n") == f"4: services.platform.{line}"


def test_a_project_needs_a_name(root: Path) -> None:
    assert says(root, "registry: embedded\n") == "1: project: missing; write project: crank"
    assert says(root, "project:\n") == "1: project: missing; write project: crank"
    assert says(root, "project: 3\n") == '1: project: expected text, found 3; write project: "3"'


def test_two_environments_cannot_follow_one_branch(root: Path) -> None:
    text = "project: x\nenvironments:\n  a: {branch: main}\n  b:\n    branch: main\n"
    assert says(root, text) == (
        "5: environments.b.branch: the branch main belongs to a already; write another branch, or leave it out"
    )


def test_a_folder_named_windlass_yaml_is_refused(root: Path) -> None:
    (root / "windlass.yaml").mkdir()
    with pytest.raises(ConfigError) as caught:
        load_project(root)
    assert str(caught.value) == "windlass.yaml: expected a file, found a folder"


def test_without_a_file_init_is_proposed(root: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_project(root)
    assert str(caught.value) == f"there is no windlass.yaml in {root}; run windlass init to write one"


def test_without_a_compose_file_all_default_names_are_told(tmp_path: Path) -> None:
    assert says(tmp_path, "project: x\n") == (
        " no Compose file here: none of compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml; "
        "write compose: [PATH]"
    )


def test_a_registry_port_in_the_environment_must_be_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINDLASS_REGISTRY_PORT", "soon")
    assert says(root, "project: x\n") == (
        "environment: WINDLASS_REGISTRY_PORT: expected a port from 1 to 65535, found soon; "
        "write WINDLASS_REGISTRY_PORT=5077"
    )
