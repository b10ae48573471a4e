import json
import unittest

from service_kit import App, Problem, Request


class AppTest(unittest.TestCase):
    def setUp(self) -> None:
        self.app = App("sample")

        @self.app.get("/v1/things/{name}")
        def thing(request: Request):
            if request.parameters["name"] == "none":
                raise Problem(404, "no such thing")
            return {"thing": request.parameters["name"], **request.query}

        @self.app.post("/v1/things")
        def make(request: Request):
            return {"size": request.field("size", int, 1)}

    def ask(self, method, target, body=b""):
        answer = self.app.handle(Request(method, target, {}, body))
        return answer.status, json.loads(answer.body)

    def test_parts_of_the_path_and_the_query_reach_the_handler(self) -> None:
        self.assertEqual((200, {"thing": "a.b", "x": "1"}), self.ask("GET", "/v1/things/a.b?x=1"))

    def test_a_problem_becomes_its_status(self) -> None:
        self.assertEqual((404, {"error": "no such thing"}), self.ask("GET", "/v1/things/none"))

    def test_unknown_paths_and_methods_are_told_apart(self) -> None:
        self.assertEqual(404, self.ask("GET", "/v1/nothing")[0])
        self.assertEqual((405, {"error": "use POST here"}), self.ask("GET", "/v1/things"))

    def test_bad_bodies_are_the_callers_fault(self) -> None:
        for body, status in ((b"{", 400), (b"[]", 400), (b"\xff", 400), (b'{"size": "big"}', 422), (b"{}", 200)):
            self.assertEqual(status, self.ask("POST", "/v1/things", body)[0], body)

    def test_it_is_alive_even_when_it_is_not_ready(self) -> None:
        self.app.ready_check("disk", lambda: 1 / 0 > 1)
        self.assertEqual(200, self.ask("GET", "/health/live")[0])
        status, document = self.ask("GET", "/health/ready")
        self.assertEqual((503, {"disk": False}), (status, document["checks"]))

    def test_it_is_not_ready_while_it_stops(self) -> None:
        self.app.stopping = True
        self.assertEqual(503, self.ask("GET", "/health")[0])
