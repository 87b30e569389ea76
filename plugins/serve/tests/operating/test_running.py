"""The real server on the shipped model: signals, processes that are killed, clients that leave."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest


def rows_of(server):
    lines = server.client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(("gen_lane_rows{", "gen_lane_waiting{")))


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_the_side_that_speaks_http_imports_no_torch():
    used = "import sys, gen_serve.app; from gen_serve.server import check_models; check_models(('poem', 'novel')); "
    code = used + "print({'torch', 'transformers'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"set()\n"


def test_a_missing_model_or_a_taken_port_ends_it(serve):
    running = serve()
    port = str(running.client.base_url.port)
    for options in (["--port", port], ["--model", "peom"], ["--api-key-file", "/nowhere"]):
        command = [sys.executable, "-m", "gen_engine", "serve", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert done.stderr.startswith("gen: ")


def test_a_killed_engine_process_fails_its_wishes_and_comes_again(serve):
    server = serve("--no-patient-lane").wait_until_ready()
    before = server.poem().json()["texts"]
    [child] = server.children()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.client.post, "/v1/poems", json={"prompt": "白", "num": 16, "seed": 5})
        while not rows_of(server):
            pass
        os.kill(child, signal.SIGKILL)
        assert waiting.result().json()["error"]["code"] == "gone"
    assert server.wait_until_ready().poem().json()["texts"] == before


def test_no_process_outlives_a_server_that_is_killed(serve, eventually):
    server = serve()
    eventually(lambda: len(server.children()) == 2)  # while they still load
    children = server.children()
    server.process.kill()
    server.process.wait()
    eventually(lambda: all(map(is_gone, children)), 10)


@pytest.fixture
def streams():
    """Begins streams of long texts, and reads each to its end."""

    def read(server, seed):
        fields = {"prompt": "白", "seed": seed, "stream": True, "max_new": 200, "with": ["length=150.."]}
        try:
            with server.client.stream("POST", "/v1/texts", json=fields) as answer:
                return answer.status_code, "".join(answer.iter_text())
        except httpx.TransportError as problem:
            return 0, repr(problem)

    return read


def test_a_server_that_is_asked_to_end_finishes_its_streams(serve, streams, eventually):
    server = serve("--no-patient-lane").wait_until_ready()
    with ThreadPoolExecutor(20) as pool:
        running = [pool.submit(streams, server, seed) for seed in range(20)]
        eventually(lambda: rows_of(server) == 20)
        server.process.terminate()
        eventually(lambda: server.poem().status_code == 503)
        answers = [each.result() for each in running]
    assert server.process.wait(20) == 0
    assert {status for status, _ in answers} == {200}
    assert [text[-300:] for _, text in answers if '"text_done"' not in text or '"error"' in text] == []


@pytest.mark.slow
def test_what_does_not_finish_in_time_is_told_so(serve, streams, eventually):
    server = serve("--no-patient-lane", "--grace", "0").wait_until_ready()
    with ThreadPoolExecutor(20) as pool:
        running = [pool.submit(streams, server, seed) for seed in range(20)]
        eventually(lambda: rows_of(server) == 20)
        server.process.terminate()
        answers = [each.result() for each in running]
    assert server.process.wait(20) == 0
    assert all("The server is closing" in text or "text_done" in text for _, text in answers)
    assert any("The server is closing" in text for _, text in answers)


@pytest.mark.slow
def test_a_second_signal_ends_it_at_once(serve, streams, eventually):
    server = serve("--no-patient-lane").wait_until_ready()
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(streams, server, seed) for seed in range(4)]
        eventually(lambda: rows_of(server) == 4)
        children = server.children()
        server.process.terminate()
        eventually(lambda: server.client.get("/readyz").json()["status"] == "closing")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(5) == 128 + signal.SIGINT
        assert any("text_done" not in each.result()[1] for each in running)
    eventually(lambda: all(map(is_gone, children)), 10)


def test_clients_that_leave_free_their_rows(serve, eventually):
    server = serve("--no-patient-lane").wait_until_ready()
    fields = {"prompt": "白", "max_new": 900, "with": ["length=800.."], "num": 4}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.client.base_url}/v1/texts", json=fields, timeout=0.3)
    with server.client.stream("POST", "/v1/texts", json={**fields, "num": 1, "stream": True}) as answer:
        next(answer.iter_text())
    eventually(lambda: rows_of(server) == 0, 1)
