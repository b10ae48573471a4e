"""Docker Compose itself, without an engine: what it makes of files, and how its refusals reach a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass import process
from windlass.compose import load as compose
from windlass.errors import ConfigError

pytestmark = pytest.mark.usefixtures("docker_compose")


@pytest.fixture(scope="session")
def docker_compose() -> None:
    try:
        usable = process.run(["docker", "compose", "version"]).ok
    except process.ProgramMissing:
        usable = False
    if not usable:
        pytest.skip("Docker Compose is not installed")


def put(root: Path, **files: str) -> None:
    for name, text in files.items():
        (root / name.replace("__", ".")).write_text(text)


def read(root: Path, *names: str, builds_only: bool = False, checkout: Path | None = None) -> compose.Loaded:
    files = [root / name for name in names or ("compose.yml",)]
    return compose.read(files, directory=root, project="x", builds_only=builds_only, checkout=checkout)


def says(root: Path, *names: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(root, *names)
    line = str(caught.value)
    assert "\n" not in line
    assert str(root) not in line
    return line


def test_files_are_merged_included_and_extended_with_all_profiles(tmp_path: Path) -> None:
    put(
        tmp_path,
        compose__yml="include: [more.yml]\nservices:\n  a: {image: 'a:${TAG:-1}', profiles: [p]}\n",
        override__yml="services:\n  a: {environment: {X: y}}\n  b: {extends: {file: base.yml, service: base}}\n",
        more__yml="services:\n  c: {image: c}\n",
        base__yml="services:\n  base: {image: base, command: [run]}\n",
    )
    services = read(tmp_path, "compose.yml", "override.yml").model["services"]
    assert services["a"]["image"] == "a:1"
    assert services["a"]["environment"] == {"X": "y"}
    assert services["b"]["image"] == "base"
    assert set(services) == {"a", "b", "c"}


def test_variables_without_a_value_are_told(tmp_path: Path) -> None:
    put(tmp_path, compose__yml="services:\n  a: {image: a, environment: {T: '${WINDLASS_TEST_UNSET}'}}\n")
    loaded = read(tmp_path)
    assert loaded.unset == ("WINDLASS_TEST_UNSET",)
    assert loaded.warnings == ("the variable WINDLASS_TEST_UNSET has no value; Compose takes it as empty",)


def test_dotenv_is_read_and_the_checkouts_own_stands_in_for_a_commit(tmp_path: Path) -> None:
    checkout, tree = tmp_path / "checkout", tmp_path / "tree"
    checkout.mkdir()
    tree.mkdir()
    put(tree, compose__yml="services:\n  a: {image: 'a:${WINDLASS_TEST_TAG:-none}'}\n")
    (checkout / ".env").write_text("WINDLASS_TEST_TAG=checkout\n")
    assert read(tree).model["services"]["a"]["image"] == "a:none"
    assert read(tree, checkout=checkout).model["services"]["a"]["image"] == "a:checkout"
    (tree / ".env").write_text("WINDLASS_TEST_TAG=tree\n")
    assert read(tree, checkout=checkout).model["services"]["a"]["image"] == "a:tree"


def test_an_ssh_key_with_a_path_is_loaded_too(tmp_path: Path) -> None:
    put(tmp_path, compose__yml="services:\n  a: {build: {context: ., ssh: ['k=./key'], args: {P: 'a$$b'}}}\n")
    build = read(tmp_path).model["services"]["a"]["build"]
    assert "key" in str(build["ssh"])
    assert build["args"]["P"] == "a$$b"


def test_builds_can_be_loaded_where_env_files_and_secrets_are_absent(tmp_path: Path) -> None:
    put(
        tmp_path,
        compose__yml="include: [more.yml]\nservices:\n  a:\n    build: .\n    env_file: [secret.env]\n"
        "    environment: {T: '${WINDLASS_TEST_UNSET:?give me one}'}\n",
        more__yml="services:\n  b: {image: b, env_file: secret.env}\n",
    )
    loaded = read(tmp_path, builds_only=True)
    assert set(loaded.model["services"]) == {"a", "b"}
    assert set(loaded.warnings) == {
        "the env file secret.env does not exist here; deploying needs it",
        "the variable WINDLASS_TEST_UNSET has no value here; deploying needs it",
    }
    assert "compose.yml: " in says(tmp_path)


def test_a_required_variable_that_decides_about_an_image_is_never_made_up(tmp_path: Path) -> None:
    put(tmp_path, compose__yml="services:\n  a: {build: {context: ., args: {V: '${WINDLASS_TEST_UNSET:?which}'}}}\n")
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, builds_only=True)
    assert str(caught.value) == (
        "compose.yml: services.a.build.args.V: the variable WINDLASS_TEST_UNSET has no value (which); "
        "set it in the environment or in .env"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("services:\n  a: [\n", "compose.yml:"),
        ("services:\n\ta: {}\n", "compose.yml:2: a tab indents this line; write spaces"),
        ("", "compose.yml: the file is empty; declare services in it"),
        ("hello", "compose.yml: expected a mapping with services; write services: …"),
        ("services:\n  a: {image: x, imagee: y}\n", "compose.yml: services.a: unknown key 'imagee'; correct its name, or take it out"),
        ("services:\n  a: {image: 3}\n", "compose.yml: services.a.image: "),
        ("services:\n  a: {image: x, env_file: nope.env}\n", "compose.yml: the env file nope.env does not exist; create it, or write {path: nope.env, required: false}"),
        ("services:\n  a: {image: '${T'}\n", "compose.yml: services.a.image: expected ${NAME}, found ${T; write $$ for a plain dollar sign"),
        ("services:\n  a: {image: x, depends_on: [b]}\n", "compose.yml: services.a.depends_on: there is no service b; correct the name, or declare it"),
        ("include: [nope.yml]\nservices:\n  a: {image: x}\n", "compose.yml: the file nope.yml, named by include or extends, does not exist; correct the path"),
        ("services:\n  a: {extends: {service: b}}\n", "compose.yml: services.a.extends: there is no service b in compose.yml; correct the name"),
        ("services:\n  a: {ports: ['80']}\n", "compose.yml: services.a: has neither image nor build; add one, or list this file after the one that it overrides"),
        ("services:\n  a: {image: x, networks: [v]}\n", "compose.yml: services.a: there is no network v; declare it under networks"),
        ("services:\n  a: {image: x}\n  a: {image: y}\n", "compose.yml:3: "),
    ],
)  # fmt: skip
def test_a_refusal_of_compose_is_one_line_with_the_file_and_what_to_do(tmp_path: Path, text: str, line: str) -> None:
    put(tmp_path, compose__yml=text)
    said = says(tmp_path)
    assert said.startswith(line)
    if not line.endswith((":", ": ")):
        assert said == line
