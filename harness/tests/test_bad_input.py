"""What the program cannot do is told in one line on standard error, with status 2; no result is lost."""
import os
import resource
import shutil
import subprocess

import pytest


def refused(outcome, words):
    assert outcome.status == 2
    assert outcome.err.startswith("conformance: ") and outcome.err.count("\n") == 1, outcome.err
    assert words in outcome.err
    assert "passed," not in outcome.out


@pytest.mark.parametrize("arguments, words", [
    (["no_such_case"], "no run and no requirement matches 'no_such_case'"),
    (["passes", "[["], "no run and no requirement matches '[['"),
    (["--kind", "inet-steam"], "--kind has no 'inet-steam': it is one of unix-stream, "),
    (["--document", "susv2"], "--document has no 'susv2': it is one of posix, rfc, linux, notes"),
    (["--kind", "inet-seqpacket", "passes"], "no run"),
    (["--slow", "perhaps"], "--slow has no 'perhaps': it is one of yes, no, only"),
    (["--repeat", "0"], "--repeat takes a number from 1 to 100000, not '0'"),
    (["--repeat", "3x"], "--repeat takes a number from 1 to 100000, not '3x'"),
    (["--time-scale", "nan"], "--time-scale takes a number"),
    (["--frobnicate"], "there is no option --frobnicate"),
    (["--report"], "--report needs a value"),
    (["--prefix", "my_"], "--prefix goes with --library"),
    (["--library", "a", "--overlay", "b"], "exclude each other"),
    (["--library", "/no/such/library.so"], "cannot load /no/such/library.so: No such file or directory"),
])
def test_usage(invoke, arguments, words):
    refused(invoke("selftest", *arguments, report=False), words)


@pytest.mark.parametrize("name, words", [
    ("crashing", "it crashes when loaded: Segmentation fault"),
    ("exiting", "it exits with status 0 when loaded"),
    ("lacking", "undefined symbol: a_function_that_no_library_has"),
    ("unrelated", "it has none of the calls"),
])
@pytest.mark.parametrize("option", ["--library", "--overlay"])
def test_libraries_that_cannot_be_used(invoke, library, option, name, words):
    refused(invoke("selftest", option, library(name), "passes"), words)


def test_a_prefix_that_the_library_does_not_have(invoke, library):
    refused(invoke("selftest", "--library", library("standin"), "--prefix", "your_", "talks"),
            "it has none of the calls with this prefix")


def test_a_file_that_is_no_library(invoke, tmp_path):
    (tmp_path / "text.so").write_text("text")
    refused(invoke("selftest", "--overlay", tmp_path / "text.so", "passes"), "cannot load")


@pytest.mark.parametrize("report, words", [
    ("/no/such/folder/results.jsonl", "No such file or directory"),
    ("/", "Is a directory"),
    ("/dev/full", "No space left on device"),
])
def test_a_report_that_cannot_be_written(invoke, report, words):
    refused(invoke("selftest", "--report", report, "passes", report=False), f"cannot write the report {report}: {words}")


def test_a_report_cut_off_by_a_full_disk(invoke, tmp_path):
    """A limit on the file's size stands for the disk; what was written stays, and says that there is more."""
    report = tmp_path / "results.jsonl"
    outcome = invoke("selftest", "--report", report, "--repeat", "100", "passes", report=False,
                     preexec_fn=lambda: (resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)),
                                         __import__("signal").signal(__import__("signal").SIGXFSZ,
                                                                     __import__("signal").SIG_IGN)))
    refused(outcome, "cannot write the report")
    assert len(report.read_text()) == 20000 and '"summary"' not in report.read_text()


