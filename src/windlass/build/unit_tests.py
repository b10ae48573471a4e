"""A service's unit tests, run in the image that was built: in the builder, so that no engine and no registry are needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from windlass.build.interface import Builder, BuildRequest
from windlass.build.requests import build_request, context_path, image_place, insecure_hosts
from windlass.errors import TestsFailed
from windlass.model.artifacts import Built, LayoutImage
from windlass.model.events import Emit
from windlass.model.project import Project, TestSpec

_IMAGE = "windlass-image-under-test"
_FILES = "tests"


def run_unit_tests(
    builder: Builder,
    project: Project,
    built: Built,
    *,
    folder: Path,
    layout: Path,
    scratch: Path,
    fresh: Mapping[str, LayoutImage],
    reused: Mapping[str, str],
    emit: Emit,
) -> None:
    """Run the tests that a service declares; nothing when it declares none. Output goes to `emit` as stage "test".

    Args:
        folder: the materialised source tree.
        layout: nothing is written to it.
        scratch: a folder for generated Dockerfiles.
        fresh: services' images that were just built.
        reused: services' digests in the registry; `fresh` goes before.

    Raises:
        TestsFailed: with the last lines of the output.
    """
    request = unit_test_request(
        project, built, folder=folder, layout=layout, scratch=scratch, images={**reused, **fresh}
    )
    if request is not None:
        builder.execute(request, emit, "test")


def unit_test_request(
    project: Project,
    built: Built,
    *,
    folder: Path,
    layout: Path,
    scratch: Path,
    images: Mapping[str, LayoutImage | str],
) -> BuildRequest | None:
    """What to execute: the Dockerfile's `target` with the service's own build section, or a generated Dockerfile that runs `command` in the image."""
    plan = built.plan
    service, test = plan.service, plan.service.test
    if test is None:
        return None
    if test.target is not None:
        request = build_request(project, plan, tree=folder, layout=layout, scratch=scratch, images=images)
        return replace(request, target=test.target, labels={})
    if test.command is None:
        return None
    if test.files is not None and not (folder / test.files).is_dir():
        raise TestsFailed(
            f"the folder of its tests does not exist: {test.files}",
            where=service.name,
            remedy=f"correct services.{service.name}.test.files, or commit the folder",
        )
    empty = scratch / "empty"
    empty.mkdir(parents=True, exist_ok=True)
    dockerfile = scratch.absolute() / f"{service.name}.test.Dockerfile"
    dockerfile.write_text(unit_test_dockerfile(test))
    contexts = {_IMAGE: image_place(project, service, built.image or built.digest)}
    if test.files is not None:
        contexts[_FILES] = context_path(test.files, folder)
    return BuildRequest(
        service=service.name,
        context=str(empty.absolute()),
        dockerfile=dockerfile,
        layout=layout,
        platforms=service.build.platforms if service.build and service.build.platforms else project.platforms,
        contexts=contexts,
        network="none",
        insecure=insecure_hosts(project),
        fresh=True,
    )


def unit_test_dockerfile(test: TestSpec) -> str:
    """The image, and one RUN of the command through `/bin/sh -c` with the test files mounted read-only at `/tests`.

    The command is one JSON array, so that nothing in it is a Dockerfile's own syntax. The image's working directory,
    user and environment stay as they are.
    """
    command = ["/bin/sh", "-c", test.command or "true"]
    mount = f"--mount=type=bind,from={_FILES},source=/,target=/tests,ro " if test.files is not None else ""
    return f"FROM {_IMAGE}\nRUN {mount}{json.dumps(command, ensure_ascii=False)}\n"
