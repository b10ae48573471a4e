"""OCI's own conformance suite (opencontainers/distribution-spec, `conformance/`), which `script/test-programs` obtains."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from tests.integration.registry.serving import Server
from windlass.process import run

SPARSE = "a manifest whose content is missing is refused, as the specification allows: nobody could pull it"
UNRELEASED = "not in version 1.1 of the specification; tried with the next one"

NOT_TRIED = {
    "1.1": {
        "Sparse Manifests": SPARSE,
        "Manifest put with tag params": UNRELEASED,
        "Tag Param": UNRELEASED,
        "Tag Param sha512": UNRELEASED,
    },
    "dev": {"Sparse Manifests": SPARSE},
}
"""Everything the suite knows and does not try here, with the reason. Whatever else it leaves out is a failure."""

TESTS = {"1.1": 690, "dev": 790}
"""Single tests that pass at least, so that a suite which does nothing does not pass."""


@pytest.mark.needs("conformance")
@pytest.mark.parametrize("version", ["1.1", "dev"])
def test_the_conformance_suite_has_no_failure_and_skips_only_what_is_listed(
    server: Server, tmp_path: Path, version: str
) -> None:
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
        "OCI_RESULTS_DIR": str(tmp_path / "results"),
        **({"OCI_API_MANIFESTS_TAG_PARAM": "true"} if version == "dev" else {}),
    }
    done = run(["conformance"], cwd=tmp_path, env=settings, timeout=300)
    assert done.ok, done.stdout[-3000:]

    told = yaml.safe_load((tmp_path / "results" / "results.yaml").read_text())
    assert {name for part in ("apis", "data") for name, said in told[part].items() if said != "Pass"} == set(
        NOT_TRIED[version]
    )
    cases = list(ElementTree.parse(tmp_path / "results" / "junit.xml").iter("testcase"))
    assert [case.get("name") for case in cases if case.get("status") != "passed"] == []
    assert len(cases) >= TESTS[version]
