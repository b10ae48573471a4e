import json
from pathlib import Path

from email_classifier.api import make_app
from email_classifier.bayes import Model
from service_kit.worker import run_worker

model = Model(**json.loads(Path("model.json").read_text()))
run_worker(make_app(model), 8201, ["classify-email"])
