"""Fingerprints of a service's unit tests: what their verdict hangs on."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.model.plan import Fingerprint
from windlass.model.project import Service
from windlass.plan.fingerprint import combine, fingerprint
from windlass.plan.survey import Surveys
from windlass.plan.tree import Tree, clean

_SCHEMA = "windlass-tests-1"


def fingerprint_of_tests(
    service: Service, tree: Tree, image: Fingerprint, surveys: Surveys, platforms: Sequence[str]
) -> str | None:
    """`sha256:<64 hex>` over the test stage's inputs, or the command, its files and the image; None when there are no tests."""
    test = service.test
    if test is None or (test.target is None and test.command is None):
        return None
    if test.target is not None:
        survey = surveys.tests[service.name]
        inputs = [*survey.inputs, *surveys.base_inputs(survey)]
        stage = fingerprint(inputs, repository=service.image, platforms=platforms, files=survey.files)
        return combine(_SCHEMA, "target", stage.digest or repr(stage.inputs), image.digest or "")
    parts = [test.command or ""]
    root = clean(test.files) if test.files is not None else None
    if root is not None:
        low, high = tree.span(root)
        alone = tree.index(root)
        for index in ([alone] if alone is not None else []) + list(range(low, high)):
            entry = tree.entry(index)
            parts.append(f"{entry.mode} {entry.oid} {entry.path}")
    return combine(_SCHEMA, "command", image.digest or repr(image.inputs), *parts)
