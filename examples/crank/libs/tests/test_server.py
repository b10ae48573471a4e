"""The real server in a process of its own: it answers over TLS, and ends when it is told to."""

import os
import signal
import subprocess
import sys
import unittest
from pathlib import Path

from service_kit.client import call

SAMPLE = """
import socket, threading
from service_kit import App
from service_kit.server import serve
from service_kit.tls import self_signed

app = App("sample")

@app.get("/v1/slow")
def slow(_):
    print("begun", flush=True)
    threading.Event().wait(0.3)
    return {"done": True}

with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
print(port, flush=True)
serve(app, port, tls=self_signed("sample"))
"""


class ServerTest(unittest.TestCase):
    def setUp(self) -> None:
        path = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        self.server = subprocess.Popen([sys.executable, "-c", SAMPLE], env=path, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)
        self.url = f"https://127.0.0.1:{self.server.stdout.readline().strip()}"
        self.assertIn("started", self.server.stdout.readline())

    def test_it_answers_over_tls(self) -> None:
        self.assertEqual("alive", call("GET", f"{self.url}/health/live")["status"])

    def test_told_to_stop_it_finishes_what_was_begun(self) -> None:
        ask = "import sys; from service_kit.client import call; print(call('GET', sys.argv[1] + '/v1/slow'))"
        path = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        client = subprocess.Popen([sys.executable, "-c", ask, self.url], env=path, stdout=subprocess.PIPE, text=True)
        self.assertEqual("begun\n", self.server.stdout.readline())
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual("{'done': True}\n", client.communicate(timeout=10)[0])
        self.assertEqual(0, self.server.wait(timeout=10))
