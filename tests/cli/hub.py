"""A Hugging Face hub of one's own on loopback: just what downloading a repository asks for."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """repositories : of each its files. served : what was sent, (path, first byte).

    broken : paths that will be cut off once, half-way.
    """

    def __init__(self, repositories: dict[str, dict[str, bytes]]) -> None:
        self.repositories = repositories
        self.served: list[tuple[str, int]] = []
        self.broken: set[str] = set()
        self.url = ""


@contextmanager
def running(repositories: dict[str, dict[str, bytes]]) -> Iterator[Hub]:
    hub = Hub(repositories)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.path.startswith("/api/models/"):
                self._describe()
            else:
                self._file(body=True)

        def do_HEAD(self) -> None:
            self._file(body=False)

        def _describe(self) -> None:
            name = "/".join(self.path.split("?")[0].removeprefix("/api/models/").split("/")[:2])
            files = hub.repositories.get(name)
            if files is None:
                self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
                return
            if "/tree/" in self.path:
                rows: object = [{"type": "file", "path": f, "size": len(d), "oid": _tag(d)} for f, d in files.items()]
            else:
                rows = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": f} for f in files]}
            self._send(200, json.dumps(rows).encode(), {"Content-Type": "application/json"})

        def _file(self, body: bool) -> None:
            name, _, rest = self.path.lstrip("/").partition("/resolve/")
            path = rest.partition("/")[2]
            data = hub.repositories.get(name, {}).get(path)
            if data is None:
                self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
                return
            first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
            headers = {"ETag": f'"{_tag(data)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            if first:
                headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
            if body:
                hub.served.append((path, first))
            cut = body and path in hub.broken
            if cut:
                hub.broken.remove(path)
            self._send(206 if first else 200, data[first:], headers, body, cut)

        def _send(
            self, status: int, data: bytes, headers: dict[str, str], body: bool = True, cut: bool = False
        ) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if body:
                self.wfile.write(data[: len(data) // 2] if cut else data)
            self.close_connection = self.close_connection or cut

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _tag(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
