from __future__ import annotations

import base64
import binascii
from typing import Any

from image_classifier.features import NAMES, describe
from image_classifier.neighbours import Neighbours
from image_classifier.pixels import NotAPicture, read
from service_kit import App, Problem, Request


def make_app(neighbours: Neighbours) -> App:
    app = App("image-classifier")
    app.ready_check("there is something to compare with", lambda: bool(neighbours.points))

    @app.post("/v1/classify-image")
    def classify(request: Request) -> dict[str, Any]:
        try:
            picture = read(base64.b64decode(request.field("image", str), validate=True))
        except (binascii.Error, NotAPicture) as error:
            raise Problem(422, f"'image' must be a PNG or PPM in base64: {error}") from error
        features = describe(picture)
        label, confidence = neighbours.classify(features)
        size = {"width": picture.width, "height": picture.height}
        return {"label": label, "confidence": confidence, **size, "features": dict(zip(NAMES, features, strict=True))}

    return app
