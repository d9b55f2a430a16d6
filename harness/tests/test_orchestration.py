"""The command line and the plugin, against a stand-in program that behaves, and misbehaves, as it is told."""

import json
import os
import pty
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "harness" / "sockconform"
FAKE = ROOT / "harness" / "tests" / "fake" / "conformance"
RUNS = [f"area{number}_case{number}/{kind}" for number in range(3) for kind in ("unix-stream", "inet-stream")]
BAD = {"verdicts": {"area1_case1/inet-stream": "FAIL"}}


def environment(fake=None, **env):
    base = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", "SOCKCONFORM_PROGRAM": str(FAKE),
            "SOCKCONFORM_IMPLEMENTATIONS": str(FAKE.parent / "implementations"), "FAKE": json.dumps(fake or {})}
    return {key: value for key, value in (base | env).items() if value is not None}


@pytest.fixture
def tool(tmp_path):
    """Runs the command line in an empty folder; gives status, stdout, stderr."""
    def run(*words, fake=None, cwd=tmp_path, env=None, **rest):
        return subprocess.run([TOOL, *map(str, words)], cwd=cwd, env=environment(fake, **(env or {})), text=True, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **rest)

    return run


@pytest.fixture
def implementation(tmp_path):
    """Makes an implementation folder, and gives its path."""
    def make(expectations="", toml='name = "toy"\ntitle = "a toy"\ndocuments = ["posix"]\n'):
        folder = tmp_path / "toy"
        folder.mkdir(exist_ok=True)
        (folder / "implementation.toml").write_text(toml)
        (folder / "expectations.txt").write_text(expectations)
        return folder

    return make


