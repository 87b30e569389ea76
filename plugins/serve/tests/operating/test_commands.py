"""`gen serve` refuses at once what cannot be served, in one sentence."""

import json
import socket
from dataclasses import replace

import pytest
from click.testing import CliRunner

from gen_engine.errors import GenError
from gen_serve import server
from gen_serve.commands import serve, studio
from gen_serve.log_lines import begin_logging
from gen_serve.server import check_models, listen
from gen_serve.settings import Settings, named, read_keys


@pytest.fixture
def chosen(monkeypatch):
    """Runs a command with options; returns the settings that it would serve."""
    monkeypatch.delenv("GEN_API_KEY", raising=False)
    seen = []
    monkeypatch.setattr(server, "run", lambda settings, **_: seen.append(settings))

    def run(*options, command=serve):
        done = CliRunner().invoke(command, options)
        assert done.exit_code == 0, done.output
        return seen[-1]

    return run


def test_what_is_served_by_default(chosen):
    assert chosen() == Settings(("poem", "novel"))


GIVEN = {
    "--model=a": ("models", ("a",)), "--host=::1": ("host", "::1"), "--port=7": ("port", 7),
    "--device=cpu": ("device", "cpu"), "--dtype=float32": ("dtype", "float32"), "--threads=3": ("threads", 3),
    "--rows=5": ("rows", 5), "--queue=6": ("queue", 6), "--hard=4": ("hard", 4), "--patience=2": ("patience", 2.0),
    "--no-patient-lane": ("has_patient_lane", False), "--timeout=9": ("limit", 9.0), "--max-n=3": ("texts", 3),
    "--max-length=8": ("length", 8), "--max-body=512K": ("body", 512 << 10), "--cors=https://x.example":
    ("origins", ("https://x.example",)), "--allowed-host=h": ("hosts", ("h",)), "--grace=0": ("grace", 0.0),
    "--log-json": ("logs_json", True), "--log-prompts": ("logs_prompts", True),
}  # fmt: skip


@pytest.mark.parametrize("option", GIVEN)
def test_each_option_reaches_the_settings(chosen, option):
    name, value = GIVEN[option]
    assert chosen(option) == replace(Settings(("poem", "novel")), **{name: value})


def test_no_option_is_left_out():
    tried = {option.partition("=")[0] for option in GIVEN} | {"--api-key-file", "--debug"}
    assert {each.opts[0] for each in serve.params} == tried


def test_a_bound_of_a_missing_lane_is_refused():
    done = CliRunner().invoke(serve, ["--hard", "3", "--no-patient-lane"])
    assert "leave out --hard" in str(done.exception)


def test_the_studio_takes_any_port_on_loopback(chosen):
    found = chosen("--no-browser", command=studio)
    assert (found.host, found.port) == ("127.0.0.1", 0)


@pytest.mark.parametrize("option, value", [
    *(("--cors", each) for each in ("evil", "null", "a.example", "https://a.example/", "https://", "https://a b",
                                    "https://a.example:x", "https://白.example", "", "https://u@a.example")),
    *(("--allowed-host", each) for each in ("https://a.example", "a.example/x", "a.example:80", "", "a b", ".")),
])  # fmt: skip
def test_names_that_no_browser_sends_are_refused(option, value):
    done = CliRunner().invoke(serve, [option, value])
    assert (done.exit_code, repr(value) in done.output, "; write" in done.output) == (2, True, True)


@pytest.mark.parametrize("option, value, kept", [
    ("--cors", "HTTPS://A.example:443", "https://a.example"), ("--cors", "http://[::1]:80", "http://[::1]"),
    ("--cors", "http://localhost:5173", "http://localhost:5173"), ("--cors", "*", "*"), ("--allowed-host", "*", "*"),
    ("--allowed-host", "Gen.example.", "gen.example"), ("--allowed-host", "[::1]", "[::1]"),
    ("--allowed-host", "fe80::1", "fe80::1"), ("--cors", "app://x", "app://x"),
])  # fmt: skip
def test_names_are_kept_as_browsers_send_them(chosen, option, value, kept):
    found = chosen(option, value)
    assert (found.origins or found.hosts) == (kept,)


def test_the_log_in_json_has_no_plain_line(capsys):
    begin_logging(in_json=True)
    server.tell(Settings(("poem",), logs_json=True), 'serving "poem"', head="")
    assert json.loads(capsys.readouterr().err)["message"] == 'serving "poem"'
    server.tell(Settings(("poem",)), "serving poem", head="")
    assert capsys.readouterr().err == "serving poem\n"


@pytest.mark.parametrize("size", ["0", "x", "1G", "-1", "1.5M"])
def test_sizes_that_are_none_are_refused(size):
    done = CliRunner().invoke(serve, ["--max-body", size])
    assert (done.exit_code, "is no size" in done.output) == (2, True)


def test_keys_are_read_from_a_file_and_the_environment(tmp_path, chosen, monkeypatch):
    file = tmp_path / "keys"
    file.write_text("one\n\ntwo\none\n")
    monkeypatch.setenv("GEN_API_KEY", "three")
    assert chosen("--api-key-file", str(file)).keys == ("one", "two", "three")


@pytest.mark.parametrize("held", ["", "\n \n", "two words", "clé", "a\x07b"])
def test_a_file_without_good_keys_is_refused(tmp_path, held):
    (tmp_path / "keys").write_text(held, encoding="utf-8")
    with pytest.raises(GenError, match=r"key"):
        read_keys(str(tmp_path / "keys"), None)


def test_missing_files_and_empty_variables_hold_no_key(tmp_path):
    for file, variable in ((str(tmp_path / "none"), None), (str(tmp_path), None), (None, "")):
        with pytest.raises(GenError, match=r"key.*\.$"):
            read_keys(file, variable)


def test_folders_are_called_by_their_last_part(tmp_path):
    (tmp_path / "verse").mkdir()
    assert named(("poem", str(tmp_path / "verse"))) == (("poem", "poem"), ("verse", str(tmp_path / "verse")))
    assert named(("Qwen/Qwen3", "poem", "poem")) == (("Qwen/Qwen3", "Qwen/Qwen3"), ("poem", "poem"))


def test_two_models_of_one_name_are_refused(tmp_path):
    for part in ("a", "b"):
        (tmp_path / part / "verse").mkdir(parents=True)
    with pytest.raises(GenError, match="would both be called 'verse'"):
        named((str(tmp_path / "a" / "verse"), str(tmp_path / "b" / "verse")))


def test_missing_models_are_refused_and_hub_names_are_not():
    with pytest.raises(GenError, match="There is no model 'peom'; did you mean 'poem'"):
        check_models(("poem", "peom"))
    check_models(("poem", "someone/something"))


def test_a_taken_port_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(GenError, match=r"address already in use.*--port"):
            listen("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_refused():
    with pytest.raises(GenError, match="cannot listen on 192.0.2.1"):
        listen("192.0.2.1", 0)
