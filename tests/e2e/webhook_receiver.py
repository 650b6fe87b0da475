"""Receives webhooks in a pod: refuses the first call, and prints each call as a line of JSON."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8000


class Receiver(BaseHTTPRequestHandler):
    """Answers 500 once, then 204."""

    calls = 0

    def do_POST(self) -> None:
        """Take a webhook."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        Receiver.calls += 1
        status = 500 if Receiver.calls == 1 else 204
        headers = {name.lower(): value for name, value in self.headers.items()}
        print(json.dumps({"status": status, "headers": headers, "body": body}), flush=True)  # noqa: T201
        self.send_response(status)
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer(("", PORT), Receiver).serve_forever()