def lines(folder):
    return [json.loads(line) for line in (Path(folder) / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def refused(done, text):
    """Status 2, and one line that says this."""
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"sockconform: {text}\n"


# --- run

def test_run_leaves_three_files_and_latest(tool, tmp_path):
    done = tool("run", "--output", "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out" / "latest").iterdir()) == ["junit.xml", "report.html", "results.jsonl"]
    assert (tmp_path / "out" / "latest").is_symlink()
    header, *runs, summary = lines(tmp_path / "out" / "latest")
    assert header["planned"] == RUNS == [run["run"] for run in runs]
    assert (header["implementation"], header["repeat"]) == ("native", 1)
    assert all(run["expected"] is None and run["surprise"] is False for run in runs)
    assert summary["summary"] == {"PASS": 6, "FAIL": 0, "UNRESOLVED": 0, "UNSUPPORTED": 0, "UNTESTED": 0} and summary["runs"] == 6
    first, second, third = done.stdout.splitlines()
    assert first == "the kernel this machine runs on Linux 6.18 x86_64, own network"
    assert second.startswith("6 passed, 0 failed, 0 unresolved, 0 unsupported, 0 untested in ")
    assert third.startswith("as expected; report: out/") and third.endswith("/report.html")
    assert "\x1b" not in done.stdout


def test_a_surprise_is_told_in_full(tool):
    done = tool("run", "--output", "out", fake=BAD)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("SURPRISE area1_case1/inet-stream  area1.R1  cases/fake.c:11\n    fake 1\n"
                                  "    FAIL: cases/fake.c:12: bind()\n    expected -1 EADDRINUSE\n    actual   0\n\n")
    assert "\n1 surprise; report: out/" in done.stdout


def test_quiet_prints_two_lines(tool):
    assert len(tool("run", "--quiet", "--output", "out").stdout.splitlines()) == 2


def test_text_from_the_implementation_cannot_drive_the_terminal(tool):
    done = tool("run", "--output", "out", fake=BAD | {"messages": {"area1_case1/inet-stream": "\x1b[2J\x07[bold]\ud800"}})
    assert "    FAIL: ?[2J?[bold]?\n" in done.stdout
    assert done.returncode == 1


def test_jobs_and_repetitions_are_merged_in_order(tool, tmp_path):
    slow = ["area0_case0"]
    done = tool("run", "--output", "out", "--jobs", 4, "--repeat", 3, fake={"cases": 20, "slow": slow})
    assert done.returncode == 0, done
    header, *runs, summary = lines(tmp_path / "out" / "latest")
    assert [(run["run"], run["repetition"]) for run in runs] == [(name, n) for name in header["planned"] for n in (1, 2, 3)]
    assert header["planned"][0] == RUNS[0] and summary["runs"] == 120 and header["repeat"] == 3


def test_a_repeated_surprise_is_told_once(tool):
    done = tool("run", "--output", "out", "--repeat", 3, fake=BAD)
    assert done.stdout.startswith("SURPRISE area1_case1/inet-stream (3 of 3 times)  area1.R1")
    assert "\n1 surprise; report" in done.stdout


def test_selection(tool, tmp_path):
    def planned(*words, **rest):
        done = tool("run", "--output", "out", *words, **rest)
        assert done.returncode == 0, done
        return lines(tmp_path / "out" / "latest")[0]["planned"]

    assert planned("area1_*") == RUNS[2:4]
    assert planned("area2.R2", "area0_case0/inet-stream") == [RUNS[1], RUNS[4], RUNS[5]]
    assert planned("--kind", "inet-stream", "--document", "posix") == RUNS[1::2]
    assert planned("-k", "inet-stream and not area1.R1") == [RUNS[1], RUNS[5]]
    assert planned("--slow", "only", fake={"slow": ["area2_case2"]}) == RUNS[4:]
    assert planned("--slow", "no", fake={"slow": ["area2_case2"]}) == RUNS[:4]
    assert planned("-k", "not slow", fake={"slow": ["area2_case2"]}) == RUNS[:4]


# --- expectations

def test_expected_departures(tool, implementation, tmp_path):
    toy = implementation("# known\n\narea1_case1/* FAIL it never could [a link]\narea2.R2 UNRESOLVED cannot prepare\n")
    verdicts = {"area1_case1/unix-stream": "FAIL", "area1_case1/inet-stream": "UNSUPPORTED", "area2_case2/unix-stream": "UNRESOLVED",
                "area2_case2/inet-stream": "UNRESOLVED"}
    done = tool("run", "--implementation", toy, "--output", "out", fake={"verdicts": verdicts})
    assert (done.returncode, done.stderr) == (0, "")
    assert "as expected, 3 expected departures; report" in done.stdout
    runs = {run["run"]: run for run in lines(tmp_path / "out" / "latest")[1:-1]}
    assert runs["area1_case1/unix-stream"]["expected"] == {"verdict": "FAIL", "reason": "it never could", "source": "a link"}
    assert not any(run["surprise"] for run in runs.values())


@pytest.mark.parametrize("verdict, text", [
    ("PASS", "    passes, though FAIL is expected: it never could\n"), ("UNRESOLVED", "    UNRESOLVED: socket() failed\n")])
def test_another_verdict_than_expected_is_a_surprise(tool, implementation, verdict, text):
    done = tool("run", "--implementation", implementation("area1_case1/inet-stream FAIL it never could"), "--output", "out",
                fake={"verdicts": {"area1_case1/inet-stream": verdict}})
    assert done.returncode == 1 and text in done.stdout


def test_what_the_implementation_does_not_claim_is_not_counted(tool, implementation):
    done = tool("run", "--implementation", implementation(), "--output", "out", fake=BAD | {"documents": {"notes": "line 3"}})
    assert done.returncode == 0
    assert "1 failed" in done.stdout and "as expected, 1 not counted (documents it does not claim); report" in done.stdout


def test_an_implementation_has_only_its_kinds(tool, implementation, tmp_path):
    toy = implementation(toml='name = "t"\ntitle = "t"\ndocuments = ["posix"]\ndomains = ["inet"]\ntypes = ["stream"]\n')
    assert tool("run", "--implementation", toy, "--output", "out").returncode == 0
    assert lines(tmp_path / "out" / "latest")[0]["planned"] == RUNS[1::2]


@pytest.mark.parametrize("text, complaint", [
    ("area9.* FAIL gone\n", "1: 'area9.*' matches no run and no requirement"),
    ("\narea0.* FAILS typed wrong\n", "2: 'FAILS' is no verdict of a departure"),
    ("area0.* PASS passes\n", "1: 'PASS' is no verdict of a departure"),
    ("area0.* FAIL\n", "1: not of the form GLOB VERDICT reason [source]"),
    ("area0.* FAIL [only a link]\n", "1: not of the form GLOB VERDICT reason [source]")])
def test_a_wrong_expectation_is_refused(tool, implementation, text, complaint):
    toy = implementation(text)
    refused(tool("run", "--implementation", toy, "--output", "out"), f"{toy}/expectations.txt:{complaint}")


@pytest.mark.parametrize("toml, complaint", [
    ("name = \n", "Invalid value (at line 1, column 8)"), ('name = "t"\ntitle = "t"\n', "no entry 'documents'"),
    ('name = "t"\ntitle = "t"\ndocuments = "posix"\n', "documents must be a list of texts"),
    ('name = "t"\ntitle = "t"\ndocuments = []\nbuild = 1\n', "unknown entry 'build'")])
def test_a_wrong_implementation_is_refused(tool, implementation, toml, complaint):
    toy = implementation(toml=toml)
    refused(tool("list", "--implementation", toy), f"{toy}/implementation.toml: {complaint}")


# --- what is refused

@pytest.mark.parametrize("words, complaint", [
    (["run", "nothing*"], "no run or requirement matches nothing*"),
    (["run", "--kind", "ipx-stream"], "unknown kind ipx-stream"),
    (["list", "--document", "bible"], "unknown document bible"),
    (["run", "--implementation", "minix"], "unknown implementation 'minix'; there are: native"),
    (["run", "--jobs", "0"], "argument --jobs: 0 is less than 1 (see sockconform run --help)"),
    (["run", "--slow", "perhaps"], "argument --slow: invalid choice: 'perhaps' (choose from 'yes', 'no', 'only') (see sockconform run --help)"),
    (["judge"], None),
    ([], "the following arguments are required: COMMAND (see sockconform --help)"),
    (["run", "-k", "nowhere"], "no run matches -k 'nowhere'"),
    (["run", "-k", "and and"], None),
    (["show", "nothing"], "no run, case or requirement is called 'nothing'; sockconform list names them all"),
    (["report", "nothing.jsonl"], "nothing.jsonl: No such file or directory"),
    (["compare", "/dev/null", "/dev/null"], "/dev/null: line 1 is not a JSON object, so this is no results.jsonl")])
def test_a_usage_error_is_one_line(tool, words, complaint, tmp_path):
    done = tool(*words, *(["--output", "out"] if words[:1] == ["run"] else []))
    if complaint:
        refused(done, complaint)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("sockconform: ") and "Traceback" not in done.stderr
    assert not list(tmp_path.glob("out/*"))


def test_a_program_that_is_not_built(tool):
    refused(tool("run", env={"SOCKCONFORM_PROGRAM": "/nowhere/conformance"}),
            f"/nowhere/conformance is not there; build it first: make -C {ROOT}")


@pytest.mark.parametrize("name", ["junitparser", "jinja2", "rich", "pytest"])
def test_a_package_that_is_missing(tool, tmp_path, name):
    (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError(name='{name}')")
    refused(tool("run", "--output", "out", env={"PYTHONPATH": str(tmp_path)}),
            f"the Python module {name} is missing; install it: apt-get install python3-{name}")
    assert not (tmp_path / "out").exists()


def test_streams_that_are_closed_or_full(tmp_path):
    def status(command):
        return subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment(TOOL=str(TOOL)), capture_output=True, text=True)

    done = status('"$TOOL" list >/dev/full')
    assert (done.returncode, done.stderr) == (2, "sockconform: No space left on device\n")
    assert status('"$TOOL" run --output out >&- 2>&-').returncode == 0
    assert status('"$TOOL" list nothing 2>/dev/full').returncode == 2


def test_a_current_directory_that_is_gone(tmp_path):
    (tmp_path / "gone").mkdir()
    done = subprocess.run(["sh", "-c", 'cd gone && rmdir ../gone && "$TOOL" run'], cwd=tmp_path, capture_output=True, text=True,
                          env=environment(TOOL=str(TOOL)))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1) and done.stderr.endswith("No such file or directory\n")


