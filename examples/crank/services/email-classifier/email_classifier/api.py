from __future__ import annotations

from typing import Any

from email_classifier.bayes import Model
from service_kit import App, Request


def make_app(model: Model) -> App:
    app = App("email-classifier")
    app.ready_check("the model knows several labels", lambda: len(model.counts) > 1)

    @app.get("/v1/labels")
    def labels(_: Request) -> dict[str, Any]:
        return {"labels": sorted(model.counts)}

    @app.post("/v1/classify-email")
    def classify(request: Request) -> dict[str, Any]:
        subject, body = request.field("subject", str, ""), request.field("body", str)
        verdict = model.classify(f"{subject}\n{body}")
        return {"label": verdict.label, "probabilities": verdict.probabilities, "because": verdict.because}

    return app
