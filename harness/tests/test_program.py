"""The program against cases that must fail, crash, hang, exit, and leave things behind."""
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

# What is to be said of each run of selftest.c: the verdict, and words of the message in their order.
EXPECTED = {
    "wrong_errno/inet-stream": ("FAIL", ["solo FAIL at harness/tests/selftest.c", "connect(new_socket(), ADDR(there))",
                                         "expected -1 EACCES or EPERM", "actual   -1 ECONNREFUSED"]),
    "wrong_success/unix-stream": ("FAIL", ["expected -1 EOPNOTSUPP", "actual   0"]),
    "wrong_value/inet-dgram": ("FAIL", ["expected 1", "actual   -1 EAGAIN"]),
    "wrong_bounds/unix-stream": ("FAIL", ["expected at least least, which is 7", "actual   0"]),
    "wrong_bytes/unix-stream": ("FAIL", ['expected "d\\x01" from byte 3 of 5', 'actual   "X\\x01"']),
    "wrong_condition/unix-stream": ("FAIL", ["1 > 2", "the count is 2"]),
    "broken_preparation/unix-stream": ("UNRESOLVED", ['open("absent", O_RDONLY)', "expected preparation to succeed",
                                                      "actual   -1 ENOENT"]),
    "broken_condition/unix-stream": ("UNRESOLVED", ["it is not"]),
    "absent_family/unix-stream": ("UNSUPPORTED", ["preparation failed with EAFNOSUPPORT"]),
    "untested/unix-stream": ("UNTESTED", ["it is Monday"]),
    "unsupported/unix-stream": ("UNSUPPORTED", ["no sockets on Mondays"]),
    "crashes_in_claim/unix-stream": ("FAIL", ["raise(SIGSEGV)", "killed here: Segmentation fault"]),
    "crashes_in_preparation/unix-stream": ("UNRESOLVED", ["raise(SIGABRT)", "killed here: Aborted"]),
    "exits/unix-stream": ("FAIL", ["exited here with status 0"]),
    "exits_in_claim/unix-stream": ("FAIL", ["(_exit(0), 0)", "exited here with status 0"]),
    "kills_its_group/unix-stream": ("FAIL", ["kill(0, SIGKILL)", "killed here: Killed"]),
    "stops_itself/unix-stream": ("FAIL", ["raise(SIGSTOP)", "still here after"]),
    "spins/unix-stream": ("FAIL", ["spin()", "still here after"]),
    "hangs/unix-stream": ("FAIL", ["server FAIL", "accept(listening_socket(), NULL, NULL)", "still here after",
                                   "client FAIL", "recv(j.fd[0], &byte, 1, 0)", "still here after"]),
    "hangs_in_preparation/unix-stream": ("UNRESOLVED", ["server UNRESOLVED", "accept(", "client ABANDONED",
                                                        "await_peer()"]),
    "both_fail/inet-stream": ("FAIL", ["server FAIL", "expected 2", "client FAIL", "expected 4"]),
    "server_fails/unix-dgram": ("FAIL", ["server FAIL", "client ABANDONED", "await_peer()",
                                         "the peer ended without becoming ready"]),
    "client_fails/unix-stream": ("FAIL", ["server ABANDONED", "was here when its peer had ended", "client FAIL"]),
    "ends_without_ready/unix-stream": ("UNRESOLVED", ["client UNRESOLVED", "the peer ended without becoming ready"]),
    "does_not_block/unix-stream": ("FAIL", ["client FAIL", "PEER_BLOCKS_IN(accept)",
                                            "expected the peer to block in accept()",
                                            "actual   accept(3, NULL, NULL) = -1 EAGAIN"]),
    "ends_instead_of_blocking/unix-stream": ("FAIL", ["client FAIL", "actual   it ended"]),
    "blocks_with_given_up_privileges/inet-stream": ("PASS", []),
    "blocks_with_given_up_privileges/inet6-stream": ("PASS", []),
    "thread_blocks/unix-stream": ("PASS", []),
    "thread_blocks/inet-stream": ("PASS", []),
    "thread_fails/unix-stream": ("FAIL", ["expected 2", "actual   1"]),
    "child_fails/unix-stream": ("FAIL", ["expected 2", "actual   1"]),
    "leaves_a_child/unix-stream": ("PASS", []),
    "leaves_a_daemon/unix-stream": ("PASS", []),
    "leaves_files/unix-stream": ("PASS", []),
    "closes_every_descriptor/unix-stream": ("FAIL", ["server FAIL", "expected 2", "actual   1"]),
    "makes_many_calls/unix-stream": ("FAIL", ["close(fd)", "expected -1", "actual   0"]),
    "says_odd_things/unix-dgram": ("FAIL", ["expected -1 EACCES", "actual   -1 EFAULT"]),
    "slow_and_wrong/unix-stream": ("FAIL", ["poll(NULL, 0, 300)", "expected 1", "actual   0"]),
    "slow_and_wrong/inet-stream": ("FAIL", ["poll(NULL, 0, 300)", "expected 1", "actual   0"]),
    "passes/inet6-dgram": ("PASS", []),
}