def test_odd_names(tool, tmp_path):
    program = tmp_path / "it's [1]::a b" / "conformance"
    program.parent.mkdir()
    shutil.copy(FAKE, program)
    done = tool("run", "--output", "out [2]", env={"SOCKCONFORM_PROGRAM": str(program)})
    assert (done.returncode, done.stderr) == (0, "") and "report: out [2]/" in done.stdout


def test_a_program_that_refuses(tool, tmp_path):
    refused(tool("run", "--output", "out", fake={"refuse": "./my.so: cannot open shared object file"}),
            "./my.so: cannot open shared object file")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.skipif(os.getuid() != 0, reason="a plain user may do this only as itself")
def test_output_that_cannot_be_written(tool, tmp_path):
    (tmp_path / "file").write_text("")
    refused(tool("run", "--output", "file"), "cannot write results to file: File exists")
    refused(tool("run", "--output", "/proc/here"), "cannot write results to /proc/here: No such file or directory")


@pytest.mark.skipif(os.getuid() != 0, reason="needs to mount")
def test_a_full_disk(tool, tmp_path):
    (tmp_path / "small").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path / "small"], check=True)
    try:
        done = tool("run", "--output", "small", fake={"cases": 100} | BAD)
        assert done.returncode == 2
        assert "SURPRISE area1_case1/inet-stream" in done.stdout and "199 passed, 1 failed" in done.stdout
        assert done.stderr.count("\n") == 1 and "No space left on device" in done.stderr
        left = [path.name for path in (tmp_path / "small").rglob("*") if path.is_file()]
        assert left == ["results.jsonl"]  # what fitted; no half report
        assert not (tmp_path / "small" / "latest").exists()
        done = tool("report", next((tmp_path / "small").glob("*/results.jsonl")), "--output", "again")
        assert done.returncode == 2 and "was cut off:" in done.stderr
    finally:
        subprocess.run(["umount", tmp_path / "small"], check=True)


