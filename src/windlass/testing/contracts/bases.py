"""What every source of base images keeps to. A driver's test class inherits `BaseImagesContract` and gives `bases`.

`base` (for linux/amd64 and linux/arm64) must exist there; `missing` and a platform linux/s390x must not.
"""

from __future__ import annotations

import pytest

from windlass.errors import EnvironmentUnusable, UsageError
from windlass.oci import digest as digests
from windlass.plan.interface import BaseImages

PLATFORMS = ("linux/amd64", "linux/arm64")


class BaseImagesContract:
    @pytest.fixture
    def bases(self) -> BaseImages:
        raise NotImplementedError

    @pytest.fixture
    def base(self) -> str:
        return "base:1"

    @pytest.fixture
    def missing(self) -> str:
        return "missing:1"

    def test_a_base_image_is_pinned_for_each_platform(self, bases: BaseImages, base: str) -> None:
        found = bases.resolve(base, PLATFORMS)
        assert found.name == base
        assert digests.is_digest(found.digest)
        assert set(found.platforms) == set(PLATFORMS)
        assert len({found.digest, *found.platforms.values()}) == 3

    def test_only_the_platforms_asked_for_are_named(self, bases: BaseImages, base: str) -> None:
        assert set(bases.resolve(base, PLATFORMS[:1]).platforms) == set(PLATFORMS[:1])

    def test_the_same_question_gets_the_same_answer(self, bases: BaseImages, base: str) -> None:
        assert bases.resolve(base, PLATFORMS) == bases.resolve(base, PLATFORMS)

    def test_a_pinned_name_keeps_its_digest(self, bases: BaseImages, base: str) -> None:
        digest = bases.resolve(base, PLATFORMS).digest
        pinned = f"{base.partition(':')[0]}@{digest}" if "/" not in base else f"{base.rpartition(':')[0]}@{digest}"
        found = bases.resolve(pinned, PLATFORMS)
        assert (found.name, found.digest) == (pinned, digest)

    def test_an_ordinary_base_image_has_no_triggers(self, bases: BaseImages, base: str) -> None:
        assert bases.resolve(base, PLATFORMS).onbuild == ()

    def test_scratch_is_nothing_and_is_not_asked_for(self, bases: BaseImages) -> None:
        found = bases.resolve("scratch", PLATFORMS)
        assert (found.name, found.digest, dict(found.platforms)) == ("scratch", "", {})

    def test_a_missing_image_is_named(self, bases: BaseImages, missing: str) -> None:
        with pytest.raises(EnvironmentUnusable) as caught:
            bases.resolve(missing, PLATFORMS)
        assert missing in caught.value.message
        assert caught.value.remedy

    def test_a_missing_platform_is_named(self, bases: BaseImages, base: str) -> None:
        with pytest.raises(EnvironmentUnusable) as caught:
            bases.resolve(base, ["linux/s390x"])
        assert "linux/s390x" in caught.value.message
        assert base in caught.value.message

    def test_what_is_no_image_name_is_refused(self, bases: BaseImages) -> None:
        with pytest.raises(UsageError):
            bases.resolve("Not An Image", PLATFORMS)
