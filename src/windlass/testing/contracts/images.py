"""What every publisher keeps to. A driver's test class inherits `ImagesContract` and gives `images` and `tags_of` fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from windlass.errors import WindlassError
from windlass.oci.interface import Images
from windlass.testing.images import make_image

TagsOf: TypeAlias = Callable[[str], dict[str, str]]
"""repository → what each of its tags points at."""


class ImagesContract:
    @pytest.fixture
    def images(self) -> Images:
        raise NotImplementedError

    @pytest.fixture
    def tags_of(self) -> TagsOf:
        raise NotImplementedError

    def test_a_push_sends_each_blob_once_and_sets_the_tags(
        self, images: Images, tags_of: TagsOf, tmp_path: Path
    ) -> None:
        image = make_image(tmp_path / "layout", layers=1, size=5000, shared=b"s" * 70)
        done = images.push(image, "team/app", ["main-abc1234", "other"])
        assert done.digest == image.digest
        assert 10_070 < done.uploaded < 10_500
        assert tags_of("team/app") == {"main-abc1234": image.digest, "other": image.digest}

    def test_a_push_tells_how_far_it_is(self, images: Images, tmp_path: Path) -> None:
        told: list[tuple[int, int]] = []
        done = images.push(make_image(tmp_path / "layout"), "app", [], lambda *bytes: told.append(bytes))
        assert told[-1] == (done.uploaded, done.uploaded)
        again: list[tuple[int, int]] = []
        images.push(make_image(tmp_path / "layout"), "app", [], lambda *bytes: again.append(bytes))
        assert again == []

    def test_a_second_push_sends_nothing(self, images: Images, tags_of: TagsOf, tmp_path: Path) -> None:
        image = make_image(tmp_path / "layout")
        images.push(image, "app", ["a"])
        assert images.push(image, "app", ["b"]).uploaded == 0
        assert set(tags_of("app")) == {"a", "b"}

    def test_a_push_without_tags_leaves_the_image_untagged(
        self, images: Images, tags_of: TagsOf, tmp_path: Path
    ) -> None:
        image = make_image(tmp_path / "layout")
        images.push(image, "app", [])
        images.tag("app", image.digest, ["later"])
        assert tags_of("app") == {"later": image.digest}

    def test_a_tag_moves(self, images: Images, tags_of: TagsOf, tmp_path: Path) -> None:
        first, second = (make_image(tmp_path / name, name=name) for name in ("a", "b"))
        images.push(first, "app", ["latest"])
        images.push(second, "app", [])
        images.tag("app", second.digest, ["latest"])
        assert tags_of("app") == {"latest": second.digest}

    def test_an_image_that_is_not_there_cannot_be_tagged(self, images: Images, tmp_path: Path) -> None:
        images.push(make_image(tmp_path / "layout"), "app", [])
        with pytest.raises(WindlassError):
            images.tag("app", "sha256:" + "0" * 64, ["latest"])

    def test_a_bad_tag_is_refused_before_anything_is_sent(
        self, images: Images, tags_of: TagsOf, tmp_path: Path
    ) -> None:
        image = make_image(tmp_path / "layout")
        with pytest.raises(WindlassError, match="feature/x"):
            images.push(image, "app", ["good", "feature/x"])
        assert tags_of("app") == {}

    def test_images_that_are_not_there_are_told_from_those_that_are(self, images: Images, tmp_path: Path) -> None:
        image = make_image(tmp_path / "layout")
        images.push(image, "app", [])
        gone = "sha256:" + "0" * 64
        asked = [("app", image.digest), ("app", gone), ("other", image.digest)]
        assert images.missing(asked) == {("app", gone), ("other", image.digest)}
        assert images.missing([]) == frozenset()