@pytest.mark.skipif(not shutil.which("setpriv") or os.getuid() != 0, reason="needs to become a plain user")
def test_a_read_only_current_directory(tool, tmp_path):
    """Neither the source tree nor the current directory: one line. With --output, all is well."""
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:3]:
        if parent != Path("/tmp"):
            parent.chmod(0o755)
    (tmp_path / "mine").mkdir()
    os.chown(tmp_path / "mine", 65534, 65534)

    def as_nobody(*words):
        return subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", TOOL, *words], cwd=tmp_path,
                              env=environment(PYTHONDONTWRITEBYTECODE="1"), capture_output=True, text=True)

    refused(as_nobody("run"), "cannot write results to sockconform-out: Permission denied")
    assert as_nobody("run", "--output", "mine").returncode == 0


def test_output_in_the_current_directory_when_the_tree_is_not_ours(tool, tmp_path):
    """An installed copy: the tree is somewhere else, and read-only as far as the tool can tell."""
    tree = tmp_path / "a tree with blanks"
    for name in ("harness/python", "harness/sockconform", "reports", "fixtures/implementations"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("out", "tests", "__pycache__"))
        else:
            shutil.copy(ROOT / name, tree / name)
    program = tmp_path / "a program's folder" / "conformance"
    program.parent.mkdir()
    shutil.copy(FAKE, program)
    (tree / "reports" / "out").write_text("not a folder")
    done = subprocess.run([tree / "harness" / "sockconform", "run"], cwd=tmp_path, capture_output=True, text=True,
                          env=environment(SOCKCONFORM_PROGRAM=str(program)))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "sockconform-out" / "latest" / "report.html").exists()


