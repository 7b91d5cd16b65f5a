"""A small server with what the compared graders read: pages, and the shop's reports as Magento gives them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "a-token"
PAGES = {
    "/plain": "<title>A page</title><h1 id=title>Quest &amp; Co</h1><p>5 reviews</p><input value=typed>"
    "<select><option>a<option selected>b</select><input type=checkbox id=box checked><ul><li>a<li>b<li>c</ul>"
    "<p id=hidden style='display: none'>hidden text</p>",
    "/members": "<table>"
    + "".join(
        f"<tr><td data-label=Account><span class=gl-avatar-labeled-sublabel>@{name}</span></td>"
        f"<td class=col-max-role><span>{role}</span></td></tr>"
        for name, role in (("byteblaze", "Owner"), ("koush", "Developer"), ("vinta", "Guest"))
    )
    + "</table>",
    "/f/books/7/": "<h1 id=title>Post 7</h1>",
    "/f/books/7/a-title/-/comment/9": "<h1 id=title>Comment 9</h1>",
    "/sales/order/view/order_id/42/": "<h1 id=title>Order 42</h1>",
}
REVIEWS = [
    {"nickname": "Old", "ratings": [{"rating_name": "Rating", "percent": 100}]},
    {"nickname": "Emma", "ratings": [{"rating_name": "Rating", "percent": 80}]},
]


class Handler(BaseHTTPRequestHandler):
    """Pages by GET; the shop's reports only with the token that its login gives."""

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if not path.startswith("/rest/"):
            self._send(200 if path in PAGES else 404, PAGES.get(path, "<h1>no such page</h1>"), "text/html")
        elif self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._send(401, "{}", "application/json")
        elif path.endswith("/orders"):
            self._send(200, json.dumps({"items": [{"increment_id": "000000042"}]}), "application/json")
        else:
            self._send(200, json.dumps(REVIEWS if "/KNOWN/" in path else []), "application/json")

    def do_POST(self) -> None:
        login = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        right = login == {"username": "admin", "password": "admin1234"}
        self._send(200 if right else 401, json.dumps(TOKEN if right else {}), "application/json")

    def _send(self, status: int, body: str, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def site_server() -> Iterator[str]:
    """The address of a running server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
