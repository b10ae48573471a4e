import json
from pathlib import Path

from image_classifier.api import make_app
from image_classifier.neighbours import Neighbours
from service_kit.worker import run_worker

points = [(label, tuple(point)) for label, point in json.loads(Path("model.json").read_text())]
run_worker(make_app(Neighbours(points)), 8401, ["classify-image"])
