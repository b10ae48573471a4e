"""`init` on a real git repository whose Compose files disagree, and what it wrote, loaded again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from windlass import process
from windlass.config.init import derive, write
from windlass.config.load import load_project
from windlass.errors import ConfigError, Refused

pytestmark = pytest.mark.usefixtures("docker_compose")

DEVELOPMENT = """\
name: shop
services:
  shop-api-dev:
    build: {context: ., dockerfile: services/api.Dockerfile}
    container_name: shop-api-dev
    environment: {API_TOKEN: "${API_TOKEN:-local}", DB_PASSWORD: "${DB_PASSWORD:?}", LOG: "${LOG_LEVEL}"}
    env_file: [never-committed.env]
    ports: ["${API_PORT:-8443}:8443"]
    healthcheck: {test: [CMD, curl, -f, -k, "https://localhost:8443/health/live"]}
    volumes: ["./services:/app:ro"]
  shop-mail-dev:
    build: {context: mail}
    ports: ["8200:8200"]
    healthcheck: {test: [CMD-SHELL, "wget -qO- http://localhost:8200/health || exit 1"]}
    deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}}}
"""
FILES = {
    "docker-compose.development.yml": DEVELOPMENT,
    "docker-compose.cloud.yml": """\
services:
  api: {image: "shop.example.io/shop-api:latest"}
  mail: {image: "shop.example.io/shop-mail:latest"}
  search: {image: "shop.example.io/shop-search:latest"}
""",
    "docker-compose.gpu-dev.yml": "services:\n  shop-mail-dev: {environment: {GPU: all}}\n",
    "docker-compose.local-prod.yml": """\
services:
  api: {build: {context: services, dockerfile: gone.Dockerfile}}
  mail: {build: {context: nowhere}}
