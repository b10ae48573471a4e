"""The thin part around Trivy, with a stand-in program on PATH that records how it was called."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from windlass.errors import EnvironmentUnusable
from windlass.model.artifacts import LayoutImage, NotScanned
from windlass.scan.interface import Scanner
from windlass.scan.trivy import TrivyScanner
from windlass.testing.contracts.scanner import ScannerContract

REPORT = {
    "SchemaVersion": 2,
    "Metadata": {"OS": {"Family": "debian", "Name": "12.1"}},
    "Results": [
        {
            "Target": "image (debian 12.1)",
            "Class": "os-pkgs",
            "Packages": [{"Name": "bash"}],
            "Vulnerabilities": [
                {"VulnerabilityID": "CVE-1-1", "PkgName": "bash", "InstalledVersion": "5", "Severity": "HIGH"}
            ],
        }
    ],
}

STAND_IN = """#!{python}
import json, os, pathlib, sys
arguments = sys.argv[1:]
layout = arguments[arguments.index("--input") + 1] if "--input" in arguments else None
index = json.loads((pathlib.Path(layout) / "index.json").read_text()) if layout else None
if index:
    for entry in index["manifests"]:
        index["body"] = json.loads((pathlib.Path(layout) / "blobs/sha256" / entry["digest"][7:]).read_text())
call = dict(arguments=arguments, index=index, plain=os.environ.get("TRIVY_NON_SSL"), ignored=pathlib.Path(arguments[arguments.index("--ignorefile") + 1]).read_text(), files=os.listdir())
pathlib.Path({log!r}).write_text(json.dumps(call))
said = json.loads(pathlib.Path({script!r}).read_text())
sys.stderr.write(said["stderr"])
if said["report"] is not None:
    pathlib.Path(arguments[arguments.index("--output") + 1]).write_text(said["report"])
sys.exit(said["code"])
"""


class StandIn:
    def __init__(self, folder: Path) -> None:
        self.log, self.script = folder / "call.json", folder / "says.json"
        program = folder / "bin" / "trivy"
        program.parent.mkdir(parents=True)
        program.write_text(STAND_IN.format(python=sys.executable, log=str(self.log), script=str(self.script)))
        program.chmod(0o755)
        self.path = str(program.parent)
        self.says(json.dumps(REPORT))

    def says(self, report: str | None, code: int = 0, stderr: str = "") -> None:
        self.script.write_text(json.dumps({"report": report, "code": code, "stderr": stderr}))

    @property
    def call(self) -> Any:
        return json.loads(self.log.read_text())


@pytest.fixture
def trivy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn(tmp_path / "stand-in")
    monkeypatch.setenv("PATH", stand_in.path + os.pathsep + os.environ["PATH"])
    return stand_in


class TestTrivyScanner(ScannerContract):
    @pytest.fixture
    def scanner(self, trivy: StandIn) -> Scanner:
        return TrivyScanner()

    def test_a_layout_is_given_as_the_single_manifest_of_the_platform(
        self, scanner: Scanner, trivy: StandIn, image: LayoutImage
    ) -> None:
        scanner.scan(image, "linux/arm64")
        (entry,) = trivy.call["index"]["manifests"]
        assert entry["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
        config = trivy.call["index"]["body"]["config"]["digest"]
        assert json.loads((image.layout / "blobs/sha256" / config[7:]).read_text())["architecture"] == "arm64"

    def test_a_platform_the_image_lacks_is_not_scanned(self, scanner: Scanner, image: LayoutImage) -> None:
        assert scanner.scan(image, "linux/s390x") == NotScanned("the image has no linux/s390x")

    def test_the_users_own_thresholds_and_files_do_not_filter(
        self, scanner: Scanner, trivy: StandIn, image: LayoutImage
    ) -> None:
        scanner.scan(image, "linux/amd64")
        arguments = trivy.call["arguments"]
        assert arguments[arguments.index("--severity") + 1] == "UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL"
        assert "--ignore-unfixed=false" in arguments
        assert not {".trivyignore", "trivy.yaml"} & set(trivy.call["files"])
        assert trivy.call["ignored"] == ""

    def test_an_image_in_a_registry_is_asked_for_by_platform(self, trivy: StandIn) -> None:
        reference = "registry.example:8080/web@sha256:" + "0" * 64
        TrivyScanner(insecure=("registry.example:8080",)).scan(reference, "linux/arm64")
        arguments = trivy.call["arguments"]
        assert arguments[-1] == reference
        assert arguments[arguments.index("--platform") + 1] == "linux/arm64"
        assert trivy.call["plain"] == "true"

    def test_a_failure_is_an_error_with_its_reason(self, scanner: Scanner, trivy: StandIn, image: LayoutImage) -> None:
        trivy.says(
            None, code=1, stderr="2026 INFO updating\n2026 FATAL failed to download vulnerability DB: no route\n"
        )
        with pytest.raises(EnvironmentUnusable, match="failed to download vulnerability DB") as caught:
            scanner.scan(image, "linux/amd64")
        assert "download-db-only" in str(caught.value.remedy)

    @pytest.mark.parametrize("report", [None, "", "{", "null", '{"SchemaVersion": 9}'])
    def test_a_report_that_cannot_be_read_is_never_clean(
        self, scanner: Scanner, trivy: StandIn, image: LayoutImage, report: str | None
    ) -> None:
        trivy.says(report)
        with pytest.raises(EnvironmentUnusable):
            scanner.scan(image, "linux/amd64")


def test_without_trivy_nothing_is_scanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = TrivyScanner().scan("localhost:1/web@sha256:" + "0" * 64, "linux/amd64")
    assert found == NotScanned("trivy is not installed")
