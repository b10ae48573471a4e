"""What every memory keeps to. A driver's test class inherits `MemoryContract` and gives `memory`, `publish` and `lose` fixtures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from windlass.model.plan import Input
from windlass.plan.interface import Memory, Remembered

Publish: TypeAlias = Callable[[str, str], str]
"""(repository, name) → the index digest of an image that is in the registry now; the same name gives the same image."""
Lose: TypeAlias = Callable[[str, str], None]
"""(repository, digest): the image is deleted, its records stay."""

ONE = "sha256:" + "1" * 64
TWO = "sha256:" + "2" * 64
INPUTS = (
    Input("file", "app/größe.py", "100644 " + "a" * 40),
    Input("arg", "VERSION", "sha256:" + "b" * 64),
    Input("base", "busybox:1 linux/arm64", "sha256:" + "c" * 64),
)


class MemoryContract:
    @pytest.fixture
    def memory(self) -> Memory:
        raise NotImplementedError

    @pytest.fixture
    def publish(self) -> Publish:
        raise NotImplementedError

    @pytest.fixture
    def lose(self) -> Lose:
        raise NotImplementedError

    def test_an_empty_registry_remembers_nothing(self, memory: Memory) -> None:
        assert memory.recall([("app", ONE)]) == {}
        assert memory.tests_passed([ONE]) == frozenset()
        assert memory.last_inputs("app", "main") is None

    def test_asking_for_nothing_gives_nothing(self, memory: Memory) -> None:
        assert memory.recall([]) == {}
        assert memory.tests_passed([]) == frozenset()

    def test_a_remembered_fingerprint_gives_its_image(self, memory: Memory, publish: Publish) -> None:
        digest = publish("app", "a")
        memory.remember("app", ONE, digest, INPUTS, "main")
        assert memory.recall([("app", ONE), ("app", TWO)]) == {ONE: Remembered(digest)}

    def test_one_question_answers_for_many_services(self, memory: Memory, publish: Publish) -> None:
        wanted = [(f"team/service-{number}", f"sha256:{number:0>2x}{0:062x}") for number in range(6)]
        for repository, fingerprint in wanted:
            memory.remember(repository, fingerprint, publish(repository, repository), INPUTS, "main")
        found = memory.recall(wanted)
        assert found == {fp: Remembered(publish(repository, repository)) for repository, fp in wanted}

    def test_a_question_may_go_on(self, memory: Memory, publish: Publish) -> None:
        one, two = publish("app", "a"), publish("app", "b")
        memory.remember("app", ONE, one, INPUTS, "main")
        memory.remember("app", TWO, two, INPUTS, "main")
        assert memory.recall([("app", ONE)]) == {ONE: Remembered(one)}
        assert memory.recall([("app", TWO)], again=True) == {TWO: Remembered(two)}
        memory.remember("app", TWO, one, INPUTS, "main")
        assert memory.recall([("app", TWO)]) == {TWO: Remembered(one)}

    def test_a_fingerprint_whose_image_is_gone_gives_the_reason(
        self, memory: Memory, publish: Publish, lose: Lose
    ) -> None:
        digest = publish("app", "a")
        memory.remember("app", ONE, digest, INPUTS, "main")
        lose("app", digest)
        answer = memory.recall([("app", ONE)])[ONE]
        assert isinstance(answer, str)
        assert "gone" in answer

    def test_an_image_counts_only_in_the_repository_it_was_asked_for(self, memory: Memory, publish: Publish) -> None:
        memory.remember("app", ONE, publish("app", "a"), INPUTS, "main")
        publish("other", "b")
        assert isinstance(memory.recall([("other", ONE)])[ONE], str)

    def test_the_newer_of_two_images_of_a_fingerprint_wins(self, memory: Memory, publish: Publish) -> None:
        for name in ("a", "b", "c"):
            memory.remember("app", ONE, publish("app", name), INPUTS, "main")
        assert memory.recall([("app", ONE)]) == {ONE: Remembered(publish("app", "c"))}
        memory.remember("app", ONE, publish("app", "b"), INPUTS, "main")
        assert memory.recall([("app", ONE)]) == {ONE: Remembered(publish("app", "b"))}

    def test_an_image_published_again_is_as_old_as_its_newest_record(self, memory: Memory, publish: Publish) -> None:
        ages = []
        for _ in range(2):
            memory.remember("app", ONE, publish("app", "a"), INPUTS, "main")
            found = memory.recall([("app", ONE)])[ONE]
            assert isinstance(found, Remembered)
            assert found.created is not None
            ages.append(found.created)
        assert ages == sorted(ages)

    def test_of_two_images_the_one_that_still_exists_is_taken(
        self, memory: Memory, publish: Publish, lose: Lose
    ) -> None:
        older, newer = publish("app", "a"), publish("app", "b")
        memory.remember("app", ONE, older, INPUTS, "main")
        memory.remember("app", ONE, newer, INPUTS, "main")
        lose("app", newer)
        assert memory.recall([("app", ONE)]) == {ONE: Remembered(older)}

    def test_remembering_twice_changes_nothing(self, memory: Memory, publish: Publish) -> None:
        digest = publish("app", "a")
        for _ in range(2):
            memory.remember("app", ONE, digest, INPUTS, "main")
        assert memory.recall([("app", ONE)]) == {ONE: Remembered(digest)}

    def test_inputs_come_back_as_they_were(self, memory: Memory, publish: Publish) -> None:
        memory.remember("app", ONE, publish("app", "a"), INPUTS, "feature/größe")
        assert memory.last_inputs("app", "feature/größe") == INPUTS

    def test_an_image_without_inputs_is_not_an_image_nobody_knows(self, memory: Memory, publish: Publish) -> None:
        memory.remember("app", ONE, publish("app", "a"), (), "main")
        assert memory.last_inputs("app", "main") == ()

    def test_the_last_inputs_are_those_of_the_branch(self, memory: Memory, publish: Publish) -> None:
        memory.remember("app", ONE, publish("app", "a"), INPUTS[:1], "main")
        memory.remember("app", TWO, publish("app", "b"), INPUTS[1:], "develop")
        assert memory.last_inputs("app", "main") == INPUTS[:1]
        assert memory.last_inputs("app", "develop") == INPUTS[1:]

    def test_a_branch_without_images_is_told_those_of_any_branch(self, memory: Memory, publish: Publish) -> None:
        memory.remember("app", ONE, publish("app", "a"), INPUTS, "main")
        assert memory.last_inputs("app", "fresh") == INPUTS
        assert memory.last_inputs("app", None) == INPUTS
        assert memory.last_inputs("other", "main") is None

    def test_a_detached_head_is_remembered_for_the_repository_alone(self, memory: Memory, publish: Publish) -> None:
        memory.remember("app", ONE, publish("app", "a"), INPUTS[:1], "main")
        memory.remember("app", TWO, publish("app", "b"), INPUTS[1:], None)
        assert memory.last_inputs("app", "main") == INPUTS[:1]
        assert memory.last_inputs("app", None) == INPUTS[1:]

    def test_tests_that_passed_are_known_and_no_others(self, memory: Memory) -> None:
        memory.remember_tests(ONE)
        memory.remember_tests(ONE)
        assert memory.tests_passed([ONE, TWO]) == {ONE}
