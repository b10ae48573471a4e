"""What every builder keeps to. A driver's test class inherits `BuilderContract` and gives a `builder` fixture.

The Dockerfiles are real ones on `busybox:1`, kept to what the fake understands too.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from windlass.build import layout
from windlass.build.interface import Builder, BuildRequest
from windlass.build.unit_tests import run_unit_tests
from windlass.errors import BuildFailed, CredentialsMissing, EngineUnavailable, TestsFailed
from windlass.git.repository import EPOCH
from windlass.model.artifacts import Built, LayoutImage
from windlass.model.events import Event, ServiceLog, ServiceProgress, silent
from windlass.model.plan import Fingerprint, ServicePlan
from windlass.model.project import BuildSecret, BuildSpec, Project, RegistrySpec, Service, TestSpec

PLATFORMS = ("linux/amd64", "linux/arm64")
PLAIN = "FROM busybox:1\nCOPY a.txt /a.txt\n"


class BuilderContract:
    @pytest.fixture
    def builder(self) -> Builder:
        raise NotImplementedError

    @pytest.fixture
    def request_for(self, tmp_path: Path) -> Any:
        """A request for a context made of these files; keyword arguments replace fields of the request."""

        def make(
            text: str = PLAIN, files: Mapping[str, str] | None = None, name: str = "web", **fields: Any
        ) -> BuildRequest:
            context = tmp_path / "contexts" / name
            context.mkdir(parents=True, exist_ok=True)
            for file, body in {"Dockerfile": text, **({"a.txt": "hi\n"} if files is None else files)}.items():
                (context / file).parent.mkdir(parents=True, exist_ok=True)
                (context / file).write_text(body)
            for path in (context, *context.rglob("*")):  # as a materialised source tree is
                os.utime(path, (EPOCH, EPOCH))
            given: dict[str, Any] = {
                "service": name,
                "context": str(context),
                "dockerfile": context / "Dockerfile",
                "layout": tmp_path / "layouts" / name,
                "platforms": PLATFORMS,
            }
            return BuildRequest(**(given | fields))

        return make

    def test_an_image_is_a_complete_index_of_all_platforms(self, builder: Builder, request_for: Any) -> None:
        image = builder.build(request_for(), silent)
        assert layout.platforms_in(image.layout, image.digest) == PLATFORMS
        assert_complete(image)

    def test_the_layout_names_this_image_and_no_other(self, builder: Builder, request_for: Any) -> None:
        builder.build(request_for(), silent)
        image = builder.build(request_for(files={"a.txt": "changed\n"}), silent)
        named = json.loads((image.layout / "index.json").read_text())["manifests"]
        assert [entry["digest"] for entry in named] == [image.digest]

    def test_one_platform_still_gives_an_index(self, builder: Builder, request_for: Any) -> None:
        image = builder.build(request_for(platforms=("linux/arm64",)), silent)
        assert layout.platforms_in(image.layout, image.digest) == ("linux/arm64",)
        assert_complete(image)

    def test_the_same_inputs_give_the_same_digest(self, builder: Builder, request_for: Any, tmp_path: Path) -> None:
        first = builder.build(request_for(), silent)
        again = builder.build(request_for(layout=tmp_path / "elsewhere"), silent)
        assert again.digest == first.digest

    def test_the_order_of_platforms_does_not_matter(self, builder: Builder, request_for: Any, tmp_path: Path) -> None:
        first = builder.build(request_for(), silent)
        again = builder.build(request_for(layout=tmp_path / "elsewhere", platforms=PLATFORMS[::-1]), silent)
        assert again.digest == first.digest

    def test_every_step_run_again_gives_the_same_digest(
        self, builder: Builder, request_for: Any, tmp_path: Path
    ) -> None:
        first = builder.build(request_for(fresh=True), silent)
        again = builder.build(request_for(fresh=True, layout=tmp_path / "elsewhere"), silent)
        assert again.digest == first.digest

    @pytest.mark.parametrize(
        "change",
        [
            {"files": {"a.txt": "changed\n"}},
            {"text": PLAIN + "ENV A=1\n"},
            {"labels": {"org.example.kind": "x"}},
        ],
        ids=["file", "instruction", "label"],
    )
    def test_another_input_gives_another_digest(
        self, builder: Builder, request_for: Any, change: dict[str, Any]
    ) -> None:
        first = builder.build(request_for(), silent)
        assert builder.build(request_for(**change), silent).digest != first.digest

    def test_a_build_argument_reaches_the_build(self, builder: Builder, request_for: Any) -> None:
        text = "FROM busybox:1\nARG KIND=none\nENV KIND=$KIND\n"
        digests = {builder.build(request_for(text, args={"KIND": kind}), silent).digest for kind in ("red", "blue")}
        assert len(digests) == 2

    def test_progress_and_output_are_told(self, builder: Builder, request_for: Any) -> None:
        seen: list[Event] = []
        builder.build(request_for("FROM busybox:1\nRUN echo hello there\n", fresh=True), seen.append)
        progress = [event for event in seen if isinstance(event, ServiceProgress)]
        assert any("RUN echo hello there" in event.message for event in progress)
        assert all((event.stage, event.service) == ("build", "web") for event in progress)
        assert any(event.line.endswith("hello there") for event in seen if isinstance(event, ServiceLog))

    def test_a_failing_step_is_named_with_its_output(self, builder: Builder, request_for: Any) -> None:
        request = request_for("FROM busybox:1\nRUN echo about to fail && exit 3\n")
        with pytest.raises(BuildFailed) as caught:
            builder.build(request, silent)
        assert "RUN echo about to fail" in str(caught.value)
        assert "web" in str(caught.value.where)
        assert "about to fail" in caught.value.log

    def test_a_failed_build_leaves_no_image(self, builder: Builder, request_for: Any) -> None:
        request = request_for("FROM busybox:1\nRUN exit 3\n")
        with pytest.raises(BuildFailed):
            builder.build(request, silent)
        assert not (request.layout / "index.json").exists()

    @pytest.mark.parametrize(
        "text", ["FROM busybox:1\nRUNX ls\n", "this is no Dockerfile\n"], ids=["instruction", "prose"]
    )
    def test_a_broken_dockerfile_is_a_failed_build(self, builder: Builder, request_for: Any, text: str) -> None:
        with pytest.raises(BuildFailed):
            builder.build(request_for(text), silent)

    def test_a_missing_dockerfile_is_a_failed_build(self, builder: Builder, request_for: Any, tmp_path: Path) -> None:
        with pytest.raises(BuildFailed):
            builder.build(request_for(dockerfile=tmp_path / "nowhere" / "Dockerfile"), silent)

    def test_an_unknown_target_is_a_failed_build(self, builder: Builder, request_for: Any) -> None:
        with pytest.raises(BuildFailed):
            builder.build(request_for(target="nosuch"), silent)

    def test_the_target_stage_is_built(self, builder: Builder, request_for: Any) -> None:
        text = "FROM busybox:1 AS small\nENV KIND=small\nFROM small AS broken\nRUN exit 3\n"
        image = builder.build(request_for(text, target="small"), silent)
        assert layout.platforms_in(image.layout, image.digest) == PLATFORMS

    def test_an_image_just_built_is_the_base_of_another(self, builder: Builder, request_for: Any) -> None:
        base = builder.build(request_for(name="base"), silent)
        text = "FROM team/base\nCOPY --from=other /a.txt /b.txt\n"
        place = f"oci-layout://{base.layout}@{base.digest}"
        contexts = {"team/base": place, "other": place}
        image = builder.build(request_for(text, contexts=contexts), silent)
        assert layout.platforms_in(image.layout, image.digest) == PLATFORMS
        assert_complete(image)

    def test_a_secret_without_its_variable_is_said_before_the_build(
        self, builder: Builder, request_for: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("WINDLASS_TEST_TOKEN", raising=False)
        request = request_for(secrets=(BuildSecret("token", environment="WINDLASS_TEST_TOKEN"),))
        with pytest.raises(CredentialsMissing, match="WINDLASS_TEST_TOKEN"):
            builder.build(request, silent)

    def test_a_secret_without_its_file_is_said_before_the_build(
        self, builder: Builder, request_for: Any, tmp_path: Path
    ) -> None:
        request = request_for(secrets=(BuildSecret("token", file="token.txt"),), secret_root=tmp_path)
        with pytest.raises(CredentialsMissing, match=r"token\.txt"):
            builder.build(request, silent)

    def test_a_stage_is_executed_for_its_exit_code_alone(self, builder: Builder, request_for: Any) -> None:
        request = request_for(
            "FROM busybox:1 AS test\nRUN echo all is well\nFROM busybox:1\n", target="test", fresh=True
        )
        seen: list[Event] = []
        builder.execute(request, seen.append)
        assert not (request.layout / "index.json").exists()
        assert any(
            event.stage == "test" and "all is well" in event.line for event in seen if isinstance(event, ServiceLog)
        )

    def test_a_failing_test_stage_is_failed_tests(self, builder: Builder, request_for: Any) -> None:
        request = request_for(
            "FROM busybox:1 AS test\nRUN echo one is wrong && exit 1\nFROM busybox:1\n", target="test"
        )
        with pytest.raises(TestsFailed) as caught:
            builder.execute(request, silent)
        assert "one is wrong" in caught.value.log

    @pytest.mark.parametrize(
        ("command", "passes"),
        [
            ("test -f /a.txt && cat /tests/first.txt && echo all is well", True),
            ("cat /tests/first.txt && echo one is wrong && exit 1", False),
        ],
        ids=["passing", "failing"],
    )
    def test_a_command_tests_the_image_that_was_built(
        self, builder: Builder, request_for: Any, tmp_path: Path, command: str, passes: bool
    ) -> None:
        image = builder.build(request_for(), silent)
        tests = tmp_path / "tree" / "tests"
        tests.mkdir(parents=True)
        (tests / "first.txt").write_text("the first test\n")
        spec = BuildSpec("web", "web/Dockerfile")
        service = Service("web", "web", spec, test=TestSpec(command=command, files="tests"))
        project = Project("crank", tmp_path, RegistrySpec("localhost:1"), PLATFORMS, (), (service,), ())
        plan = ServicePlan(service, "build", (), Fingerprint(image.digest, ()))
        seen: list[Event] = []

        def run() -> None:
            run_unit_tests(
                builder,
                project,
                Built(plan, image.digest, image),
                folder=tmp_path / "tree",
                layout=tmp_path / "unused",
                scratch=tmp_path / "scratch",
                fresh={"web": image},
                reused={},
                emit=seen.append,
            )

        if passes:
            run()
            lines = [event.line for event in seen if isinstance(event, ServiceLog) and event.stage == "test"]
            assert any("all is well" in line for line in lines)
        else:
            with pytest.raises(TestsFailed) as caught:
                run()
            assert "one is wrong" in caught.value.log
        assert not (tmp_path / "unused").exists()

    def test_a_platform_that_cannot_be_built_is_said_with_a_remedy(self, builder: Builder) -> None:
        with pytest.raises(EngineUnavailable, match="linux/mips64le") as caught:
            builder.prepare(("linux/amd64", "linux/mips64le"), silent)
        assert caught.value.remedy


def assert_complete(image: LayoutImage) -> None:
    """Every blob below the index is in the layout under its own digest."""
    todo, seen = [image.digest], set()
    while todo:
        digest = todo.pop()
        if digest in seen:
            continue
        seen.add(digest)
        data = layout.blob_path(image.layout, digest).read_bytes()
        assert "sha256:" + hashlib.sha256(data).hexdigest() == digest
        if data[:1] == b"{":
            document = json.loads(data)
            todo += [entry["digest"] for entry in document.get("manifests", ())]
            todo += [entry["digest"] for entry in document.get("layers", ())]
            if "config" in document and "digest" in document["config"]:
                todo.append(document["config"]["digest"])
