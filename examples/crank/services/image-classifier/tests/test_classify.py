import base64
import json
import unittest
from random import Random

from image_classifier.api import make_app
from image_classifier.neighbours import Neighbours
from image_classifier.pixels import write_png
from image_classifier.samples import KINDS
from image_classifier.train import learn
from service_kit import Request

APP = make_app(Neighbours(learn(seed=1)))


def ask(image: str):
    answer = APP.handle(Request("POST", "/v1/classify-image", {}, json.dumps({"image": image}).encode()))
    return answer.status, json.loads(answer.body)


class ClassifyTest(unittest.TestCase):
    def test_pictures_never_seen_are_recognised(self) -> None:
        random = Random(99)
        for kind, draw in KINDS.items():
            status, document = ask(base64.b64encode(write_png(draw(random))).decode())
            self.assertEqual((200, kind), (status, document["label"]), document)

    def test_what_is_no_picture_is_refused(self) -> None:
        for image in ("not base64!", base64.b64encode(b"text").decode()):
            status, document = ask(image)
            self.assertEqual(422, status)
            self.assertIn("PNG or PPM", document["error"])

    def test_nearer_neighbours_weigh_more(self) -> None:
        neighbours = Neighbours([("near", (0.0,)), ("far", (1.0,)), ("far", (1.1,))], k=3)
        self.assertEqual("near", neighbours.classify((0.05,))[0])
