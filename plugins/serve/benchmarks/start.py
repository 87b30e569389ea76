"""From a cold start to the page and the first poem: `python plugins/serve/benchmarks/start.py`.

Tells the seconds of `gen poem`, of `gen studio` until its page is there and until it is ready, and those from the first
wish of a poem to its first character and to its end.
"""

from __future__ import annotations

import http.client
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GEN = [sys.executable, "-m", "gen_engine"]
TIMES = 3


def get(port: int, path: str) -> int:
    """The status of a page; 0 if nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def poem(port: int) -> tuple[float, float]:
    """Seconds to the first character of a streamed poem, and to its end."""
    since = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = {"prompt": "白日", "form": "五绝", "seed": 1, "stream": True, "best_of": 1}
    connection.request("POST", "/v1/poems", json.dumps(body), {"Content-Type": "application/json"})
    answer, first = connection.getresponse(), 0.0
    for line in answer:
        if b'"type": "text"' in line and not first:
            first = time.perf_counter() - since
    return first, time.perf_counter() - since


def studio() -> tuple[float, float, float, float]:
    """Seconds to the page, to ready, to the first character and to the end of the first poem."""
    with tempfile.NamedTemporaryFile() as log:
        since = time.perf_counter()
        server = subprocess.Popen([*GEN, "studio", "--no-browser"], stderr=log)
        try:
            while not (found := re.search(r"http://[^:]+:(\d+)", Path(log.name).read_text())):
                time.sleep(0.005)
            port = int(found[1])
            while get(port, "/") not in (200, 404):
                time.sleep(0.005)
            page = time.perf_counter() - since
            while get(port, "/readyz") != 200:
                time.sleep(0.01)
            ready = time.perf_counter() - since
            return page, ready, *poem(port)
        finally:
            server.terminate()
            server.wait()


def alone() -> float:
    """Seconds of `gen poem` from its start to its end."""
    since = time.perf_counter()
    subprocess.run([*GEN, "poem", "--prompt", "白日", "--seed", "1"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - since


def main() -> None:
    poems = [alone() for _ in range(TIMES)]
    starts = [studio() for _ in range(TIMES)]
    print(f"gen poem            {statistics.median(poems):.2f} s")
    for name, times in zip(("page", "ready", "first character", "first poem"), zip(*starts, strict=True), strict=True):
        print(f"{name:20}{statistics.median(times):.2f} s")


if __name__ == "__main__":
    main()
