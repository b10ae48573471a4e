import json
import unittest

from doc_converter.api import make_app
from service_kit import Request


class ApiTest(unittest.TestCase):
    def ask(self, method, path, document=None):
        answer = make_app().handle(Request(method, path, {}, json.dumps(document).encode()))
        return answer.status, json.loads(answer.body)

    def test_a_document_is_converted(self) -> None:
        wish = {"text": "# Hello", "from": "markdown", "to": "html"}
        self.assertEqual((200, {"format": "html", "text": "<h1>Hello</h1>\n"}), self.ask("POST", "/v1/convert", wish))

    def test_an_unknown_format_is_answered_with_the_known_ones(self) -> None:
        status, document = self.ask("POST", "/v1/convert", {"text": "", "from": "word", "to": "html"})
        self.assertEqual(422, status)
        self.assertIn("csv, html, markdown, text", document["error"])

    def test_it_is_ready(self) -> None:
        self.assertEqual(200, self.ask("GET", "/health/ready")[0])
