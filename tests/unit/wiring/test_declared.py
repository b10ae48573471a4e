"""How a release runs comes from its own tree; where it runs, and how that is looked after, from today's windlass.yaml."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from windlass.git.repository import Repository
from windlass.model.project import (
    EdgeSpec,
    EngineSpec,
    Environment,
    Project,
    RegistrySpec,
    SniSpec,
    TlsSpec,
)
from windlass.model.rules import ApprovalRule
from windlass.wiring import declared
from windlass.wiring.declared import Declarations, as_declared

THEN = Environment(
    "production",
    "master",
    ("then.yml",),
    ("then-{sha}",),
    profiles=("then",),
    port_offset=1,
    ports={80: 1},
    api=("then.yaml",),
    secrets=("THEN",),
    ready_timeout=1.0,
    verify_timeout=1.0,
    edge=EdgeSpec("then", 1.0, 1.0, 1.0, (TlsSpec("web", 443, "then.pem"),), (SniSpec(1, "then", "web", 1),)),
)
TODAY = Environment(
    "production",
    "main",
    ("today.yml",),
    ("today-{sha}",),
    profiles=("today",),
    port_offset=2,
    ports={80: 2},
    api=("today.yaml",),
    secrets=("TODAY",),
    ready_timeout=2.0,
    verify_timeout=2.0,
    edge=EdgeSpec("today", 2.0, 2.0, 2.0, (TlsSpec("web", 443, "today.pem"),), (SniSpec(2, "today", "web", 2),)),
    approvals=ApprovalRule(2),
    engine=EngineSpec("ssh://elsewhere"),
)
OWN = {"compose", "tags", "profiles", "port_offset", "ports", "env_files", "api", "secrets"}


def project(*environments: Environment) -> Project:
    return Project(
        "shop", Path("/nowhere"), RegistrySpec("localhost:1"), ("linux/amd64",), ("c.yml",), (), environments
    )


def test_each_setting_comes_from_where_it_belongs() -> None:
    merged = as_declared(replace(THEN, env_files=(".env.then",)), replace(TODAY, env_files=(".env.today",)))
    for one in fields(Environment):
        if one.name == "edge":
            continue
        source = THEN if one.name in OWN else TODAY
        expected = (".env.then",) if one.name == "env_files" else getattr(source, one.name)
        assert getattr(merged, one.name) == expected, one.name
    assert THEN.edge and TODAY.edge
    assert merged.edge == replace(TODAY.edge, tls=THEN.edge.tls, sni=THEN.edge.sni)


def test_whether_there_is_an_edge_is_today_s_matter() -> None:
    assert as_declared(THEN, replace(TODAY, edge=None)).edge is None
    bare = as_declared(replace(THEN, edge=None), TODAY).edge
    assert bare is not None and (bare.image, bare.tls, bare.sni) == ("today", (), ())


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The trees that were read; `old` declares the environment as THEN, `none` declares none, `broken` cannot be read."""
    trees: list[str] = []

    def project_at(today: Project, repository: Repository, tree: str) -> Project:
        trees.append(tree)
        return {"old": project(THEN), "none": project(), "broken": today}[tree]

    monkeypatch.setattr(declared, "project_at", project_at)
    return trees


def test_no_tree_is_read_twice_and_that_of_the_project_never(read: list[str]) -> None:
    today = project(TODAY)
    made = Declarations(today, Repository(Path("/nowhere")), "head")
    assert made.of(TODAY, "head").environment is TODAY
    assert made.project("head") is today
    first = made.of(TODAY, "old")
    assert (first.environment.ports, made.of(TODAY, "old")) == ({80: 1}, first)
    assert read == ["old"]


@pytest.mark.parametrize("tree", ["none", "broken"])
def test_where_a_tree_says_nothing_of_the_environment_today_s_settings_do(read: list[str], tree: str) -> None:
    assert Declarations(project(TODAY), Repository(Path("/nowhere")), "head").of(TODAY, tree).environment == TODAY


def test_a_certificate_that_lies_elsewhere_by_now_is_today_s(
    read: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def shown() -> tuple[TlsSpec, ...]:
        edge = Declarations(project(today), Repository(tmp_path), "head").of(today, "old").environment.edge
        assert edge is not None
        return edge.tls

    assert THEN.edge and TODAY.edge
    today = TODAY
    assert shown() == TODAY.edge.tls
    (tmp_path / "then.pem").touch()
    assert shown() == THEN.edge.tls
    (tmp_path / "then.pem").unlink()
    today = replace(TODAY, edge=replace(TODAY.edge, tls=()))
    assert shown() == THEN.edge.tls  # nothing stands for it: whoever deploys says what is missing
