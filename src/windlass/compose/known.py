"""Compose's answer about the builds of some files, kept for the next time where it can be told what it hangs on.

Compose needs longer to load hundreds of services than all the rest of a plan. An answer is kept only where what Windlass
reads of it (see `_KEPT`) is written out in the files: no variable in it, no other files brought in. So nothing that is kept
came out of the environment, and yet all of the environment that Compose looks at is part of the key.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from windlass.compose.program import plugin
from windlass.paths import cache_dir

_SCHEMA = "windlass-compose-1"
_MOST = 100
_KEPT = ("build", "image", "depends_on", "profiles", "ports", "healthcheck", "container_name", "hostname", "x-windlass")
"""Keys of a service that decide about images and checks; `environment` only beside a healthcheck, which may name it."""
_ELSEWHERE = re.compile(rb"include|extends|env_file|label_file|provider|!reset|!override")
"""Words by which a file may take something from elsewhere."""
_VARIABLE = re.compile(rb"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_PLACE = "\0directory\0"


class Question:
    """What Compose is asked about: the files (absolute), the folder that paths in them start from, the project's name.

    Args:
        dotenv: the `.env` that Compose takes, if there is one.
    """

    def __init__(self, files: Sequence[Path], directory: Path, project: str, dotenv: Path) -> None:
        self._directory = str(directory)
        self._texts: list[bytes] = []
        self._key: str | None = None
        program = plugin()
        try:
            self._texts = [file.read_bytes() for file in files]
            if program is None or any(_ELSEWHERE.search(text) for text in self._texts):
                return
            binary = Path(program).stat()
            settings = dotenv.read_bytes() if dotenv.is_file() else b""
        except OSError:
            return
        parts = [
            _SCHEMA.encode(),
            program.encode(),
            f"{binary.st_size} {binary.st_mtime_ns}".encode(),
            project.encode(),
        ]
        parts += [str(file.relative_to(directory)).encode() for file in files if file.is_relative_to(directory)]
        parts += [*self._texts, settings, *_environment(self._texts)]
        self._key = hashlib.sha256(b"".join(b"%d:%s\n" % (len(part), part) for part in parts)).hexdigest()

    def recall(self) -> dict[str, Any] | None:
        """The part of the model that decides about builds, as Compose gave it for the same question."""
        if self._key is None:
            return None
        try:
            text = self._file.read_text(encoding="utf-8")
            model: dict[str, Any] = json.loads(
                text.replace(json.dumps(_PLACE)[1:-1], json.dumps(self._directory)[1:-1])
            )
        except (OSError, ValueError):
            return None
        return model

    def remember(self, model: Mapping[str, Any]) -> None:
        """Keep an answer, if it may be; where nothing can be written, nothing is kept."""
        if self._key is None or not all(_plain(text) for text in self._texts):
            return
        text = json.dumps(_part(model)).replace(json.dumps(self._directory)[1:-1], json.dumps(_PLACE)[1:-1])
        if str(Path(self._directory).parent) + "/" in text:
            return  # a place beside the folder, which is another one the next time
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            kept = sorted(self._file.parent.iterdir(), key=lambda file: file.stat().st_mtime)
            for old in kept[:-_MOST]:
                old.unlink(missing_ok=True)
            written = self._file.with_suffix(f".{os.getpid()}")
            written.write_text(text, encoding="utf-8")
            written.replace(self._file)
        except OSError:
            pass

    @property
    def _file(self) -> Path:
        return cache_dir() / "compose" / str(self._key)


def _environment(texts: Sequence[bytes]) -> Iterator[bytes]:
    """Everything of the environment that Compose may look at: the variables named in its files, and its own settings."""
    named = {name.decode() for text in texts for name in _VARIABLE.findall(text)}
    own = {name for name in os.environ if name.startswith(("COMPOSE_", "DOCKER_"))}
    for name in sorted(named | own | {"HOME"}):
        value = os.environ.get(name)
        yield f"{name}{'=' if value is not None else ''}{value or ''}".encode("utf-8", "surrogateescape")


def _part(model: Mapping[str, Any]) -> dict[str, Any]:
    services: dict[str, Any] = {}
    for name, service in (model.get("services") or {}).items():
        services[name] = {key: service[key] for key in _kept(service) if key in service}
    secrets = {
        name: {key: secret[key] for key in ("file", "environment") if key in secret}
        for name, secret in (model.get("secrets") or {}).items()
    }
    return {"services": services, "secrets": secrets}


def _kept(service: Mapping[str, Any]) -> tuple[str, ...]:
    return (*_KEPT, "environment") if service.get("healthcheck") else _KEPT


def _plain(text: bytes) -> bool:
    """Whether what is kept of a file stands in it as it is: no variables, nothing that is filled in from outside."""
    import yaml

    try:
        document = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        services, secrets = document.get("services") or {}, document.get("secrets") or {}
        parts = [service.get(key) for service in services.values() for key in _kept(service)]
        bare = [service.get("environment") for service in services.values() if service.get("healthcheck")]
        builds = [service.get("build") for service in services.values()]
        bare += [build.get("args") for build in builds if isinstance(build, dict)]
    except (yaml.YAMLError, AttributeError, ValueError, RecursionError):
        return False
    return not _any_variable([*parts, list(services), secrets]) and not any(map(_filled_in, bare))


def _any_variable(value: Any) -> bool:
    if isinstance(value, str):
        return "$" in value
    if isinstance(value, dict):
        return any(_any_variable(one) for pair in value.items() for one in pair)
    return isinstance(value, list) and any(map(_any_variable, value))


def _filled_in(variables: Any) -> bool:
    """Whether one has no value of its own, and gets that of the environment."""
    if isinstance(variables, dict):
        return any(value is None for value in variables.values())
    return isinstance(variables, list) and any("=" not in str(one) for one in variables)
