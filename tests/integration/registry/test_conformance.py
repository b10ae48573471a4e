"""The OCI distribution conformance suite, where its program is at hand: `OCI_CONFORMANCE` is the path of the binary built from
`conformance/` of opencontainers/distribution-spec.

Only sparse manifests are not offered: a manifest whose content is missing is refused, as the specification allows.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.integration.registry.serving import Server
from windlass.process import run


@pytest.mark.skipif("OCI_CONFORMANCE" not in os.environ, reason="OCI_CONFORMANCE does not name the suite's program")
@pytest.mark.parametrize("version", ["1.1", "dev"])
def test_the_conformance_suite_has_no_failure_and_skips_nothing(server: Server, tmp_path: Path, version: str) -> None:
    settings = {
        "OCI_REGISTRY": f"127.0.0.1:{server.port}",
        "OCI_TLS": "disabled",
        "OCI_REPO1": "conformance/one",
        "OCI_REPO2": "conformance/two",
        "OCI_VERSION": version,
        "OCI_DATA_SPARSE": "false",
        "OCI_API_BLOBS_UPLOAD_CANCEL": "true",
        "OCI_API_BLOBS_DIGEST_HEADER": "true",
        "OCI_API_MANIFESTS_DIGEST_HEADER": "true",
        "OCI_API_MANIFESTS_TAG_PARAM": "true",
        "OCI_RESULTS_DIR": str(tmp_path / "results"),
    }
    done = run([os.environ["OCI_CONFORMANCE"]], cwd=tmp_path, env=settings, timeout=300)
    assert done.ok, done.stdout[-3000:]
    report = ElementTree.parse(tmp_path / "results" / "junit.xml").getroot()
    outcomes = Counter(case.get("status") for case in report.iter("testcase"))
    assert outcomes.pop("passed", 0) > 600
    assert not set(outcomes) & {"failure", "error", "skipped"}, outcomes
