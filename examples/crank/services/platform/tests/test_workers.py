import unittest

from crank_platform.workers import Workers


class WorkersTest(unittest.TestCase):
    def setUp(self) -> None:
        self.time = 0.0
        self.workers = Workers(silence=10, now=lambda: self.time)

    def test_a_silent_worker_is_gone(self) -> None:
        self.workers.register("converter", "http://converter", ["convert"])
        self.time = 10
        self.assertEqual(["converter"], [worker.name for worker in self.workers.present()])
        self.time = 10.1
        self.assertEqual([], self.workers.present())

    def test_registering_again_replaces_the_entry(self) -> None:
        self.workers.register("converter", "http://old", ["convert"])
        self.workers.register("converter", "http://new", ["convert"])
        self.assertEqual(["http://new"], [worker.url for worker in self.workers.present()])

    def test_workers_with_the_same_capability_take_turns(self) -> None:
        self.workers.register("a", "http://a", ["convert"])
        self.workers.register("b", "http://b", ["convert"])
        self.assertEqual({"a", "b"}, {self.workers.able("convert").name for _ in range(2)})

    def test_nobody_is_able_when_nobody_has_the_capability(self) -> None:
        self.workers.register("a", "http://a", ["convert"])
        self.assertIsNone(self.workers.able("sing"))
