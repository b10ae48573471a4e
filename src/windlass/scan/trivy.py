"""Trivy, where it is installed. Its own thresholds and ignore files are switched off: `scan.policy` decides."""

from __future__ import annotations

import json
import tempfile
import threading
from pathlib import Path

from windlass import process
from windlass.errors import EnvironmentUnusable
from windlass.model.artifacts import Finding, LayoutImage, NotScanned
from windlass.oci.faults import Malformed, NotFound
from windlass.oci.layout import Layout
from windlass.scan.trivy_report import parse_trivy


def trivy_command(target: str, report: Path, *, platform: str | None = None, registry: bool = False) -> list[str]:
    """The argument vector for one platform of one image.

    Args:
        target: an image layout's folder, or `host/repository@sha256:…` with `registry`.
        report: where the JSON goes; standard output is Trivy's own talk.
        platform: only asked of a registry; a layout is given with a single manifest.
    """
    argv = ["trivy", "image", "--quiet", "--format", "json", "--output", str(report), "--scanners", "vuln"]
    # Everything is reported, whatever TRIVY_* variables and files of the user say, and the packages too: none is suspicious.
    argv += ["--severity", "UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL", "--ignore-unfixed=false", "--exit-code", "0"]
    argv += ["--list-all-pkgs", "--ignorefile", str(no_ignore_file(report))]
    if not registry:
        return [*argv, "--input", target]
    return [*argv, "--image-src", "remote", *(["--platform", platform] if platform else []), target]


def no_ignore_file(report: Path) -> Path:
    """An empty file beside the report, so that no `.trivyignore` is looked for."""
    return report.with_name("ignores-nothing")


class TrivyScanner:
    """Runs `trivy image`. One at a time: its cache has a lock that a second one fails on.

    Args:
        insecure: registry hosts that speak plain http.
    """

    def __init__(self, insecure: tuple[str, ...] = ()) -> None:
        self._insecure = insecure
        self._turn = threading.Lock()

    @property
    def name(self) -> str:
        return "trivy"

    def scan(self, image: LayoutImage | str, platform: str) -> tuple[Finding, ...] | NotScanned:
        with tempfile.TemporaryDirectory(prefix="windlass-scan-") as temporary, self._turn:
            folder = Path(temporary)
            report = folder / "report.json"
            no_ignore_file(report).touch()
            if isinstance(image, str):
                argv = trivy_command(image, report, platform=platform, registry=True)
                plain = image.partition("/")[0] in self._insecure
            else:
                view = folder / "image"
                if (problem := _single(image, platform, view)) is not None:
                    return NotScanned(problem)
                argv, plain = trivy_command(str(view), report), False
            try:
                done = process.run(argv, cwd=folder, env={"TRIVY_NON_SSL": "true"} if plain else None)
            except process.ProgramMissing:
                return NotScanned("trivy is not installed")
            if not done.ok:
                raise _broken(done)
            try:
                document = json.loads(report.read_bytes())
            except (OSError, ValueError) as error:
                raise EnvironmentUnusable("Trivy wrote no report that can be read", where=str(image)) from error
            return parse_trivy(document, platform)


def _single(image: LayoutImage, platform: str, view: Path) -> str | None:
    """Lay out one platform's manifest as the only image of a layout, its blobs shared; or why that cannot be.

    Older Trivys refuse an index there, and newer ones choose a platform by rules of their own.
    """
    try:
        manifest = Layout(image.layout).child(image.digest, platform)
    except (NotFound, Malformed) as error:
        return f"the image cannot be read: {error.message}"
    if manifest is None:
        return f"the image has no {platform}"
    view.mkdir()
    (view / "blobs").symlink_to((image.layout / "blobs").absolute(), target_is_directory=True)
    (view / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    entry = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": manifest.size}
    (view / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return None


def _broken(done: process.Completed) -> EnvironmentUnusable:
    lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    reason = lines[-1].strip() if lines else f"it exited with {done.code}"
    remedy = (
        "run `trivy image --download-db-only`"
        if "DB" in reason or "database" in reason
        else "run it by hand to see more"
    )
    return EnvironmentUnusable(f"trivy failed: {reason}", remedy=remedy)
