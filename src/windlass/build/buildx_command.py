"""Command lines for docker buildx, as pure functions of the request.

Values of build arguments travel in the child's environment (`--build-arg NAME`), where other users of the machine cannot
read them in the process list; those whose names the client itself obeys must stay on the command line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from windlass.build.interface import BuildRequest
from windlass.git.repository import EPOCH

_CLIENT_VARIABLE = re.compile(
    r"PATH|HOME|USER|PWD|SHELL|TERM|TMPDIR|TZ|LANG|.*_PROXY|.*_proxy|NO_COLOR|KUBECONFIG|SSH_AUTH_SOCK|"
    r"(DOCKER|BUILDX|BUILDKIT|COMPOSE|XDG|LC|LD|GO|GRPC|OTEL|SSL|DYLD|WINDLASS)_?.*"
)
_LOCAL = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$")

CacheUse = Literal["none", "import", "export"]


def buildx_command(
    request: BuildRequest,
    *,
    builder: str | None = None,
    metadata: Path | None = None,
    progress: Literal["rawjson", "plain"] = "plain",
    export: bool = True,
    platforms: tuple[str, ...] | None = None,
    cache: CacheUse = "import",
) -> list[str]:
    """The argument vector of one build. Its environment is `buildx_environment(request)`.

    Args:
        builder: a named builder instance; None uses the current one.
        metadata: where buildx writes the result's digest.
        export: write the image to the request's layout; otherwise build and throw the result away.
        platforms: instead of the request's own; an empty tuple leaves the choice (its native one) to the builder.
        cache: import the request's registry cache, export to it, or neither.
    """
    argv = ["docker", "buildx", "build"]
    if builder:
        argv += ["--builder", builder]
    # Attestations carry times, so that the same build would get another digest each time.
    argv += [f"--progress={progress}", "--provenance=false", "--sbom=false"]
    chosen = request.platforms if platforms is None else platforms
    if chosen:
        argv += ["--platform", ",".join(sorted(chosen))]
    if request.target:
        argv += ["--target", request.target]
    for name, value in sorted(build_arguments(request).items()):
        argv += ["--build-arg", f"{name}={value}" if is_client_variable(name) else name]
    for name, place in sorted(request.contexts.items()):
        argv += ["--build-context", f"{name}={place}"]
    for secret in request.secrets:
        argv += ["--secret", secret_option(request, secret.id, secret.environment, secret.file)]
    for agent in request.ssh:
        argv += ["--ssh", agent]
    for name, value in sorted(request.labels.items()):
        argv += ["--label", f"{name}={value}"]
    for option, value in request.options:
        argv += [f"--{option}", value]
    if request.network:
        argv += ["--network", request.network]
        if request.network == "host":
            argv += ["--allow", "network.host"]
    if request.fresh:
        argv.append("--no-cache")
    argv += _cache_options(request, cache)
    if metadata:
        argv += ["--metadata-file", str(metadata)]
    argv += ["--output", _csv(type="oci", tar="false", dest=str(request.layout)) if export else "type=cacheonly"]
    return [*argv, "--file", str(request.dockerfile), request.context]


def buildx_environment(request: BuildRequest) -> dict[str, str]:
    """The variables that `buildx_command` refers to by name."""
    arguments = build_arguments(request)
    return {name: value for name, value in arguments.items() if not is_client_variable(name)} | {
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        "DOCKER_CLI_HINTS": "false",
    }


def build_arguments(request: BuildRequest) -> Mapping[str, str]:
    """The request's own, and a constant SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/)."""
    return {"SOURCE_DATE_EPOCH": str(EPOCH), **request.args}


def secret_option(request: BuildRequest, id: str, environment: str | None, file: str | None) -> str:
    if environment:
        return _csv(id=id, env=environment)
    root = request.secret_root or Path()
    return _csv(id=id, src=str(root / file)) if file else _csv(id=id)


def is_client_variable(name: str) -> bool:
    """Whether a build argument of this name would change what the building program itself does, were it in its environment."""
    return _CLIENT_VARIABLE.fullmatch(name) is not None


def _cache_options(request: BuildRequest, use: CacheUse) -> list[str]:
    if request.cache is None or use == "none":
        return []
    host = request.cache.split("/", 1)[0]
    # BuildKit takes loopback hosts for plain http by itself.
    plain = {"registry.insecure": "true"} if host in request.insecure and not _LOCAL.match(host) else {}
    options = ["--cache-from", _csv(type="registry", ref=request.cache, **plain)]
    if use == "export":
        options += [
            "--cache-to",
            _csv(
                type="registry",
                ref=request.cache,
                mode="max",
                **{"image-manifest": "true", "oci-mediatypes": "true", "ignore-error": "true"},
                **plain,
            ),
        ]
    return options


def _csv(**fields: str) -> str:
    """buildx reads these options as one line of CSV (RFC 4180)."""
    cells = (f"{name}={value}" for name, value in fields.items())
    return ",".join('"' + cell.replace('"', '""') + '"' if re.search(r'[",\n]', cell) else cell for cell in cells)
