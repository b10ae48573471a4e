"""The container's health check: `python -m service_kit.probe URL` ends with 0 when the answer is 200."""

import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from service_kit.tls import accept_any


def main(url: str) -> int:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    connection = (
        HTTPSConnection(parts.netloc, timeout=3, context=accept_any())
        if secure
        else HTTPConnection(parts.netloc, timeout=3)
    )
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        print(answer.status, answer.read().decode())
    except (OSError, HTTPException) as error:
        print(f"{url} does not answer: {error}")
        return 1
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