# --- a program that misbehaves

@pytest.mark.parametrize("jobs", [1, 2])
def test_a_program_that_dies_in_the_middle(tool, tmp_path, jobs):
    done = tool("run", "--output", "out", "--jobs", jobs, fake=BAD | {"die_at": "area2_case2/unix-stream"})
    missing = ["area2_case2/unix-stream"] + ["area2_case2/inet-stream"] * (jobs == 1)
    assert done.returncode == 2
    assert done.stderr == "sockconform: the program was killed by signal 9 (SIGKILL) at area2_case2/unix-stream\n"
    assert f"MISSING {len(missing)} planned run" in done.stdout and "".join(f"    {name}\n" for name in missing) in done.stdout
    assert "SURPRISE area1_case1/inet-stream" in done.stdout
    header, *runs = lines(tmp_path / "out" / "latest")
    assert header["planned"] == RUNS and [run["run"] for run in runs] == [run for run in RUNS if run not in missing]


def test_a_program_that_writes_garbage(tool, tmp_path):
    done = tool("run", "--output", "out", "--jobs", 1, fake={"garbage_at": "area1_case1/unix-stream"})
    assert done.returncode == 2 and "6 passed" in done.stdout
    assert done.stderr == "sockconform: the program wrote a line that is no result: '\\x00 garbage'\n"


def test_a_program_without_a_header(tool):
    done = tool("run", "--output", "out", fake={"header": False})
    assert (done.returncode, done.stderr) == (2, "sockconform: the program reported nothing\n")


@pytest.mark.parametrize("fake, status", [({}, 1), (BAD, 0), ({}, 77)])
def test_a_status_against_the_results(tool, fake, status):
    done = tool("run", "--output", "out", "--jobs", 1, fake=fake | {"status": status})
    assert (done.returncode, done.stderr) == (2, f"sockconform: the program ended with status {status}, against its results\n")


def test_a_process_left_behind_does_not_hold_the_end_up(tool):
    start = time.monotonic()
    assert tool("run", "--output", "out", fake={"stray_at": RUNS[0]}).returncode == 0
    assert time.monotonic() - start < 15


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interruption_keeps_what_was_found(tmp_path, number, status):
    process = subprocess.Popen([TOOL, "run", "--output", "out", "--jobs", "1"], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=environment({"hang_at": "area1_case1/unix-stream"}))
    end = time.monotonic() + 20
    while time.monotonic() < end and sum(path.read_text().count("\n") for path in tmp_path.glob("out/*/results.jsonl")) < 3:
        time.sleep(0.02)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (status, "sockconform: interrupted; what was found before is kept\n")
    assert "2 passed" in out and "MISSING 4 planned runs" in out
    assert (tmp_path / "out" / "latest" / "report.html").exists() and len(lines(tmp_path / "out" / "latest")) == 3
    assert children and not any(Path(f"/proc/{child}").exists() for child in children)


def test_a_kill_leaves_the_lines_so_far(tool, tmp_path):
    process = subprocess.Popen([TOOL, "run", "--output", "out", "--jobs", "1"], cwd=tmp_path, stdout=subprocess.DEVNULL,
                               env=environment({"hang_at": "area1_case1/unix-stream"}))
    end = time.monotonic() + 20
    while time.monotonic() < end and sum(path.read_text().count("\n") for path in tmp_path.glob("out/*/results.jsonl")) < 3:
        time.sleep(0.02)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    process.kill()
    process.wait()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    file, = tmp_path.glob("out/*/results.jsonl")
    done = tool("report", file, "--output", "again")
    assert done.returncode == 2
    assert done.stderr == f"sockconform: {file} was cut off: 4 planned runs have no result:\n" + "".join(f"  {run}\n" for run in RUNS[2:])
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == ["junit.xml", "report.html"]


