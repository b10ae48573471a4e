from doc_converter.api import make_app
from service_kit.worker import run_worker

app = make_app()
run_worker(app, 8101, ["convert"])