def test_standard_output_full(build, tmp_path):
    with open("/dev/full", "w") as full:
        process = subprocess.run([build / "selftest", "passes"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert process.returncode == 2
    assert process.stderr == "conformance: cannot write to standard output: No space left on device\n"


def test_no_place_for_scratch_files(invoke):
    refused(invoke("selftest", "passes", env={"TMPDIR": "/no/such/folder"}),
            "cannot make a directory in /no/such/folder: No such file or directory")


def test_closed_standard_descriptors(build, tmp_path):
    report = tmp_path / "results.jsonl"
    process = subprocess.run(["sh", "-c", 'exec "$0" --report "$1" passes first_descriptor <&- >&- 2>&-',
                              build / "selftest", report])
    assert process.returncode == 0
    assert '"first":"3"' in report.read_text() and '"summary":{"PASS":14,' in report.read_text()


def test_odd_places(build, tmp_path):
    """A path with blanks, a current directory that is read-only, no LANG."""
    folder = tmp_path / "a folder with blanks"
    folder.mkdir()
    shutil.copy(build / "selftest", folder / "the program")
    process = subprocess.run([folder / "the program", "--report", folder / "re sults", "passes"], cwd="/proc",
                             env={"TMPDIR": str(folder)}, capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout == "7 passed, 0 failed, 0 unresolved, 0 unsupported, 0 untested\n"
    assert sorted(path.name for path in folder.iterdir()) == ["re sults", "the program"]


def test_two_at_once(build, tmp_path):
    invocations = [subprocess.Popen([build / "selftest", "--repeat", "30", "talks", "refuses_a_second_bind", "--report",
                                     tmp_path / f"results-{i}"], stdout=subprocess.PIPE, text=True) for i in range(2)]
    for i, invocation in enumerate(invocations):
        assert invocation.communicate(timeout=60)[0].startswith("390 passed, 0 failed")
        assert '"summary"' in (tmp_path / f"results-{i}").read_text()


def in_namespace(script, *arguments):
    """Runs a shell script where it may change mounts and the network without harm; skips where that is not allowed."""
    if subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "--net", "true"], capture_output=True).returncode:
        pytest.skip("no namespaces here")
    return subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "--net", "sh", "-ec", script, *arguments],
                          capture_output=True, text=True, timeout=60)


def test_no_loopback(build):
    """In a shared network without loopback, what needs it is UNTESTED; UNIX sockets are still judged."""
    process = in_namespace('"$0" --network shared talks', build / "selftest")
    assert process.stdout.endswith("2 passed, 0 failed, 0 unresolved, 0 unsupported, 4 untested\n")
    assert process.returncode == 0


def test_no_proc(build):
    """Blocking is then seen as still being in the call after some patience."""
    process = in_namespace('mount -t tmpfs none /proc; "$0" talks waits_in_accept thread_blocks', build / "selftest")
    assert process.stdout == "14 passed, 0 failed, 0 unresolved, 0 unsupported, 0 untested\n"


def test_a_network_of_its_own_cannot_be_had(invoke, library, tmp_path):
    """Where namespaces are refused, the program says so and shares the network."""
    source = tmp_path / "refuse.c"
    source.write_text("#include <errno.h>\nint unshare(int f) { (void)f; errno = EPERM; return -1; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "refuse.so", source], check=True)
    environment = {"LD_PRELOAD": str(tmp_path / "refuse.so")}
    outcome = invoke("selftest", "talks/unix-stream", env=environment)
    assert outcome.err == "conformance: sharing this system's network (unshare: Operation not permitted)\n"
    assert outcome.status == 0 and outcome.lines[0]["environment"]["network"] == "shared"
    refused(invoke("selftest", "talks/unix-stream", "--network", "own", env=environment, report=False),
            "no network of its own: unshare: Operation not permitted")


@pytest.mark.skipif(os.geteuid() != 0, reason="another user can be become by root only")
def test_a_plain_user_gets_a_network_too(build, tmp_path):
    shutil.copy(build / "selftest", tmp_path / "selftest")
    for folder in [tmp_path, *tmp_path.parents[:2]]:
        folder.chmod(0o755)
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch").chmod(0o777)
    process = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", tmp_path / "selftest",
                              "talks", "blocks_with_given_up_privileges/inet*", "waits_in_accept"],
                             capture_output=True, text=True, env={"TMPDIR": str(tmp_path / "scratch")})
    assert process.stdout == "12 passed, 0 failed, 0 unresolved, 0 unsupported, 0 untested\n"
