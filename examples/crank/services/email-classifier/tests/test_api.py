import json
import unittest

from email_classifier.api import make_app
from email_classifier.bayes import Model
from service_kit import Request

APP = make_app(Model.train([("spam", "click here now"), ("meeting", "agenda for monday")]))


class ApiTest(unittest.TestCase):
    def ask(self, document):
        answer = APP.handle(Request("POST", "/v1/classify-email", {}, json.dumps(document).encode()))
        return answer.status, json.loads(answer.body)

    def test_a_message_is_classified_with_reasons(self) -> None:
        status, document = self.ask({"subject": "Agenda", "body": "See you on Monday"})
        self.assertEqual((200, "meeting", ["agenda", "monday"]), (status, document["label"], document["because"]))

    def test_a_message_without_a_body_is_refused(self) -> None:
        self.assertEqual((422, {"error": "'body' must be given, as str"}), self.ask({"subject": "Agenda"}))
