import os
import sys

from crank_platform.api import make_app
from crank_platform.workers import Workers
from service_kit.client import call
from service_kit.server import serve
from service_kit.tls import self_signed

token = os.environ.get("PLATFORM_AUTH_TOKEN")
if not token:
    sys.exit("platform: PLATFORM_AUTH_TOKEN is not set; choose a long random value, the same for every service")
serve(make_app(token, Workers(), call), 8443, tls=self_signed("platform"))
