"""Decisions, reasons and pins of whole plans."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from windlass.errors import ConfigError, EnvironmentUnusable, RegistryUnavailable, UsageError
from windlass.model.project import BuildSpec, TestSpec
from windlass.plan.fingerprint import built_on
from windlass.plan.interface import Remembered
from windlass.plan.why import explain
from windlass.testing.files import submodule

AMD, ARM = "linux/amd64", "linux/arm64"


def test_the_first_build_says_so(world: Any) -> None:
    world.service("app", "FROM python:3.12\nCOPY app/x /\n")
    world.files["app/x"] = "x"

    plan = world.of("app")

    assert (plan.action, plan.reasons) == ("build", ("first build: nothing is known of it yet",))


def test_what_is_built_already_is_reused_by_its_digest(world: Any) -> None:
    world.service("app", "FROM python:3.12\n")
    world.publish()

    plan = world.of("app")

    assert (plan.action, plan.reasons) == ("reuse", ("already built",))
    assert plan.digest is not None and plan.digest.startswith("sha256:")


def test_changed_files_are_named_and_the_rest_counted(world: Any) -> None:
    world.service("app", "FROM scratch\nCOPY app /\n")
    world.edit({f"app/{n}.py": "1" for n in range(6)})
    world.publish()
    world.edit({f"app/{n}.py": "2" for n in range(4)} | {"app/5.py": None, "app/7.py": "new"})

    assert world.of("app").reasons == (
        "input changed: app/0.py",
        "input changed: app/1.py",
        "input changed: app/2.py",
        "and 3 more",
    )


@pytest.mark.parametrize(
    ("dockerfile", "reason"),
    [
        ("FROM python:3.13\n", "base image python:3.13 is new"),
        ("FROM python:3.12\nRUN x\n", "input changed: app/Dockerfile"),
    ],
)
def test_a_changed_dockerfile_is_told(world: Any, dockerfile: str, reason: str) -> None:
    world.service("app", "FROM python:3.12\n")
    world.publish()
    world.service("app", dockerfile)

    assert reason in world.of("app").reasons


def test_a_moved_base_image_is_told(world: Any) -> None:
    world.service("app", "FROM python:3.12-slim\n")
    world.publish()
    world.bases.move("python:3.12-slim")
    world.bases.resolve = _moved(world.bases)

    assert world.of("app").reasons == ("base image python:3.12-slim moved",)


def _moved(bases: Any) -> Any:
    from dataclasses import replace

    plain = bases.resolve

    def resolve(name: str, platforms: Any) -> Any:
        found = plain(name, platforms)
        return replace(found, platforms={p: d[:-4] + "beef" for p, d in found.platforms.items()})

    return resolve


def test_a_base_image_that_moved_for_other_platforms_only_is_no_reason(world: Any) -> None:
    from dataclasses import replace

    world.service("app", "FROM python:3.12-slim\n")
    world.publish()
    plain = world.bases.resolve
    world.bases.resolve = lambda name, platforms: replace(plain(name, platforms), digest="sha256:" + "e" * 64)

    assert world.of("app").action == "reuse"


def test_a_changed_argument_is_named_without_its_value(world: Any) -> None:
    dockerfile = "FROM scratch\nARG TOKEN\nLABEL t=$TOKEN\n"
    world.service("app", dockerfile, args={"TOKEN": "hunter2"})
    world.publish()
    world.service("app", dockerfile, args={"TOKEN": "hunter3"})

    plan = world.of("app")

    assert plan.reasons == ("argument TOKEN changed",)
    assert "hunter" not in repr(plan.fingerprint) + repr(plan.reasons)


def test_a_lost_image_is_built_again_and_said(world: Any) -> None:
    world.service("app", "FROM scratch\n")
    world.publish()
    world.memory.lose("app", world.of("app").digest)

    plan = world.of("app")

    assert plan.action == "build"
    assert plan.reasons == ("the registry lost its image: its image is gone from the registry",)


def test_a_rebuild_can_be_asked_for_and_reaches_what_is_built_from_it(world: Any) -> None:
    world.service("base", "FROM scratch\n")
    world.service("app", "FROM base\n")
    world.service("other", "FROM scratch\n")
    world.publish()

    assert world.built(rebuild=["base"]) == ["base", "app"]
    assert world.of("app", rebuild=["base"]).reasons == ("base, which it is built from, is rebuilt",)
    assert world.of("base", rebuild=["base"]).fresh
    assert not world.of("app", rebuild=["base"]).fresh


class TestRefresh:
    DAY = 86400.0

    @pytest.fixture
    def world(self, world: Any) -> Any:
        """Published at time 0; `weekly` and what is built from it."""
        world.service("weekly", "FROM scratch\nRUN apt-get install things\n")
        world.service("app", "FROM weekly\n")
        world.service("never", "FROM scratch\n")
        world.services[0] = replace(world.services[0], refresh=7 * self.DAY)
        world.publish()
        return world

    def test_an_image_older_than_its_interval_is_built_anew_without_a_cache(self, world: Any) -> None:
        plan = world.of("weekly", now=9.5 * self.DAY)

        assert (plan.action, plan.fresh) == ("build", True)
        assert plan.reasons == ("refresh: built 9 days ago, every 7 days",)

    def test_what_is_built_from_it_is_built_again(self, world: Any) -> None:
        assert world.built(now=9 * self.DAY) == ["weekly", "app"]
        assert world.of("app", now=9 * self.DAY).reasons == ("weekly, which it is built from, is rebuilt",)

    def test_a_younger_one_is_reused(self, world: Any) -> None:
        assert world.built(now=6.9 * self.DAY) == []

    def test_the_refreshed_image_counts_from_when_it_was_recorded(self, world: Any) -> None:
        before = world.of("weekly").digest
        world.memory.now = 9 * self.DAY
        world.publish(packages="newer", now=9 * self.DAY)

        assert world.built(now=15 * self.DAY) == []
        assert world.of("weekly", now=15 * self.DAY).digest != before

    def test_what_is_built_from_it_and_failed_then_is_built_at_the_next_plan(self, world: Any) -> None:
        world.service("top", "FROM app\n")
        world.publish()
        world.memory.now = 9 * self.DAY
        world.publish("weekly", packages="newer", now=9 * self.DAY)

        assert world.built(now=9 * self.DAY) == ["app", "top"]
        assert world.of("app").reasons == ("it was not built from the image that weekly has now",)
        assert world.of("top").reasons == ("it was not built from the image that app has now",)
        world.publish("app", now=9 * self.DAY)
        assert world.built(now=9 * self.DAY) == ["top"]
        world.publish(now=9 * self.DAY)
        assert world.built(now=9 * self.DAY) == []

    def test_a_refresh_that_gives_the_same_image_leaves_what_is_built_from_it(self, world: Any) -> None:
        world.memory.now = 9 * self.DAY
        world.publish("weekly", now=9 * self.DAY)

        assert world.built(now=9 * self.DAY) == []

    def test_tests_run_again_on_what_was_built_anew_and_on_what_is_built_from_it(self, world: Any) -> None:
        for number in (0, 1):
            world.services[number] = replace(world.services[number], test=TestSpec(command="true"))
        for name in ("weekly", "app"):
            world.memory.remember_tests(world.of(name).test_fingerprint)

        assert world.of("weekly").tested and world.of("app").tested
        assert not world.of("weekly", now=9 * self.DAY).tested
        assert not world.of("app", now=9 * self.DAY).tested

    def test_an_image_of_unknown_age_is_built_anew(self, world: Any) -> None:
        plan = world.of("weekly")
        world.memory.recall = lambda wanted, **_: {plan.fingerprint.digest: Remembered(plan.digest)}

        assert world.of("weekly", now=1.0).reasons == ("refresh: nobody knows when it was built, every 7 days",)


def test_what_is_built_from_a_lost_image_is_built_again(world: Any) -> None:
    world.service("base", "FROM scratch\n")
    world.service("app", "FROM base\n")
    world.publish()
    world.memory.lose("base", world.of("base").digest)

    assert world.built() == ["base", "app"]
    assert world.of("app").reasons == ("base, which it is built from, is rebuilt",)


def test_of_two_machines_images_those_that_belong_together_are_taken(world: Any) -> None:
    """Both publish both; the records of one come between those of the other."""
    world.service("base", "FROM scratch\n")
    world.service("app", "FROM base\n")
    base, app = (world.of(name).fingerprint for name in ("base", "app"))
    one, two, on_one, on_two = (f"sha256:{number:064x}" for number in range(4))
    world.memory.remember("base", base.digest, one, (), "main")
    world.memory.remember("base", base.digest, two, (), "main")
    world.memory.remember("app", built_on(app.digest, {"base": two}), on_two, (), "main")
    world.memory.remember("app", built_on(app.digest, {"base": one}), on_one, (), "main")

    assert (world.of("base").digest, world.of("app").digest) == (two, on_two)


def test_reasons_compare_with_the_branch_when_nothing_differs(world: Any) -> None:
    world.service("app", "FROM scratch\n")
    world.publish()
    world.memory.records.clear()

    assert world.of("app").reasons == ("no image of these inputs is in the registry",)


def test_platforms_are_part_of_the_image(world: Any) -> None:
    world.service("app", "FROM scratch\n")
    world.platforms = (AMD,)
    world.publish()
    world.platforms = (AMD, ARM)

    assert world.of("app").reasons == ("platform linux/arm64 added",)


def test_the_repository_is_part_of_the_fingerprint(world: Any) -> None:
    world.service("app", "FROM scratch\n")
    here = world.of("app").fingerprint.digest
    world.prefix = "team"

    assert world.of("app").fingerprint.digest != here


# -- base images ----------------------------------------------------------------------------------------------------


def test_each_base_image_is_asked_for_once_and_pinned_under_its_name(world: Any) -> None:
    world.service("a", "ARG V=3.12\nFROM python:${V}-slim AS one\nFROM scratch\nCOPY --from=one /x /\n")
    world.service(
        "b", "FROM python:3.12-slim\nCOPY --from=busybox:1 /bin/sh /\nRUN --mount=from=alpine,target=/a true\n"
    )

    plan = world.plan()

    assert sorted(world.bases.asked) == ["alpine", "busybox:1", "python:3.12-slim"]
    assert [base.name for base in plan.services[0].bases] == ["python:3.12-slim"]
    assert [base.name for base in plan.services[1].bases] == ["alpine", "busybox:1", "python:3.12-slim"]
    assert set(plan.services[0].bases[0].platforms) == {AMD, ARM}


def test_stages_and_scratch_are_no_base_images(world: Any) -> None:
    world.service("app", "FROM scratch AS python\nFROM python AS b\nCOPY --from=python /x /\nCOPY --from=0 /x /\n")

    world.plan()

    assert world.bases.asked == []


def test_a_base_image_that_hangs_on_the_platform_is_resolved_for_each(world: Any) -> None:
    world.service("app", "ARG TARGETARCH\nFROM img-$TARGETARCH\n")

    assert world.inputs("app", "base") == ["img-amd64 linux/amd64", "img-arm64 linux/arm64"]


def test_a_build_platform_stage_gives_one_fingerprint_on_every_machine(world: Any) -> None:
    world.platforms = (ARM,)
    world.service("app", "FROM --platform=$BUILDPLATFORM golang AS b\nFROM scratch\nCOPY --from=b /x /\n")

    assert world.inputs("app", "base") == ["golang linux/amd64", "golang linux/arm64"]


def test_a_build_platform_the_image_does_not_have_is_done_without(world: Any) -> None:
    world.platforms = (ARM,)
    world.bases.platforms = (ARM,)
    world.service("app", "FROM --platform=$BUILDPLATFORM golang AS b\nFROM scratch\nCOPY --from=b /x /\n")

    assert world.of("app").action == "build"


def test_a_name_with_a_digest_is_pinned_as_it_is(world: Any) -> None:
    world.service("app", f"FROM python@sha256:{'a' * 64}\n")

    plan = world.of("app")

    assert plan.bases == ()
    assert plan.fingerprint.digest is not None


def test_the_frontend_is_counted_and_pinned(world: Any) -> None:
    world.service("app", "# syntax=docker/dockerfile:1\nFROM scratch\n")

    plan = world.of("app")

    assert plan.frontend is not None and plan.frontend.name == "docker/dockerfile:1"
    assert plan.bases == ()
    assert world.inputs("app", "base") == ["docker/dockerfile:1 frontend"]


def test_triggers_of_a_base_image_read_the_context(world: Any) -> None:
    world.bases.onbuild["node:onbuild"] = ("COPY package.json /app/", "RUN npm install")
    world.service("app", "FROM node:onbuild\n")
    world.files["package.json"] = "{}"
    world.publish()
    world.edit({"package.json": "{ }"})

    assert world.of("app").reasons == ("input changed: package.json",)


def test_triggers_may_name_further_images(world: Any) -> None:
    world.bases.onbuild["a"] = ("COPY --from=b /x /",)
    world.service("app", "FROM a\n")

    assert [base.name for base in world.of("app").bases] == ["a", "b"]


def test_unknown_triggers_cannot_be_pinned(world: Any) -> None:
    world.bases.onbuild["a"] = None
    world.service("app", "FROM a\n")

    assert world.of("app").reasons == ("cannot be pinned: nobody could look at what a adds to a build (ONBUILD)",)


def test_a_base_image_nobody_has_fails_its_service_alone(world: Any) -> None:
    world.bases.missing = {"worker-base:latest"}
    world.service("good", "FROM python:3.12\n")
    world.service("bad", "FROM worker-base:latest\n")

    plan = world.plan()

    assert [planned.service.name for planned in plan.services] == ["good"]
    assert plan.failed == {"bad": "the base image worker-base:latest cannot be resolved"}


def test_no_base_image_at_all_is_the_environments_trouble(world: Any) -> None:
    world.bases.missing = {"python:3.12"}
    world.service("app", "FROM python:3.12\n")

    with pytest.raises(EnvironmentUnusable, match=r"python:3\.12"):
        world.plan()


def test_a_registry_that_is_away_ends_the_plan(world: Any) -> None:
    def away(wanted: object, **_: object) -> Any:
        raise RegistryUnavailable("the registry does not answer")

    world.memory.recall = away
    world.service("app", "FROM scratch\n")

    with pytest.raises(RegistryUnavailable):
        world.plan()


# -- services built from services -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM base\n",
        "FROM base:latest\n",
        "FROM docker.io/library/base\n",
        "FROM shop-base\n",
        "FROM localhost:5077/base:main-abc1234\n",
        "FROM scratch\nCOPY --from=base /x /\n",
        "FROM scratch\nRUN --mount=from=base,target=/b true\n",
        "ARG B=base\nFROM $B\n",
    ],
)
def test_an_image_built_here_is_an_edge_and_no_base_image(world: Any, dockerfile: str) -> None:
    world.service("app", dockerfile)
    world.service("base", "FROM scratch\nCOPY base/x /\n")
    world.files["base/x"] = "1"

    plan = world.plan()

    assert [planned.service.name for planned in plan.services] == ["base", "app"]
    assert plan.services[1].needs == ("base",)
    assert [service for _, service in plan.services[1].links] == ["base"]
    assert world.bases.asked == []


def test_composes_image_name_is_an_edge_with_its_tag(world: Any) -> None:
    world.service("app", "FROM corp/base:dev\n")
    world.service("base", "FROM scratch\n", reference="corp/base:dev")

    assert world.of("app").links == (("corp/base:dev", "base"),)


def test_a_tagged_public_image_is_not_a_service_of_the_same_name(world: Any) -> None:
    world.service("redis", "FROM redis:7\n")
    world.service("web", "FROM redis:7\n")
    world.service("self", "FROM self\n")

    assert all(planned.needs == () for planned in world.plan().services)


def test_an_additional_context_may_be_a_service(world: Any) -> None:
    world.service("base", "FROM scratch\n")
    world.service("app", "FROM parent\n", contexts={"parent": "service:base"})

    assert world.of("app").needs == ("base",)


def test_a_change_below_reaches_what_is_built_from_it(world: Any) -> None:
    world.service("base", "FROM scratch\nCOPY base/x /\n")
    world.service("app", "FROM base\n")
    world.files["base/x"] = "1"
    world.publish()
    world.edit({"base/x": "2"})

    assert world.built() == ["base", "app"]
    assert world.of("app").reasons == ("service base, which it is built from, changed",)


def test_triggers_of_a_service_read_in_what_is_built_from_it(world: Any) -> None:
    world.service("base", "FROM scratch\nONBUILD COPY lib /lib\n")
    world.service("app", "FROM base\n")
    world.files["lib/x"] = "1"

    assert world.inputs("app", "file") == ["lib/x"]
    assert world.inputs("base", "file") == []


def test_a_circle_is_named(world: Any) -> None:
    world.service("a", "FROM b\n")
    world.service("b", "FROM c\n")
    world.service("c", "FROM scratch\nCOPY --from=a /x /\n")

    with pytest.raises(ConfigError, match="a → b → c → a"):
        world.plan()


def test_order_follows_the_file_where_nothing_else_does(world: Any) -> None:
    for name in ("zeta", "alpha", "mid"):
        world.service(name, "FROM scratch\n")

    assert [planned.service.name for planned in world.plan().services] == ["zeta", "alpha", "mid"]


def test_only_some_services_bring_those_they_need(world: Any) -> None:
    world.service("other", "FROM scratch\n")
    world.service("app", "FROM base\n")
    world.service("base", "FROM scratch\n")

    assert [planned.service.name for planned in world.plan(only=["app"]).services] == ["base", "app"]


def test_an_unknown_service_is_refused_with_a_suggestion(world: Any) -> None:
    world.service("platform", "FROM scratch\n")

    with pytest.raises(UsageError, match="there is no service 'platfrom'") as caught:
        world.plan(only=["platfrom"])
    assert caught.value.remedy == "did you mean 'platform'?"


# -- what cannot be pinned, and what cannot be read -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("dockerfile", "build", "reason"),
    [
        ("FROM scratch\nADD https://x.org/a.tgz /\n", {}, "ADD https://x.org/a.tgz has no --checksum"),
        ("FROM scratch\nADD https://x.org/a.git#main /\n", {}, "ADD https://x.org/a.git#main has no --checksum"),
        ("FROM scratch\nCOPY . /\n", {"context": "../outside"}, "its context ../outside is outside the repository"),
        ("FROM scratch\nCOPY . /\n", {"context": "/srv/x"}, "its context /srv/x is outside the repository"),
        (None, {"context": "https://x.org/a.git"}, "its context is fetched from https://x.org/a.git"),
        (None, {"spec": BuildSpec(".", "../Dockerfile")}, "its Dockerfile ../Dockerfile is outside the repository"),
        ("FROM scratch\nCOPY --from=l a /\n", {"contexts": {"l": "/lib"}}, "the build context 'l' is outside the repository: /lib"),
        ("FROM l\n", {"contexts": {"l": "https://x/y.tgz"}}, "the build context 'l' is fetched from https://x/y.tgz"),
        ("# syntax=corp/own-language\nFROM scratch\n", {}, "the frontend corp/own-language reads its Dockerfile in its own way"),
    ],
)  # fmt: skip
def test_what_cannot_be_pinned_is_built_every_time_and_said(
    world: Any, dockerfile: str | None, build: dict[str, Any], reason: str
) -> None:
    world.service("app", dockerfile, **build)
    world.publish()

    plan = world.of("app")

    assert (plan.action, plan.fingerprint.digest) == ("build", None)
    assert plan.reasons == (f"cannot be pinned: {reason}",)


@pytest.mark.parametrize(
    "dockerfile",
    [
        f"FROM scratch\nADD --checksum=sha256:{'a' * 64} https://x.org/a.tgz /\n",
        f"FROM scratch\nADD https://x.org/a.git#{'b' * 40} /\n",
        "FROM scratch AS unused\nADD https://x.org/a.tgz /\nFROM scratch\n",
        "FROM scratch\n",
    ],
)
def test_a_download_that_is_pinned_or_unused_is_no_reason(world: Any, dockerfile: str) -> None:
    world.service("app", dockerfile, context="../outside" if dockerfile == "FROM scratch\n" else ".")
    world.publish()

    assert world.of("app").action == "reuse"


def test_what_is_built_from_something_unpinned_is_unpinned(world: Any) -> None:
    world.service("base", "FROM scratch\nADD https://x.org/a.tgz /\n")
    world.service("app", "FROM base\n")

    assert world.of("app").reasons == ("cannot be pinned: it is built from base, which cannot be pinned",)


@pytest.mark.parametrize(
    ("dockerfile", "reason"),
    [
        (None, "app/Dockerfile: there is no Dockerfile here"),
        ("", "app/Dockerfile:1: the file has no instructions"),
        ("FROM x\nFOO y\n", "app/Dockerfile:2: unknown instruction: FOO"),
        ("FROM x\n\nCOPY y\n", "app/Dockerfile:3: COPY needs a source and a destination"),
        ("RUN x\n", "app/Dockerfile:1: RUN stands before the first FROM"),
        ("ARG A\nFROM $A\n", "app/Dockerfile:2: the base image '$A' is empty: a variable in it has no value"),
        ("FROM x AS 1a\n", "app/Dockerfile:1: invalid name for a build stage: '1a'"),
        ("FROM x\nRUN <<E\n", "app/Dockerfile:2: the heredoc E is not closed"),
        ("FROM ${A:?missing}\n", "app/Dockerfile:1: A: missing"),
        ("FROM scratch\nENV A=1\nCOPY ${B:?missing} /\n", "app/Dockerfile:3: B: missing"),
        ("FROM scratch\nCOPY --from=9 a b\n", "app/Dockerfile:2: there is no stage number 9"),
        (
            "FROM Upper\n",
            "'Upper' is not an image reference: 'library/Upper' is not a repository name; write library/upper",
        ),
        ("FROM x AS a\nCOPY --from=a b c\n", "app/Dockerfile:1: stage 'a' is built from itself"),
    ],
)
def test_a_dockerfile_that_cannot_be_read_fails_its_service_alone(
    world: Any, dockerfile: str | None, reason: str
) -> None:
    world.service("app", dockerfile)
    world.service("fine", "FROM scratch\n")

    plan = world.plan()

    assert plan.failed == {"app": reason}
    assert [planned.service.name for planned in plan.services] == ["fine"]


def test_a_target_that_does_not_exist_names_those_that_do(world: Any) -> None:
    world.service("app", "FROM x AS build\nFROM x\n", target="tests")

    assert world.plan().failed == {"app": "app/Dockerfile:2: there is no stage 'tests' (stages: build)"}


def test_a_malformed_ignore_file_fails_its_service(world: Any) -> None:
    world.service("app", "FROM scratch\nCOPY . /\n")
    world.files[".dockerignore"] = "fine\n[\n"

    assert world.plan().failed == {"app": "app/Dockerfile: .dockerignore has a malformed pattern: ["}


def test_what_is_built_from_a_failed_service_fails_with_it(world: Any) -> None:
    world.service("base", "FOO\n")
    world.service("app", "FROM base\n")

    failed = world.plan().failed

    assert failed["app"].startswith("it is built from base, which cannot be planned: base/Dockerfile:1")


def test_a_source_that_hangs_on_the_base_images_variables_counts_the_whole_context(world: Any) -> None:
    world.service("app", "FROM python:3.12\nCOPY $FROM_THE_BASE/x /\n")
    world.files["far/away"] = "1"

    assert "far/away" in world.inputs("app", "file")


def test_an_unknown_flag_of_a_newer_frontend_counts_the_whole_context(world: Any) -> None:
    world.service("app", "FROM scratch\nCOPY --newer-than-us a /\n")
    world.files["far/away"] = "1"

    assert "far/away" in world.inputs("app", "file")


@pytest.mark.parametrize("instruction", ["COPY --parents a/[ /", "COPY --exclude=[ . /", "COPY [ /", "COPY a[ /"])
def test_a_malformed_pattern_is_left_to_the_build_to_refuse(world: Any, instruction: str) -> None:
    world.service("app", f"FROM scratch\n{instruction}\n")

    assert world.of("app").action == "build"


def test_a_submodule_is_counted_by_its_commit_and_noted(world: Any) -> None:
    world.service("app", "FROM scratch\nCOPY vendor /v\n")
    world.files["vendor/lib"] = submodule("1" * 40)
    world.publish()
    assert len(world.plan().notes) == 1
    world.files["vendor/lib"] = submodule("2" * 40)

    assert world.of("app").reasons == ("input changed: vendor/lib",)


# -- tests ----------------------------------------------------------------------------------------------------------


def test_a_change_in_tests_alone_builds_nothing_and_tests_again(world: Any) -> None:
    world.service("app", "FROM scratch\nCOPY app/src /\n", test=TestSpec(command="pytest", files="app/tests"))
    world.edit({"app/src/x": "1", "app/tests/t": "1"})
    world.publish()
    before = world.of("app")
    world.memory.remember_tests(before.test_fingerprint)
    assert world.of("app").tested
    world.edit({"app/tests/t": "2"})

    plan = world.of("app")

    assert (plan.action, plan.tested) == ("reuse", False)
    assert plan.test_fingerprint != before.test_fingerprint


def test_a_test_target_has_inputs_of_its_own(world: Any) -> None:
    world.service(
        "app",
        "FROM scratch AS code\nCOPY app/src /\nFROM pytest AS test\nCOPY --from=code / /\nCOPY app/tests /t\nFROM code\n",
        test=TestSpec(target="test"),
    )
    world.edit({"app/src/x": "1", "app/tests/t": "1"})
    before = world.of("app")
    world.edit({"app/tests/t": "2"})
    after = world.of("app")

    assert before.test_fingerprint != after.test_fingerprint
    assert before.fingerprint == after.fingerprint
    assert [base.name for base in after.bases] == ["pytest"]


def test_a_service_without_tests_has_no_test_fingerprint(world: Any) -> None:
    world.service("app", "FROM scratch\n")

    assert world.of("app").test_fingerprint is None


def test_tests_of_an_unpinned_image_are_never_known(world: Any) -> None:
    world.service("app", "FROM scratch\nADD https://x.org/a /\n", test=TestSpec(command="true"))
    world.memory.remember_tests(world.of("app").test_fingerprint)

    assert not world.of("app").tested


# -- why ------------------------------------------------------------------------------------------------------------


def test_an_explanation_lists_what_differs_by_kind(world: Any) -> None:
    dockerfile = "FROM scratch\nARG V\nLABEL v=$V\nCOPY app/src /\n"
    world.service("app", dockerfile, args={"V": "1"})
    world.edit({"app/src/a": "1", "app/src/b": "1"})
    world.publish()
    world.service("app", dockerfile, args={"V": "2"})
    world.edit({"app/src/a": None, "app/src/b": "2", "app/src/c": "1"})

    explanation = explain(world.of("app"), world.memory, "main")

    assert [(item.kind, item.name) for item in explanation.added] == [("file", "app/src/c")]
    assert [(item.kind, item.name) for item in explanation.removed] == [("file", "app/src/a")]
    assert [(item.kind, item.name) for item in explanation.changed] == [("arg", "V"), ("file", "app/src/b")]
    assert explanation.sentences() == (
        "argument V changed",
        "input changed: app/src/b",
        "input added: app/src/c",
        "input removed: app/src/a",
    )


def test_an_explanation_without_a_past_says_so(world: Any) -> None:
    world.service("app", "FROM scratch\n")

    explanation = explain(world.of("app"), world.memory, "main")

    assert (explanation.known, explanation.same) == (False, False)


class TestLfs:
    POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 9\n"

    @pytest.fixture
    def world(self, world: Any) -> Any:
        world.service("app", "FROM scratch\nCOPY data /data\n")
        world.service("other", "FROM scratch\n")
        world.files |= {".gitattributes": "*.bin filter=lfs\n", "data/a.bin": self.POINTER, "data/b.bin": self.POINTER}
        return world

    def test_the_plan_says_what_could_not_be_built(self, world: Any) -> None:
        assert world.plan().notes == (
            "app cannot be built here: the content of data/a.bin and 1 more is with git LFS; "
            "git lfs install && git lfs pull brings it",
        )
        assert (world.of("app").lfs, world.of("other").lfs) == (("data/a.bin", "data/b.bin"), ())

    def test_what_is_built_already_needs_no_content(self, world: Any) -> None:
        world.publish()
        assert world.plan().notes == ()
