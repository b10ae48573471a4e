import json
import unittest

from crank_platform.api import make_app
from crank_platform.workers import Workers
from service_kit import Request

ALLOWED = {"authorization": "Bearer correct"}


class ApiTest(unittest.TestCase):
    def setUp(self) -> None:
        self.calls = []

        def call(method, url, document):
            self.calls.append((method, url, document))
            return {"done": True}

        self.app = make_app("correct", Workers(), call)

    def ask(self, method, path, document=None, headers=ALLOWED):
        answer = self.app.handle(Request(method, path, headers, json.dumps(document).encode()))
        return answer.status, json.loads(answer.body)

    def test_without_the_token_nothing_is_told(self) -> None:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "correct"}):
            status, document = self.ask("GET", "/v1/workers", headers=headers)
            self.assertEqual((401, {"error": "a valid bearer token is needed"}), (status, document))

    def test_health_needs_no_token(self) -> None:
        self.assertEqual(200, self.ask("GET", "/health/live", headers={})[0])

    def test_a_registered_worker_is_listed(self) -> None:
        self.ask("PUT", "/v1/workers/converter", {"url": "http://converter:8101", "capabilities": ["convert"]})
        status, document = self.ask("GET", "/v1/workers")
        self.assertEqual(200, status)
        self.assertEqual("converter", document["workers"][0]["name"])

    def test_an_incomplete_registration_says_what_is_missing(self) -> None:
        status, document = self.ask("PUT", "/v1/workers/converter", {"url": "http://converter:8101"})
        self.assertEqual((422, {"error": "'capabilities' must be given, as list"}), (status, document))

    def test_a_job_goes_to_a_worker_that_can_do_it(self) -> None:
        self.ask("PUT", "/v1/workers/converter", {"url": "http://converter:8101", "capabilities": ["convert"]})
        status, document = self.ask("POST", "/v1/jobs", {"capability": "convert", "input": {"text": "# Hi"}})
        self.assertEqual((200, {"worker": "converter", "result": {"done": True}}), (status, document))
        self.assertEqual([("POST", "http://converter:8101/v1/convert", {"text": "# Hi"})], self.calls)

    def test_a_job_nobody_can_do_is_refused(self) -> None:
        self.assertEqual(503, self.ask("POST", "/v1/jobs", {"capability": "sing", "input": {}})[0])
