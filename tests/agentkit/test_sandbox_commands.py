"""`agentkit sandbox`, as a person and as a script would use it, with real sandboxes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner, Result

from agentkit.sandbox_commands import app, exit_code, size
from sandbox import backends
from sandbox.contracts import MIB, Stop
from sandbox.contracts import Result as Ended

UNSAFE = ("--backend", "process", "--unsafe")
ISOLATED = pytest.mark.skipif(
    all(backends.probe(name) for name in backends.ISOLATING),
    reason="nothing that isolates code runs here; for bubblewrap: apt-get install bubblewrap",
)


def call(*arguments: object, stdin: str | bytes | None = None) -> Result:
    result = CliRunner().invoke(app, [*map(str, arguments)], input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def script(folder: Path, text: str, *, name: str = "script.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_script_prints_and_its_exit_code_is_ours(tmp_path):
    path = script(tmp_path, "import sys\nprint('out', sys.argv[1:])\nprint('err', file=sys.stderr)\nsys.exit(7)")
    result = call("run", *UNSAFE, path, "1", "--json", "-x")
    assert result.exit_code == 7
    assert result.stdout == "out ['1', '--json', '-x']\n"
    assert "err\n" in result.stderr


def test_json_is_all_there_is_on_stdout(tmp_path):
    path = script(tmp_path, "import sys\nprint('out')\nprint('err', file=sys.stderr)")
    result = call("run", *UNSAFE, "--json", path)
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert {key: told[key] for key in ("backend", "isolation", "exit_code", "signal", "stop", "stdout", "stderr")} == {
        "backend": "process",
        "isolation": "none",
        "exit_code": 0,
        "signal": None,
        "stop": None,
        "stdout": "out\n",
        "stderr": "err\n",
    }
    assert told["wall_s"] > 0


@ISOLATED
def test_the_strongest_backend_is_taken_and_sees_nothing_of_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("CANARY_API_KEY", "canary-value")
    path = script(tmp_path, f"import os\nprint(dict(os.environ), os.path.exists({str(tmp_path)!r}), os.listdir())")
    result = call("run", "--json", path)
    told = json.loads(result.stdout)
    assert told["isolation"] in ("namespaces", "container")
    assert "canary" not in result.stdout.lower()
    assert told["stdout"].endswith("False ['script.py']\n")


def test_time_and_other_limits_have_exit_codes_of_their_own(tmp_path):
    late = call(
        "run", *UNSAFE, "--wall", "0.5", script(tmp_path, "import time\nprint('before', flush=True)\ntime.sleep(30)")
    )
    assert (late.exit_code, late.stdout) == (124, "before\n")
    assert "wall" in late.stderr
    loud = call("run", *UNSAFE, "--output", "2K", "--json", script(tmp_path, "while True: print('y' * 99)"))
    told = json.loads(loud.stdout)
    assert (loud.exit_code, told["stop"]) == (137, "output")
    assert 1000 < len(told["stdout"]) <= 2048


@ISOLATED
def test_memory_is_limited(tmp_path):
    result = call("run", "--memory", "64M", "--json", script(tmp_path, "x = b'x' * (200 << 20)\nprint(len(x))"))
    told = json.loads(result.stdout)
    assert result.exit_code in (1, 137)
    assert told["stop"] == "memory" or "MemoryError" in told["stderr"]


def test_a_signal_is_an_exit_code(tmp_path):
    path = script(tmp_path, "kill -11 $$", name="crash.sh")
    assert call("run", *UNSAFE, path).exit_code == 128 + 11


def test_bash_and_first_lines_and_standard_input_are_understood(tmp_path):
    line = script(tmp_path, "x=(a b); echo ${#x[@]}", name="lines")
    assert call("run", *UNSAFE, line).stdout == "2\n"
    perl = script(tmp_path, "#!/usr/bin/env python3\nprint('python')", name="first-line")
    assert call("run", *UNSAFE, perl).stdout == "python\n"
    assert call("run", *UNSAFE, "-", "word", stdin="echo got $1").stdout == "got word\n"


def test_stdin_is_given_where_it_is_asked_for(tmp_path):
    path = script(tmp_path, "import sys\nprint(repr(sys.stdin.read()))")
    (tmp_path / "data").write_text("data")
    assert call("run", *UNSAFE, path, stdin="unused").stdout == "''\n"
    assert call("run", *UNSAFE, "--stdin", tmp_path / "data", path).stdout == "'data'\n"
    assert call("run", *UNSAFE, "--stdin", "-", path, stdin="piped").stdout == "'piped'\n"


def test_packages_can_be_imported(tmp_path):
    (tmp_path / "packages").mkdir()
    script(tmp_path / "packages", "answer = 42", name="of_mine.py")
    path = script(tmp_path, "import of_mine\nprint(of_mine.answer)")
    assert call("run", *UNSAFE, "--packages", tmp_path / "packages", path).stdout == "42\n"


def test_only_hosts_that_are_allowed_are_reached(tmp_path):
    code = "import os, urllib.request\nprint(urllib.request.urlopen(os.sys.argv[1], timeout=10).status)"
    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_port}"
        path = script(tmp_path, code)
        allowed = call("run", *UNSAFE, "--allow", "example.com", "--allow", host, path, f"http://{host}/")
        refused = call("run", *UNSAFE, "--allow", "example.com", path, f"http://{host}/")
        server.shutdown()
    assert (allowed.exit_code, allowed.stdout) == (0, "200\n")
    assert refused.exit_code == 1
    assert "403" in refused.stderr


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


def test_output_streams(tmp_path):
    path = script(tmp_path, "import time\nprint('first', flush=True)\ntime.sleep(20)")
    command = [sys.executable, "-m", "agentkit", "sandbox", "run", *UNSAFE, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"first\n"
        running.terminate()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--memory", "lots", "x.py"), "256M"),
        (("run", "--memory", "0", "x.py"), "expected a size"),
        (("run", "--wall", "0", "x.py"), "more than zero"),
        (("run", "--wall", "nan", "x.py"), "more than zero"),
        (("run", "no-such-file.py"), "no file"),
        (("run", "--backend", "nonsense", __file__), "expected bubblewrap"),
        (("run", "--stdin", "no-such-file", *UNSAFE, __file__), "no file"),
        (("check", "--backend", "no_such_package.at_all:Box"), "no sandbox"),
        (("check", "--only", "no such attack"), "no attack"),
    ],
)
def test_wrong_options_say_what_was_expected(arguments, said):
    result = call(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_process_has_to_be_asked_for(tmp_path):
    result = call("run", "--backend", "process", script(tmp_path, "print('ran')"))
    assert result.exit_code == 125
    assert "ran" not in result.stdout
    assert "unsafe" in result.stderr


def test_without_a_sandbox_it_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    result = call("run", script(tmp_path, "print('ran')"))
    assert result.exit_code == 125
    assert "ran" not in result.stdout
    assert "bubblewrap:" in result.stderr
    assert "container:" in result.stderr


def test_sizes_are_read():
    assert [size(text) for text in ("1", "2k", "3M", "1GiB", "5MB")] == [1, 2048, 3 * MIB, 1024 * MIB, 5 * MIB]


def test_exit_codes_of_results():
    def ended(code: int | None = None, signal: int | None = None, stop: Stop | None = None) -> int:
        return exit_code(Ended(exit_code=code, signal=signal, stdout="", stderr="", stop=stop, wall_s=1))

    assert ended(3) == 3
    assert ended(signal=9) == 137
    assert ended(stop=Stop.WALL_TIME) == 124
    assert {ended(stop=stop) for stop in Stop if stop is not Stop.WALL_TIME} == {137}


CHECK = ("check", "--backend", "process", "--only", "environment")


def test_check_writes_the_table_between_its_marks(tmp_path):
    path = tmp_path / "doc.md"
    path.write_text(
        "before\n\n<!-- begin: written by `agentkit sandbox check --write` -->\nold\n<!-- end -->\n\nafter\n"
    )
    result = call(*CHECK, "--write", path)
    text = path.read_text()
    assert result.exit_code == 0
    assert text.startswith("before\n\n<!-- begin")
    assert text.endswith("<!-- end -->\n\nafter\n")
    assert "\nold\n" not in text
    assert "| keys in the environment | read an API key" in text
    assert "stopped: the variable is not there" in text


def test_check_as_json_has_promises_and_attacks():
    told = json.loads(call(*CHECK, "--json").stdout)
    process = told["backends"]["process"]
    assert [attack["verdict"] for attack in process["attacks"]] == ["stopped"]
    assert [promise["ok"] for promise in process["promises"]] == [True]
    assert {"name", "ok", "detail"} == process["promises"][0].keys()
    assert told["wrong"] == []


def test_check_of_ones_own_backend_finds_its_holes(tmp_path, monkeypatch):
    script(tmp_path, OWN, name="own_backend.py")
    monkeypatch.syspath_prepend(tmp_path)
    result = call("check", "--backend", "own_backend:Open", "--only", "a host file", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert any("does not stop 'a host file open to all'" in words for words in told["wrong"])


OWN = """
from sandbox.process import Process

class Open(Process):
    name = "open"
    isolation = "namespaces"  # which is a lie

    def __init__(self, *, python=None, packages=None):
        super().__init__(unsafe=True, python=python, packages=packages)
"""


def test_prune_says_what_it_removed():
    result = call("prune", "--json")
    assert isinstance(json.loads(result.stdout), list)
    again = call("prune")
    assert again.stdout.strip() == "nothing was left behind"


@pytest.mark.skipif(os.geteuid() != 0 or bool(backends.probe("bubblewrap")), reason="needs root and bubblewrap")
def test_prune_removes_what_a_killed_program_left(tmp_path):
    code = (
        "import asyncio, os, signal\n"
        "from sandbox.bubblewrap import Bubblewrap\n"
        "async def main():\n"
        "    session = await Bubblewrap().open()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    removed = json.loads(call("prune", "--json").stdout)
    assert any("bubblewrap" in name for name in removed)


def test_help_has_examples():
    for command in ("run", "check"):
        assert f"agentkit sandbox {command}" in call(command, "--help").stdout