""",
    "services/docker-compose.yml": "services:\n  api: {build: {context: ., dockerfile: gone}}\n",
    "broken/compose.yml": "services:\n  a: {imagee: x, image: y}\n",
    "archive/docker-compose.yml": "services:\n  old: {build: .}\n",
    "node_modules/x/docker-compose.yml": "services:\n  x: {build: .}\n",
    "services/api.Dockerfile": "FROM busybox:1\n",
    "mail/Dockerfile": "FROM busybox:1 AS base\nFROM base AS test\nRUN true\nFROM base\n",
    "services/unused.Dockerfile": "FROM scratch\n",
    "docs/dockerfile-notes.md": "# not a Dockerfile\n",
}


@pytest.fixture(scope="session")
def docker_compose() -> None:
    try:
        usable = process.run(["docker", "compose", "version"]).ok
    except process.ProgramMissing:
        usable = False
    if not usable:
        pytest.skip("Docker Compose is not installed")


@pytest.fixture
def repository(tmp_path: Path) -> Callable[..., Path]:
    def make(files: dict[str, str], *branches: str) -> Path:
        root = tmp_path / "My Shop"
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
        process.run(["git", "init", "-q", "-b", "main"], cwd=root, check=True)
        process.run(["git", "add", "-A", "-f"], cwd=root, check=True)
        process.run(["git", *identity, "commit", "-q", "-m", "start"], cwd=root, check=True)
        for branch in branches:
            process.run(["git", "branch", branch], cwd=root, check=True)
        return root

    return make


def test_a_repository_whose_compose_files_disagree_gets_a_working_file(repository: Callable[..., Path]) -> None:
    root = repository(FILES, "develop")
    derived = derive(root)
    assert write(root, derived)
    project = load_project(root)
    assert project.name == "shop"
    assert project.compose == ("docker-compose.development.yml",)
    assert {service.name: service.image for service in project.services} == {
        "shop-api-dev": "shop-api",
        "shop-mail-dev": "shop-mail",
    }
    api, mail = project.services
    assert [(check.port, check.path, check.scheme, check.insecure) for check in api.health] == [
        (8443, "/health/live", "https", True)
    ]
    assert mail.heavy and mail.test is not None and mail.test.target == "test"
    staging, production = project.environments
    assert (staging.branch, staging.tags, staging.port_offset) == ("develop", ("develop-{sha}",), 10000)
    assert (production.branch, production.tags, production.port_offset) == ("main", ("main-{sha}", "latest"), 0)
    assert staging.compose == production.compose == project.compose
    assert production.secrets == ("DB_PASSWORD",)
    assert "# secrets: [API_TOKEN]" in derived.text
    assert "# registry: shop.example.io" in derived.text


def test_every_file_that_is_left_out_is_explained_in_a_sentence(repository: Callable[..., Path]) -> None:
    derived = derive(repository(FILES, "develop"))
    sentences = {decision.about: decision.sentence for decision in derived.decisions}
    assert sentences["docker-compose.cloud.yml"] == (
        "docker-compose.cloud.yml is left out: it only runs ready-made images, and shop-search is not built here."
    )
    assert sentences["docker-compose.gpu-dev.yml"] == (
        "docker-compose.gpu-dev.yml is left out: it only changes services of docker-compose.development.yml; "
        "list it after that file where you want it."
    )
    assert sentences["docker-compose.local-prod.yml"] == (
        "docker-compose.local-prod.yml is left out: it names files that do not exist "
        "(services/gone.Dockerfile for api, and 1 more)."
    )
    assert sentences["services/docker-compose.yml"] == (
        "services/docker-compose.yml is left out: it names files that do not exist (services/gone for api)."
    )
    assert sentences["broken/compose.yml"].startswith("broken/compose.yml is left out: Docker Compose refuses it (")
    assert not any(about.startswith(("archive", "node_modules")) for about in sentences)
    assert derived.warnings == (
        "shop-mail-dev asks for a GPU and will start only on an engine that has one",
        "1 of 2 built services mount folders of the repository over their image: "
        "they run those files, not only what was built",
        "1 Dockerfile is used by no service: services/unused.Dockerfile",
    )


def test_a_second_run_changes_nothing_and_own_edits_are_kept(repository: Callable[..., Path]) -> None:
    root = repository(FILES)
    assert write(root, derive(root))
    assert not write(root, derive(root))
    own = (root / "windlass.yaml").read_text() + "# mine\n"
    (root / "windlass.yaml").write_text(own)
    with pytest.raises(Refused) as caught:
        write(root, derive(root))
    assert caught.value.remedy == "windlass init --force"
    assert (root / "windlass.yaml").read_text() == own
    assert write(root, derive(root), force=True)


def test_the_text_fits_80_columns_and_holds_no_interpolated_secret(
    repository: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    monkeypatch.setenv("API_TOKEN", "hunter2")
    text = derive(repository(FILES)).text
    assert "hunter2" not in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_a_plain_repository_gets_a_short_file(repository: Callable[..., Path]) -> None:
    root = repository({"compose.yml": "services:\n  app: {build: .}\n", "Dockerfile": "FROM busybox:1\n"})
    derived = derive(root)
    write(root, derived)
    project = load_project(root)
    assert project.name == "my-shop"
    assert project.services[0].image == "app"
    assert project.environments[0].port_offset == 0
    assert "services:\n" not in derived.text
    assert len(derived.text.splitlines()) < 30


def test_files_made_for_an_environment_are_used_there(repository: Callable[..., Path]) -> None:
    base = "services:\n  app: {build: ., ports: ['8080:80']}\n"
    root = repository(
        {
            "docker-compose.yml": base,
            "docker-compose.staging.yml": "services:\n  app: {environment: {STAGE: '1'}}\n",
            "docker-compose.prod.yml": "services:\n  web: {image: 'x.io/app:${TAG}', ports: ['443:80']}\n",
            "Dockerfile": "FROM busybox:1\n",
            ".env.staging": "A=b\n",
        },
        "develop",
    )
    write(root, derive(root))
    staging, production = load_project(root).environments
    assert staging.compose == ("docker-compose.yml", "docker-compose.staging.yml")
    assert staging.env_files == (".env.staging",)
    assert staging.port_offset == 0
    assert production.compose == ("docker-compose.prod.yml",)


def test_a_compose_file_in_a_folder_keeps_its_own_paths(repository: Callable[..., Path]) -> None:
    root = repository(
        {"deploy/compose.yml": "services:\n  app: {build: {context: ../app}}\n", "app/Dockerfile": "FROM busybox:1\n"}
    )
    write(root, derive(root))
    project = load_project(root)
    assert project.compose == ("deploy/compose.yml",)
    build = project.services[0].build
    assert build is not None
    assert (build.context, build.dockerfile) == ("app", "app/Dockerfile")


def test_what_compose_says_is_told_with_paths_of_the_repository(repository: Callable[..., Path]) -> None:
    root = repository(
        {
            "deploy/compose.yml": "version: '3'\nservices:\n  app: {build: .}\n",
            "windlass.yaml": "project: x\ncompose: [deploy/compose.yml]\n",
        }
    )
    assert all(str(root) not in warning for warning in load_project(root).warnings)
    (root / "deploy/compose.yml").write_text("services:\n  app: {biuld: .}\n")
    with pytest.raises(ConfigError) as caught:
        load_project(root)
    assert str(caught.value) == (
        "deploy/compose.yml: services.app: unknown key 'biuld'; correct its name, or take it out"
    )


def test_what_x_windlass_says_already_is_not_said_again(repository: Callable[..., Path]) -> None:
    extra = "x-windlass: {image: ours, heavy: false, test: {command: 'true'}, health: []}"
    compose = (
        "services:\n  app:\n    build: .\n    ports: ['80:80']\n    healthcheck: {test: curl -f http://localhost/}\n"
    )
    root = repository({"compose.yml": f"{compose}    {extra}\n", "Dockerfile": "FROM busybox:1 AS test\n"})
    derived = derive(root)
    assert "services:\n" not in derived.text
    write(root, derived)
    assert load_project(root).services[0].image == "ours"


def test_the_same_commit_reads_the_same_from_another_folder(repository: Callable[..., Path], tmp_path: Path) -> None:
    root = repository(FILES)
    write(root, derive(root))
    elsewhere = tmp_path / "tree"
    process.run(["cp", "-a", str(root), str(elsewhere)], check=True)
    project = load_project(root, directory=elsewhere)
    assert project == load_project(root)
    assert project.root == root


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (
            {"Dockerfile": "FROM scratch\n"},
            "there is no Compose file here, though there is 1 Dockerfile; write a docker-compose.yml with a build section",
        ),
        ({"a.txt": ""}, "there is no Compose file here; write a docker-compose.yml with a build section"),
        (
            {"compose.yml": "services:\n  a: {image: x}\n", "b/compose.yml": "services:\n  a: {ports: []}\n"},
            "no Compose file here builds anything (b/compose.yml: it only changes services of another file; "
            "compose.yml: nothing to build); add a build section to a service",
        ),
    ],
)
def test_where_nothing_can_be_derived_it_says_why(
    repository: Callable[..., Path], files: dict[str, str], line: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        derive(repository(files))
    assert str(caught.value) == line


def test_a_folder_that_is_no_git_repository_can_be_read_too(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text("services:\n  app: {build: .}\n")
    (tmp_path / "Dockerfile").write_text("FROM busybox:1\n")
    assert "compose: [compose.yml]" in derive(tmp_path).text
