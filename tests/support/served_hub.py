"""A hub on this machine: it serves one model folder as the real one does, as far as its client asks."""

import hashlib
import json
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hub_folders import SHA


class Answers(BaseHTTPRequestHandler):
    """Answers with the files of a folder, called owner/tiny."""

    def __init__(self, folder, *args):
        self.files = {path.name: path.read_bytes() for path in folder.iterdir()}
        super().__init__(*args)

    def log_message(self, *_):
        """Print nothing."""

    def reply(self, data, **headers):
        self.send_response(200)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def do_GET(self):
        path = self.path.split("?")[0]
        ids = {name: hashlib.sha1(name.encode()).hexdigest() for name in self.files}
        if path.startswith("/api/models/owner/tiny/tree"):
            tree = [{"type": "file", "path": n, "size": len(data), "oid": ids[n]} for n, data in self.files.items()]
            return self.reply(json.dumps(tree).encode())
        if path.startswith("/api/models/owner/tiny"):
            told = {"id": "owner/tiny", "sha": SHA, "siblings": [{"rfilename": name} for name in ids]}
            return self.reply(json.dumps(told).encode())
        if path.startswith("/owner/tiny/resolve/"):
            name = path.rsplit("/", 1)[1]
            return self.reply(self.files[name], ETag=f'"{ids[name]}"', X_Repo_Commit=SHA)
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        return self.end_headers()

    do_HEAD = do_GET  # noqa: N815


@contextmanager
def serving(folder):
    """The address of a hub that has this folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Answers, folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