def test_two_invocations_at_once(tmp_path):
    both = [subprocess.Popen([TOOL, "run", "--output", "out"], cwd=tmp_path, env=environment({"cases": 30, "delay": 0.005}),
                             stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=30)[0].count("60 passed") for process in both] == [1, 1]
    folders = [path for path in (tmp_path / "out").iterdir() if not path.is_symlink()]
    assert len(folders) == 2 and all(len(lines(folder)) == 62 for folder in folders)
    assert not list((tmp_path / "out").rglob(".*"))


# --- surroundings

@pytest.mark.parametrize("env", [{"LANG": None}, {"LANG": None, "LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}, {"HOME": None, "TERM": None}])
def test_any_locale(tool, env):
    done = tool("run", "--output", "out", env=env, fake=BAD | {"messages": {"area1_case1/inet-stream": "größer → 1"}})
    assert done.returncode == 1 and "gr" in done.stdout and done.stderr == ""


def test_settings_of_the_user_do_not_disturb(tool, tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise SystemExit('read')")
    assert tool("run", "--output", "out", env={"PYTEST_ADDOPTS": "--no-such", "PYTEST_PLUGINS": "no.such"}).returncode == 0


def test_no_controlling_terminal(tool):
    assert tool("run", "--output", "out", start_new_session=True).returncode == 0


def on_a_terminal(words, cwd, fake):
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(TOOL, [str(TOOL), *words], environment(fake, TERM="xterm-256color", COLUMNS="100"))
    text = b""
    try:
        while data := os.read(fd, 65536):
            text += data
    except OSError:
        pass
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.decode()


def test_a_terminal_gets_a_bar(tmp_path):
    status, text = on_a_terminal(["run", "--output", "out", "--jobs", "1"], tmp_path, BAD | {"cases": 8, "delay": 0.1})
    bar, _, rest = text.partition("SURPRISE")
    assert status == 1 and "1 surprise" in rest
    assert "\x1b[" in bar and "/16" in bar and "_case" in bar


def test_ctrl_c_on_a_terminal(tmp_path):
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execve(TOOL, [str(TOOL), "run", "--output", "out", "--jobs", "1"],
                  environment({"hang_at": RUNS[2]}, TERM="xterm"))
    text = b""
    while b"2/6" not in text:
        text += os.read(fd, 65536)
    os.write(fd, b"\x03")
    try:
        while data := os.read(fd, 65536):
            text += data
    except OSError:
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert b"MISSING" in text and b"interrupted; what was found before is kept" in text


def test_closed_stdout(tool):
    """As `sockconform list | head -1`."""
    done = subprocess.run(f"'{TOOL}' list | true; exit ${{PIPESTATUS[0]}}", shell=True, executable="/bin/bash",
                          env=environment({"cases": 3000}), capture_output=True, text=True)
    assert done.stderr == ""


# --- the other commands

def test_list(tool):
    done = tool("list", "area1*", fake={"slow": ["area1_case1"]})
    assert done.returncode == 0
    assert done.stdout.split("\n")[0].split("  ") == ["area1.R1", "area1_case1 (slow)", "unix-stream inet-stream", "posix"]
    assert "1 requirement, 1 case, 2 runs" in done.stdout
    assert [case["case"] for case in json.loads(tool("list", "--json").stdout)] == ["area0_case0", "area1_case1", "area2_case2"]


@pytest.mark.parametrize("name", ["area1_case1", "area1.R1", "area1_case1/inet-stream"])
def test_show(tool, name):
    done = tool("show", name)
    assert done.returncode == 0
    for text in ("area1.R1 (shall)", "fake 1", "XSH fake()", "cases/fake.c:11", "gdb ", "strace -f ", "area1_case1/" + "inet-stream" * ("/" in name)):
        assert text in done.stdout


def test_source_of_a_case(tmp_path, monkeypatch):
    from sockconform import show

    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "x.c").write_text("""#include "case.h"

CASE(one, .requirement = "a.b", .over = ANY)
{
    if (1) {
    }
}

/* Why two. */
PAIR(two, .requirement = "a.c")
SERVER(two)
{
}

CLIENT(two)
{
    OK(1);
}

CASE(three, .over = ANY) { OK(1); }

FAMILY(four)
FAMILY(five)
""")
    monkeypatch.setattr(show, "ROOT", tmp_path)
    def text(name, line):
        return show.source({"case": name, "file": "cases/x.c", "line": line}).splitlines()
    assert (text("one", 3)[0], len(text("one", 3))) == ('CASE(one, .requirement = "a.b", .over = ANY)', 5)
    assert (text("two", 10)[0], text("two", 10)[-2:], len(text("two", 10))) == ("/* Why two. */", ["    OK(1);", "}"], 10)
    assert text("three", 20) == ["CASE(three, .over = ANY) { OK(1); }"]
    assert text("four", 22)[0] == "FAMILY(four)"
    assert show.source({"case": "x", "file": "cases/none.c", "line": 1}) == ""


def test_doctor(tool):
    done = tool("doctor")
    assert done.returncode == 0
    assert "yes own network: runs share it with nothing" in done.stdout and "yes runs: 6, and 0 slow ones" in done.stdout
    done = tool("doctor", fake={"environment": {"network": "shared", "network_reason": "unshare: Operation not permitted",
                                                "loopback_inet6": False, "proc": "none", "user": "plain"}})
    assert done.returncode == 0
    assert "no  own network: shared with this machine (unshare: Operation not permitted)" in done.stdout
    for text in ("no  IPv6 loopback: runs over inet6 kinds are UNTESTED", "no  /proc: none", "no  privilege", "to get it: run as root"):
        assert text in done.stdout
    done = tool("doctor", env={"SOCKCONFORM_PROGRAM": "/nowhere"})
    assert done.returncode == 2 and "no  ready: /nowhere is not there" in done.stdout


def test_report_again(tool, tmp_path):
    tool("run", "--output", "out", fake=BAD)
    done = tool("report", "out/latest/results.jsonl", "--output", "new/again")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "new/again/report.html\nnew/again/junit.xml\n"
    for name in ("junit.xml", "report.html"):
        assert (tmp_path / "new/again" / name).read_text() == (tmp_path / "out/latest" / name).read_text()
    refused(tool("report", "out/latest/results.jsonl", "--output", "/proc/new"), "/proc/new: No such file or directory")


@pytest.mark.parametrize("text, complaint", [
    ("", "line 1 is not a JSON object, so this is no results.jsonl"), ("hello\n", "line 1 is not a JSON object, so this is no results.jsonl"),
    ("[]\n", "line 1 is not a JSON object, so this is no results.jsonl"), ("{}\n", "no header; the first line of results must name its schema, sockconform/results/1"),
    ('{"schema":"sockconform/results/9"}\n', "schema is 'sockconform/results/9'; this version reads sockconform/results/1"),
    ('{"schema":"sockconform/results/1"}\n', "the header has no list of planned runs"),
    ('{"schema":"sockconform/results/1","planned":[]}\n{"run":"a/b"}\n', "line 2 is neither a run nor the summary"),
    ('{"schema":"sockconform/results/1","planned":[]}\nx\n{"run":"a/b"}\n', "line 2 is not a JSON object, so this is no results.jsonl")])
def test_what_is_no_results(tool, tmp_path, text, complaint):
    (tmp_path / "r.jsonl").write_text(text)
    refused(tool("report", "r.jsonl"), f"r.jsonl: {complaint}")
    assert [path.name for path in tmp_path.iterdir()] == ["r.jsonl"]


def test_compare(tool, tmp_path):
    def results(name, fake, *words):
        tool("run", "--output", name, *words, fake=fake)
        return f"{name}/latest/results.jsonl"

    old = results("old", {"verdicts": {RUNS[0]: "FAIL", RUNS[1]: "UNTESTED"}, "observed": {"backlog 0 admits": "1"}})
    new = results("new", {"verdicts": {RUNS[2]: "UNRESOLVED"}, "observed": {"backlog 0 admits": "2"}, "cases": 4}, "-k", "not area2_case2")
    done = tool("compare", old, new)
    assert done.returncode == 1
    words = [line.split() for line in done.stdout.splitlines()]
    assert words[0] == ["broken", RUNS[2], "PASS", "->", "UNRESOLVED"] and words[1] == ["fixed", RUNS[0], "FAIL", "->", "PASS"]
    assert words[2] == ["changed", RUNS[1], "UNTESTED", "->", "PASS"]
    assert done.stdout.splitlines()[-1] == "1 broken, 1 fixed, 1 changed, 4 observed, 2 new, 2 gone"
    assert tool("compare", old, old).returncode == 0


# --- pytest itself

def run_pytest(*words, fake=None):
    return subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words], cwd=ROOT, text=True,
                          capture_output=True, env=environment(fake))


def test_pytest_collects_runs():
    done = run_pytest(FAKE, "--collect-only", "-m", "inet-stream")
    assert [line.rpartition("::")[2] for line in done.stdout.splitlines() if "::" in line] == RUNS[1::2]
    done = run_pytest(f"{FAKE}::area1_case1/inet-stream", fake=BAD)
    assert done.returncode == 1 and "1 failed" in done.stdout
    assert "FAIL: cases/fake.c:12: bind()\nexpected -1 EADDRINUSE\nactual   0\n" in done.stdout and "Traceback" not in done.stdout


def test_pytest_outcomes(implementation):
    toy = implementation("area0.* FAIL known")
    verdicts = {RUNS[0]: "FAIL", RUNS[2]: "UNTESTED", RUNS[3]: "FAIL"}
    done = run_pytest(FAKE, "--implementation", toy, "-rsx", fake={"verdicts": verdicts})
    assert "2 failed, 2 passed, 1 skipped, 1 xfailed" in done.stdout
    assert "passes, though FAIL is expected: known" in done.stdout
    assert "SKIPPED [1] cases/fake.c:11: UNTESTED: needs a second host" in done.stdout
    assert f"{RUNS[0]} - reason: known" in done.stdout


def test_pytest_names_missing_runs():
    done = run_pytest(FAKE, "--jobs", "1", fake={"die_at": RUNS[5]})
    assert "1 failed, 5 passed" in done.stdout and "missing: the program ended before it reported this run" in done.stdout


def test_pytest_xdist():
    pytest.importorskip("xdist")
    done = run_pytest(FAKE, "-n", "2", fake=BAD)
    assert "1 failed, 5 passed" in done.stdout


def test_pytest_refuses_in_a_line():
    done = run_pytest(FAKE, "--kind", "ipx")
    assert done.returncode == 2 and "\nunknown kind ipx\n" in done.stdout and "Traceback" not in done.stdout


def test_a_thousand_items_are_cheap(tool):
    """In processor time, which a busy machine does not stretch."""
    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    fake, start = {"cases": 500}, spent()
    assert subprocess.run([FAKE, "--report", os.devnull], env=environment(fake)).returncode == 0
    alone = spent() - start
    assert "1000 passed" in tool("run", "--output", "out", fake=fake).stdout
    assert spent() - start - 2 * alone < 4