@pytest.fixture(scope="module")
def all_runs(outcome_of, tmp_path_factory):
    return outcome_of(tmp_path_factory.mktemp("selftest"), "selftest")


@pytest.mark.parametrize("run", EXPECTED)
def test_each_end_is_placed_and_told(all_runs, run):
    verdict, words = EXPECTED[run]
    result = all_runs.runs[run]
    assert result["verdict"] == verdict
    at = 0
    for word in words:
        at = result["message"].find(word, at)
        assert at >= 0, f"{word!r} is not where it should be in {result['message']!r}"
    if verdict in ("FAIL", "UNRESOLVED"):
        assert f"{verdict} {run}" in all_runs.out


def test_the_last_line_counts(all_runs):
    counts = {verdict: sum(r["verdict"] == verdict for r in all_runs.lines if "run" in r)
              for verdict in ("PASS", "FAIL", "UNRESOLVED", "UNSUPPORTED", "UNTESTED")}
    assert all_runs.out.splitlines()[-1] == ("{PASS} passed, {FAIL} failed, {UNRESOLVED} unresolved, "
                                             "{UNSUPPORTED} unsupported, {UNTESTED} untested").format(**counts)
    assert all_runs.lines[-1]["summary"] == counts
    assert all_runs.status == 1


def test_every_planned_run_is_reported_once(all_runs):
    assert sorted(all_runs.lines[0]["planned"]) == sorted(r["run"] for r in all_runs.lines if "run" in r)


def test_a_transcript_shows_both_roles_in_order(all_runs):
    transcript = all_runs.runs["does_not_block/unix-stream"]["transcript"]
    assert [entry["t"] for entry in transcript] == sorted(entry["t"] for entry in transcript)
    assert {entry["role"] for entry in transcript} == {"server", "client"}
    accept = next(entry for entry in transcript if entry["call"].startswith("accept("))
    assert (accept["call"], accept["result"], accept["errno"]) == ("accept(3, NULL, NULL)", "-1", "EAGAIN")


def test_a_call_that_never_returned_is_shown_as_such(all_runs):
    transcript = all_runs.runs["hangs/unix-stream"]["transcript"]
    accept = next(entry for entry in transcript if entry["role"] == "server" and entry["call"].startswith("accept("))
    assert accept["took"] is None and accept["result"] is None
    assert "accept(3, NULL, NULL) ... has not returned" in all_runs.out


def test_a_long_transcript_keeps_its_ends(all_runs):
    result = all_runs.runs["makes_many_calls/unix-stream"]
    assert len(result["transcript"]) == 192 and result["left_out"] == 1002 - 192
    assert result["transcript"][0]["call"].startswith("socket(") and result["transcript"][-1]["call"] == "close(3)"
    assert "(810 calls in the middle are not shown)" in all_runs.out


