"""A server that gives the same reply to every request."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Saying:
    """Gives the same reply to every request, and counts the requests."""

    def __init__(self) -> None:
        self.status, self.headers, self.body, self.requests = 200, {}, b"", 0
        saying = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                saying.requests += 1
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(saying.status)
                for name, value in {
                    "Content-Length": str(len(saying.body)),
                    **saying.headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # the client may have stopped reading
                    self.wfile.write(saying.body)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
