"""A repository to plan: as many services and files as are wanted, each service a package of turbo's as well."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

_IGNORE = "node_modules\n*.log\n**/*.md\n!README.md\n.git\n"
_TURBO = {"$schema": "https://turborepo.com/schema.json", "tasks": {"build": {"outputs": ["dist/**"]}}}


def generate(root: Path, services: int, files: int, registry: str) -> None:
    """Write a repository and commit it.

    Services share two base images, which lie in `registry` (host:port). Every other one has an ignore file, every tenth
    is built from the image of the one before it.

    Args:
        files: how many files all services have together.
    """
    root.mkdir(parents=True)
    each = max(4, files // services) - 2
    for number in range(services):
        _service(root / "services" / _name(number), number, each, registry)
    (root / "windlass.yaml").write_text("project: bench\nregistry: embedded\ncompose: [compose.yaml]\n")
    (root / "compose.yaml").write_text(
        "services:\n"
        + "".join(
            f"  {_name(number)}:\n"
            f"    build:\n"
            f"      context: services/{_name(number)}\n"
            f"      args: {{STAGE: production}}\n"
            f"    environment: {{PORT: '8080'}}\n"
            for number in range(services)
        )
    )
    (root / "turbo.json").write_text(json.dumps(_TURBO))
    package = {"name": "bench", "private": True, "packageManager": "npm@10.8.2", "workspaces": ["services/*"]}
    (root / "package.json").write_text(json.dumps(package))
    (root / "package-lock.json").write_text(json.dumps(_lock(services)))
    (root / ".gitignore").write_text(".turbo\nnode_modules\n")
    for argv in (
        ["git", "init", "-q", "-b", "main"],
        ["git", "config", "user.name", "bench"],
        ["git", "config", "user.email", "bench@localhost"],
        ["git", "config", "gc.auto", "0"],
        ["git", "add", "-A"],
        ["git", "commit", "-q", "-m", "generated"],
        ["git", "gc", "-q"],
    ):
        subprocess.run(argv, cwd=root, check=True)


def edit(root: Path, number: int, text: str) -> None:
    """Change one file of one service."""
    (root / "services" / _name(number) / "src" / "part0" / "file0.py").write_text(f"value = {text!r}\n")


def _name(number: int) -> str:
    return f"service-{number:03}"


def _service(folder: Path, number: int, files: int, registry: str) -> None:
    name = _name(number)
    below = number > 0 and number % 10 == 9
    base = f"bench-{_name(number - 1)}" if below else f"{registry}/base/{'python' if number % 2 else 'debian'}:1"
    (folder / "src").mkdir(parents=True)
    (folder / "Dockerfile").write_text(
        f"FROM {base} AS build\n"
        "ARG STAGE\n"
        "WORKDIR /app\n"
        "COPY package.json ./\n"
        f"RUN --mount=type=cache,target=/var/cache/tool echo {name} > name && \\\n"
        "    echo built for $STAGE\n"
        "COPY . .\n"
        "\n"
        f"FROM {base}\n"
        f'LABEL org.opencontainers.image.title="{name}"\n'
        "COPY --from=build /app /app\n"
        f'CMD ["/app/{name}"]\n'
    )
    (folder / "package.json").write_text(
        json.dumps({"name": name, "version": "1.0.0", "private": True, "scripts": {"build": "docker build ."}})
    )
    if number % 2:
        (folder / ".dockerignore").write_text(_IGNORE)
        files -= 1
    for at in range(files):
        part = folder / "src" / f"part{at // 20}"
        part.mkdir(exist_ok=True)
        (part / f"file{at}.py").write_text(f"{name} = {at}\n" * (1 + at % 40))


def _lock(services: int) -> dict[str, object]:
    packages: dict[str, object] = {"": {"name": "bench", "workspaces": ["services/*"]}}
    for number in range(services):
        packages[f"services/{_name(number)}"] = {"name": _name(number), "version": "1.0.0"}
        packages[f"node_modules/{_name(number)}"] = {"resolved": f"services/{_name(number)}", "link": True}
    return {"name": "bench", "lockfileVersion": 3, "requires": True, "packages": packages}