def test_odd_bytes_are_shown_not_followed(all_runs):
    calls = [entry["call"] for entry in all_runs.runs["says_odd_things/unix-dgram"]["transcript"]]
    assert any('send(' in call and r'"\"</script>\\\x01\xff\x0a' in call for call in calls)
    assert any(re.match(r"bind\(\d+, 0x8, 110\)", call) for call in calls)


def test_observations_are_kept(all_runs):
    assert all_runs.runs["passes/inet-dgram"]["observed"] == {'kind "quoted"\n': "inet-dgram"}


def test_a_role_starts_with_three_descriptors(all_runs):
    assert {all_runs.runs[f"first_descriptor/{kind}"]["observed"]["first"]
            for kind in ("unix-stream", "inet-dgram")} == {"3"}


def processes_of(program):
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "exe").resolve() == program and (folder / "stat").read_text().split(")")[1].split()[0] != "Z":
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.fixture
def copy(build, tmp_path):
    """A copy of the program, so that its processes are told from those of other tests."""
    program = tmp_path / "copy of selftest"
    program.write_bytes((build / "selftest").read_bytes())
    program.chmod(0o755)
    return program


def test_nothing_survives(copy, tmp_path):
    (tmp_path / "scratch").mkdir()
    subprocess.run([copy, "leaves_*", "stops_itself", "hangs", "client_fails"], capture_output=True,
                   env={**os.environ, "TMPDIR": str(tmp_path / "scratch")}, timeout=60)
    assert processes_of(copy) == []
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_survives_the_program_killed_in_the_middle(copy, tmp_path, number):
    (tmp_path / "scratch").mkdir()
    report = tmp_path / "results.jsonl"
    process = subprocess.Popen([copy, "--repeat", "1000", "--report", report, "slow_and_wrong", "hangs"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "TMPDIR": str(tmp_path / "scratch")})
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not (report.exists() and report.read_text().count("\n") >= 3):
        time.sleep(0.01)
    process.send_signal(number)
    words = process.communicate(timeout=20)[1]
    while time.monotonic() < deadline and processes_of(copy):
        time.sleep(0.01)
    assert processes_of(copy) == []
    lines = report.read_text().splitlines()
    assert len(lines) >= 3 and '"summary"' not in lines[-1]
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number and words == "conformance: interrupted\n"
        assert list((tmp_path / "scratch").iterdir()) == []


def test_slow_runs_overlap(invoke):
    outcome = invoke("selftest", "slow_and_wrong", "--repeat", "3")
    assert len([line for line in outcome.lines if "run" in line]) == 6
    assert outcome.lines[-1]["seconds"] < 6 * 0.3


def test_slow_runs_can_be_left_out(invoke):
    assert "slow_and_wrong/inet-stream" not in invoke("selftest", "--slow", "no", "passes", "exits").runs
    assert set(invoke("selftest", "--slow", "only", "slow*").runs) == {"slow_and_wrong/unix-stream",
                                                                       "slow_and_wrong/inet-stream"}


def test_repetitions_are_counted(invoke):
    outcome = invoke("selftest", "--repeat", "5", "passes/inet-dgram")
    assert [line["repetition"] for line in outcome.lines if "run" in line] == [1, 2, 3, 4, 5]
    assert outcome.out == "5 passed, 0 failed, 0 unresolved, 0 unsupported, 0 untested\n" and outcome.status == 0


def test_only_kinds_asked_for(invoke):
    assert set(invoke("selftest", "passes", "--kind", "inet-dgram", "--kind", "unix-stream").runs) == {
        "passes/inet-dgram", "passes/unix-stream"}


def test_libchecks_own_ways_work(invoke, tmp_path):
    log = tmp_path / "log.tap"
    outcome = invoke("selftest", env={"CK_FORK": "yes", "CK_RUN_CASE": "both_fail/inet-stream",
                                      "CK_TAP_LOG_FILE_NAME": str(log)})
    assert set(outcome.runs) == {"both_fail/inet-stream"} and outcome.status == 1
    assert "not ok 1" in log.read_text() and "both_fail/inet-stream" in log.read_text()
