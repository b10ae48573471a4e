"""Command lines for buildah, as pure functions of the request."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from windlass.build.buildx_command import build_arguments, is_client_variable, secret_option
from windlass.build.interface import BuildRequest
from windlass.git.repository import EPOCH

_DOCKER_HUB = "docker.io"
OCI_LAYOUT = "oci-layout://"
DOCKER_IMAGE = "docker-image://"


def buildah_command(
    request: BuildRequest,
    platform: str,
    *,
    iidfile: Path,
    contexts: Mapping[str, str],
    isolation: str = "chroot",
    options: Sequence[str] = (),
) -> list[str]:
    """The argument vector of one platform's build. Its environment is `buildah_environment(request)`.

    Args:
        iidfile: where buildah writes the image id.
        contexts: the request's contexts in buildah's notation, from `buildah_contexts`.
        options: global options, such as `--root`.
    """
    argv = ["buildah", *options, "build", "--platform", platform, "--isolation", isolation, "--format", "oci"]
    # One constant time for every file a layer adds: the same inputs give the same layer, from an empty cache too.
    argv += ["--timestamp", str(EPOCH), "--identity-label=false", "--iidfile", str(iidfile)]
    # buildah 1.28 takes `ENV A=$ARG` from its cache although the argument's value changed (seen): no cache with arguments.
    arguments = {name: value for name, value in build_arguments(request).items() if name != "BUILDKIT_SYNTAX"}
    argv.append("--no-cache" if request.fresh or set(arguments) > {"SOURCE_DATE_EPOCH"} else "--layers")
    if request.target:
        argv += ["--target", request.target]
    for name, value in sorted(arguments.items()):
        argv += ["--build-arg", f"{name}={value}" if is_client_variable(name) else name]
    for name, place in sorted(contexts.items()):
        argv += ["--build-context", f"{name}={place}"]
    for secret in request.secrets:
        argv += ["--secret", secret_option(request, secret.id, secret.environment, secret.file)]
    for agent in request.ssh:
        argv += ["--ssh", agent]
    for name, value in sorted(request.labels.items()):
        argv += ["--label", f"{name}={value}"]
    for option, value in request.options:
        if option != "allow":  # entitlements are BuildKit's own
            argv += [f"--{option}", value]
    if request.network in ("none", "host") and isolation != "chroot":  # which has the host's network, and no other
        argv += ["--network", request.network]
    if _plain_http(request, contexts):
        argv.append("--tls-verify=false")
    return [*argv, "--file", str(request.dockerfile), request.context]


def buildah_environment(request: BuildRequest) -> dict[str, str]:
    return {name: value for name, value in build_arguments(request).items() if not is_client_variable(name)}


def push_command(image: str, layout: Path, *, digestfile: Path, options: Sequence[str] = ()) -> list[str]:
    """Copy an image from buildah's storage into a layout; its manifest's digest goes to `digestfile`."""
    place = f"oci:{layout}:windlass"
    return ["buildah", *options, "push", "--quiet", "--format", "oci", "--digestfile", str(digestfile), image, place]


def pull_command(layout: str, platform: str, *, options: Sequence[str] = ()) -> list[str]:
    """Copy the only image of a layout, for one platform, into buildah's storage; prints its id.

    buildah makes an image name of the path as it is given: a short relative one is sure to be a valid name.
    """
    system, architecture, *variant = platform.split("/")
    argv = ["buildah", *options, "pull", "--quiet", "--os", system, "--arch", architecture]
    return [*argv, *(["--variant", variant[0]] if variant else []), f"oci:{layout}"]


def buildah_contexts(contexts: Mapping[str, str], pulled: Mapping[str, str]) -> dict[str, str]:
    """Named contexts in buildah's notation.

    buildah compares names as they stand in the Dockerfile, so `name` and `name:latest` are both given. Images in a
    layout were pulled before: `pulled` maps their place to the id in buildah's storage.
    """
    result = {}
    for name, place in contexts.items():
        if place.startswith(OCI_LAYOUT):
            place = f"container-image://{pulled[place]}"
        elif place.startswith(DOCKER_IMAGE):
            place = DOCKER_IMAGE + qualified(place.removeprefix(DOCKER_IMAGE))
        result[name] = place
        last = name.rpartition("/")[2]
        if ":" not in last and "@" not in last and re.match(r"(container|docker)-image://", place):
            result.setdefault(f"{name}:latest", place)
        elif last.endswith(":latest"):
            result.setdefault(name.removesuffix(":latest"), place)
    return result


def qualified(reference: str) -> str:
    """A reference with its registry, and with its digest only when it has tag and digest, which buildah refuses together."""
    name, at, digest = reference.partition("@")
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"{_DOCKER_HUB}/library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"{_DOCKER_HUB}/{name}"
    if at and ":" in name.rpartition("/")[2]:
        name = name.rpartition(":")[0]
    return name + at + digest


def split_layout(place: str) -> tuple[Path, str]:
    """`oci-layout:///abs@sha256:…` as folder and digest."""
    folder, _, digest = place.removeprefix(OCI_LAYOUT).rpartition("@")
    return Path(folder), digest


def _plain_http(request: BuildRequest, contexts: Mapping[str, str]) -> bool:
    """buildah's switch is for the whole command; registries.conf is the place for anything finer."""
    hosts = {
        place.removeprefix(DOCKER_IMAGE).partition("/")[0]
        for place in contexts.values()
        if place.startswith(DOCKER_IMAGE)
    }
    return bool(hosts & set(request.insecure))
