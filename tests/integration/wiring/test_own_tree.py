"""What a release says of itself: read from its own tree, whatever the checkout says by now."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from windlass import wiring
from windlass.deploy.environ import of_release
from windlass.git.repository import Repository
from windlass.model.events import silent
from windlass.model.observation import ServiceState
from windlass.model.project import Project
from windlass.model.release import Release, ReleasedService
from windlass.steps.promote import Promotion
from windlass.testing.target import FakeTarget

WINDLASS = """\
project: shop
compose: [ops/compose.yml]
environments:
  production:
    branch: main
    secrets: [TOKEN]
    {more}
"""
COMPOSE = "services:\n  api: {build: ., ports: ['8080:8080']}\n"


@dataclass
class Checkout:
    root: Path

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def git(self, *words: str) -> str:
        return subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True, text=True).stdout

    def declare(self, more: str = "") -> None:
        self.write("windlass.yaml", WINDLASS.format(more=more))

    def release(self) -> Release:
        """What is in the checkout, committed."""
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        source = self.repository.snapshot("HEAD")
        return Release(
            f"main-{source.sha}", "production", source.commit, source.tree, ("ops/compose.yml",), (), "2030-01-01"
        )

    @property
    def repository(self) -> Repository:
        return Repository.discover(self.root)

    @property
    def project(self) -> Project:
        """Of the checkout as it is."""
        return wiring.load_project(self.repository, self.repository.snapshot(), from_checkout=True)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    monkeypatch.delenv("TOKEN", raising=False)
    made = Checkout(tmp_path / "checkout")
    made.root.mkdir()
    made.git("init", "-q", "-b", "main")
    made.git("config", "user.email", "dev@example.org")
    made.git("config", "user.name", "Dev")
    made.declare()
    made.write("ops/compose.yml", COMPOSE)
    made.write("ops/Dockerfile", "FROM busybox:1\n")
    made.write(".gitignore", ".env*\n")
    return made


def test_a_secret_in_the_dotenv_beside_the_compose_file_is_found_by_all_who_ask(checkout: Checkout) -> None:
    release = checkout.release()
    checkout.write(".env", "OTHER=1\n")
    checkout.write("ops/.env", "TOKEN=private\n")
    project, repository = checkout.project, checkout.repository
    production = project.environment("production")
    assert wiring.secrets_present(project, production) == {"TOKEN": True}
    assert of_release(repository, release, production.env_files)["TOKEN"] == "private"
    wiring.tools(project, repository, release.tree, registry="as it is").verifiable(production, release)


def test_a_tracked_dotenv_is_that_of_the_release(checkout: Checkout) -> None:
    checkout.write(".gitignore", "")
    checkout.write("ops/.env", "TOKEN=then\n")
    release = checkout.release()
    checkout.write("ops/.env", "TOKEN=now\n")
    checkout.release()
    assert of_release(checkout.repository, release, ())["TOKEN"] == "then"


def test_a_dotenv_that_is_a_link_is_followed_where_it_leads_now(checkout: Checkout, tmp_path: Path) -> None:
    checkout.write(".gitignore", "")
    (tmp_path / "private").write_text("TOKEN=private\n")
    (checkout.root / "ops/.env").symlink_to(tmp_path / "private")
    release = checkout.release()
    assert of_release(checkout.repository, release, ())["TOKEN"] == "private"


def test_how_a_release_runs_is_what_its_own_tree_says(checkout: Checkout) -> None:
    checkout.declare("ports: {8080: 18080}\n    edge: {drain: 7s}")
    checkout.write("ops/compose.yml", COMPOSE.replace("{build", "{x-windlass: {singleton: true}, build"))
    release = checkout.release()
    checkout.declare("ports: {8080: 28080}\n    edge: {drain: 9s}")
    checkout.write("ops/compose.yml", COMPOSE)
    now = checkout.release()
    project = checkout.project
    declared = wiring.tools(project, checkout.repository, now.tree, registry="as it is").declared
    production = project.environment("production")
    then = declared(production, release.tree)
    assert then.environment.ports == {8080: 18080}
    assert then.environment.edge and then.environment.edge.drain == 9.0
    assert then.project.service("api").singleton
    assert declared(production, now.tree).environment is production


def test_a_tree_that_this_version_cannot_read_runs_as_is_declared_today(checkout: Checkout) -> None:
    checkout.declare("from_another_version: true")
    release = checkout.release()
    checkout.declare("ports: {8080: 28080}")
    now = checkout.release()
    project = checkout.project
    production = project.environment("production")
    declared = wiring.tools(project, checkout.repository, now.tree, registry="as it is").declared
    assert declared(production, release.tree).environment is production


def test_an_env_file_that_has_another_name_by_now_is_no_reason_not_to_go_back(checkout: Checkout) -> None:
    checkout.declare("env_files: [.env.old]")
    release = checkout.release()
    checkout.declare("env_files: [.env.new]")
    now = checkout.release()
    project = checkout.project
    production = project.environment("production")
    checkout.write(".env.new", "TOKEN=private\n")
    tools = wiring.tools(project, checkout.repository, now.tree, registry="as it is")
    assert tools.declared(production, release.tree).environment.env_files == (".env.new",)
    checkout.write(".env.old", "TOKEN=private\n")
    tools = wiring.tools(project, checkout.repository, now.tree, registry="as it is")
    assert tools.declared(production, release.tree).environment.env_files == (".env.old",)


def test_what_is_promoted_does_not_hang_on_whose_checkout_promotes(checkout: Checkout) -> None:
    checkout.declare("tags: ['then-{sha}']\n    profiles: [then]\n  staging: {branch: develop}")
    checkout.write("ops/compose.yml", COMPOSE + "  legacy: {build: {context: ., target: old}}\n")
    staging = checkout.release()
    services = tuple(
        ReleasedService(name, f"localhost:5077/{name}", "sha256:" + str(at) * 64)
        for at, name in enumerate(("api", "legacy"))
    )
    staging = replace(staging, id="develop-1", environment="staging", services=services)
    checkout.declare("tags: ['now-{sha}']\n    profiles: [now]\n  staging: {branch: develop}")
    checkout.write("ops/compose.yml", COMPOSE + "  fresh: {build: {context: ., target: new}}\n")
    now = checkout.release()
    project = checkout.project
    tools = wiring.tools(project, checkout.repository, now.tree, registry="as it is")
    record = tools.state.admit(staging, "deploy", None)
    tools.state.settle(record, "healthy", running=staging.id, reason="", evidence=None)
    target = FakeTarget(running={one.name: ServiceState(one.name, "healthy", digest=one.digest) for one in services})
    choose = Promotion(
        project.environment("staging"),
        project.environment("production"),
        replace(tools, target=lambda environment: target),
        None,
        silent,
    )
    made = choose(())
    assert [one.name for one in made.services] == ["api", "legacy"]
    assert made.excluded == ()
    assert (made.profiles, made.id) == (("then",), f"then-{staging.commit[:7]}")
