"""Implementations that are put under the program: a library with a prefix, overlays, preloaded ones."""
import pytest


@pytest.fixture
def standin(invoke, library):
    """Runs cases over the stand-in for a user-space stack: its own numbers, from 0 on, and a thread."""
    return lambda *cases: invoke("selftest", "--library", library("standin"), "--prefix", "my_", *cases).runs


def test_roles_talk_through_a_library(standin):
    runs = standin("talks")
    assert {run: result["verdict"] for run, result in runs.items()} == {
        f"talks/{kind}": "PASS" for kind in ("unix-stream", "unix-seqpacket", "inet-stream", "inet-dgram",
                                             "inet6-stream", "inet6-dgram")}


def test_a_librarys_numbers_do_not_collide_with_the_systems(standin):
    result = standin("numbers_sockets_apart_from_files")["numbers_sockets_apart_from_files/inet-stream"]
    assert result["verdict"] == "PASS", result["message"]
    made = [entry["result"] for entry in result["transcript"] if entry["call"].startswith("socket(")]
    closed = [entry["call"] for entry in result["transcript"] if entry["call"].startswith("close(")]
    assert closed == [f"close({made[0]})"] and "0" not in made


def test_a_call_that_the_library_lacks_is_unsupported(standin):
    result = standin("sends_a_message")["sends_a_message/inet-dgram"]
    assert result["verdict"] == "UNSUPPORTED" and "the library has no sendmsg()" in result["message"]


def test_a_library_is_not_judged_by_what_the_system_answers(standin):
    result = standin("asks_about_a_file")["asks_about_a_file/inet-stream"]
    assert result["verdict"] == "UNTESTED"
    assert "listen() on a descriptor that is the system's, not the library's" in result["message"]


def test_the_environment_names_the_library(invoke, library):
    outcome = invoke("selftest", "--library", library("standin"), "--prefix", "my_", "talks/inet-stream")
    assert outcome.lines[0]["environment"]["backend"] == f"library {library('standin')} my_"


def test_a_library_without_prefix_may_have_a_few_calls(invoke, library):
    runs = invoke("selftest", "--library", library("partial"), "refuses_a_second_bind", "talks/inet-stream").runs
    assert {runs[run]["verdict"] for run in runs if run.startswith("refuses")} == {"PASS"}
    assert runs["talks/inet-stream"]["verdict"] == "UNSUPPORTED"
    assert "the library has no" in runs["talks/inet-stream"]["message"]


FAULTS = {
    "bind succeeds": ("refuses_a_second_bind/inet-dgram", ["expected -1 EADDRINUSE", "actual   0"]),
    "bind errs": ("refuses_a_second_bind/unix-stream", ["expected -1 EADDRINUSE", "actual   -1 EINVAL"]),
    "accept crashes": ("waits_in_accept/inet-stream", ["server FAIL", "accept(listener, NULL, NULL)",
                                                       "killed here: Segmentation fault"]),
    "accept exits": ("waits_in_accept/inet-stream", ["server FAIL", "exited here with status 0"]),
    "accept hangs": ("waits_in_accept/inet-stream", ["server FAIL", "accept(listener, NULL, NULL)", "still here after"]),
    "accept does not block": ("waits_in_accept/unix-stream", ["server FAIL", "expected success", "actual   -1 EAGAIN"]),
    "accept invents": ("waits_in_accept/unix-stream", ["expected 1", "actual   -1 ENOTSOCK"]),
}


@pytest.mark.parametrize("way", ["overlay", "preload"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught_and_placed(invoke, library, fault, way):
    run, words = FAULTS[fault]
    environment = {"FAULT": fault}
    arguments = []
    if way == "overlay":
        arguments = ["--overlay", library("faulty")]
    else:
        environment["LD_PRELOAD"] = str(library("faulty"))
    outcome = invoke("selftest", *arguments, run, env=environment)
    result = outcome.runs[run]
    assert result["verdict"] == "FAIL"
    for word in words:
        assert word in result["message"]
    assert f"selftest{''.join(f' {word}' for word in arguments)} {run}\n" in outcome.out.replace("again: ", "")


@pytest.mark.parametrize("way", ["overlay", "preload"])
def test_a_faithful_library_changes_nothing(invoke, library, way):
    arguments = ["--overlay", library("faulty")] if way == "overlay" else []
    environment = {"LD_PRELOAD": str(library("faulty"))} if way == "preload" else {}
    outcome = invoke("selftest", *arguments, "talks", "waits_in_accept", "refuses_a_second_bind", env=environment)
    assert outcome.status == 0 and outcome.out.startswith("17 passed, 0 failed")
