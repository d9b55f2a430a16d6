"""report.html: what is in the file, and, where there is a chromium, what a browser makes of it."""

import html as markup
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "harness/python")]

from reports import html  # noqa: E402
from sockconform.results import Results  # noqa: E402

HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\"><!-- \u2028 & ' \\ \0"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def call(role, t, took, text, result=None, errno=None, **more):
    return {"role": role, "thread": 0, "t": t, "took": took, "call": text, "result": result, "errno": errno, **more}


SOLO = [call("solo", 0.0001, 0.00001, "socket(AF_UNIX, SOCK_STREAM, 0)", "3"),
        call("solo", 0.0002, 0.00001, "bind(3, {AF_UNIX taken}, 8)", "-1", "EADDRINUSE"),
        call("solo", 0.0003, 1.5, "recv(3, [16], 16, 0)", "-1", "EAGAIN")]
PAIR = [call("client", 0.0001, 0.0005, "await_peer()", hand_over=True),
        call("server", 0.0002, 0.00001, "listen(3, 4096)", "0"),
        call("server", 0.0005, 0.00001, "ready()", hand_over=True),
        call("server", 0.0007, 0.0020, "accept(3, NULL, NULL)", "5"),
        call("client", 0.0010, 0.0001, "PEER_BLOCKS_IN(accept)", hand_over=True),
        call("client", 0.0020, 0.00002, "connect(3, {AF_INET 127.0.0.1:4}, 16)", "0"),
        call("server", 0.0030, None, "recv(5, [16], 16, 0)")]


def run(case, kind="inet-stream", verdict="PASS", **more):
    return {"run": f"{case}/{kind}", "case": case, "kind": kind, "repetition": 1, "requirement": case.replace("_", ".", 1),
            "statement": f"the statement of {case}", "strength": "shall", "documents": {"posix": "XSH", "notes": "line 7"},
            "verdict": verdict, "expected": None, "surprise": verdict in ("FAIL", "UNRESOLVED"), "message": "",
            "roles": [{"role": "solo", "verdict": verdict, "site": f"cases/{case}.c:9: call()", "message": ""}],
            "transcript": SOLO, "left_out": 0, "seconds": 0.001, "observed": {}, "file": f"cases/{case}.c", "line": 3,
            "slow": False, **more}


def sample(extra=(), missing=(), complete=True, environment=None):
    runs = [run("accept_blocks", transcript=PAIR, left_out=12,
                roles=[{"role": role, "verdict": "PASS", "site": "s", "message": ""} for role in ("server", "client")]),
            run("bind_taken", "unix-stream", "FAIL", message="expected -1 EADDRINUSE\nactual   0"),
            run("bind_taken", "inet-stream", "PASS"),
            run("listen_twice", verdict="FAIL", surprise=False, message="expected a\nactual b",
                expected={"verdict": "FAIL", "reason": "lets both listen", "source": "https://bugs.example/7"}),
            run("listen_other", verdict="FAIL", surprise=False),
            run("send_oob", verdict="UNSUPPORTED", message="no urgent data"),
            run("send_far", verdict="UNTESTED", message="needs a second host"),
            run("poll_fixed", surprise=True, expected={"verdict": "FAIL", "reason": "was broken", "source": "bug 3"}),
            run("listen_backlog", observed={"backlog 0 admits": 3, "default": "128"}), *extra]
    header = {"schema": "sockconform/results/1", "implementation": "native", "version": "0.1.0",
              "started": "2026-11-23T12:00:00Z", "repeat": 1, "planned": [one["run"] for one in runs] + list(missing),
              "environment": {"system": "Linux", "release": "6.1", "machine": "x86_64", "user": "root", "network": "own",
                              "backend": "native", "cpus": 2, **(environment or {})},
              "claims": [{"id": "C1", "line": 7, "claim": "accept() waits", "supports": ["accept.blocks"], "limits": [],
                          "contradicts": [], "reality": "Yes."},
                         {"id": "C2", "line": 9, "claim": "listen() blocks", "supports": [], "limits": [],
                          "contradicts": ["listen.backlog"], "reality": "It returns at once."}]}
    return Results(header, runs, {"summary": {}, "runs": len(runs), "seconds": 1.5} if complete else None)


def written(results, folder):
    path = folder / "report.html"
    html.write(results, path)
    return path


def embedded(text):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])


class Loads(HTMLParser):
    """Gathers what a browser would load from elsewhere, and the elements there are."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.scripts, self.images = [], 0, 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.scripts += tag == "script"
        self.images += tag == "img"
        self.addresses += [value for name, value in attributes if name in ("src", "href", "srcset", "data", "action", "poster")]


def test_nothing_is_loaded_from_elsewhere(tmp_path):
    text = written(sample(), tmp_path).read_text()
    assert [address for address in Loads(text).addresses if not address.startswith("#")] == ["data:,"]
    assert not re.search(r"@import|url\(|\bfetch\(|XMLHttpRequest|\bimport\b *\(", text)
    assert "default-src 'none'" in markup.unescape(text)


def test_the_file_is_whole_or_not_there(tmp_path, monkeypatch):
    path = written(sample(), tmp_path)
    before = path.read_text()

    def full(self, *_, **__):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError):
        html.write(sample(missing=["x/y"]), path)
    assert path.read_text() == before
    assert [item.name for item in tmp_path.iterdir()] == ["report.html"]


def test_everything_of_the_results_is_in_it(tmp_path):
    results = sample()
    inside = embedded(written(results, tmp_path).read_text())
    assert [one["run"] for one in inside["runs"]] == [one["run"] for one in results.runs]
    assert [one["outcome"] for one in inside["runs"]] == [
        "passed", "surprise", "passed", "departure", "not counted", "skipped", "skipped", "surprise", "passed"]
    assert inside["requirements"]["bind.taken"] == {
        "statement": "the statement of bind_taken", "strength": "shall", "documents": {"posix": "XSH", "notes": "line 7"}}
    assert [(claim["id"], claim["verdict"]) for claim in inside["claims"]] == [("C1", "holds"), ("C2", "contradicted")]
    never = inside["runs"][0]["transcript"][-1]
    assert "took" not in never and never["call"].startswith("recv(")


def test_cut_off_results_say_so_and_name_the_missing_runs(tmp_path):
    text = written(sample(missing=["never_ran/unix-stream", "nor_this/inet-dgram"], complete=False), tmp_path).read_text()
    assert "These results were cut off: 2 of 11 planned runs" in text
    assert "<code>never_ran/unix-stream</code>" in text and "<code>nor_this/inet-dgram</code>" in text
    assert "Everything is as expected" not in text


def test_whole_results_raise_no_alarm(tmp_path):
    text = written(sample(), tmp_path).read_text()
    assert "cut off" not in text and 'id="missing"' not in text


def test_what_the_environment_lacks_is_marked(tmp_path):
    lacking = {"network": "shared", "network_reason": "unshare: Operation not permitted", "loopback_inet6": False, "proc": "none"}
    text = written(sample(environment=lacking), tmp_path).read_text()
    for words in ("⚠ shared network (unshare: Operation not permitted)", "⚠ no IPv6 loopback", "⚠ /proc: none"):
        assert words in text


def test_without_javascript_the_failures_and_claims_can_be_read(tmp_path):
    text = written(sample(), tmp_path).read_text()
    plain = re.search(r"<noscript>(.*?)</noscript>", text, re.S)[1]
    assert "<code>bind_taken/unix-stream</code> FAIL (surprise)" in plain and "actual   0" in plain
    assert "listen() blocks: <b>contradicted</b>" in plain
    assert "accept_blocks/inet-stream" not in plain


def hostile():
    return run("hostile_text", verdict="FAIL", message=HOSTILE, statement=HOSTILE, observed={HOSTILE: HOSTILE},
               documents={"posix": HOSTILE}, transcript=[call("solo", 0, 1, HOSTILE, HOSTILE, HOSTILE)],
               roles=[{"role": "solo", "verdict": "FAIL", "site": HOSTILE, "message": HOSTILE}],
               expected={"verdict": "FAIL", "reason": HOSTILE, "source": "javascript:alert(1)"})


def test_hostile_text_stays_text(tmp_path):
    results = sample([hostile(), run("half_a_character", message="\ud800")], [HOSTILE, "\ud800"], complete=False)
    results.header["implementation"] = HOSTILE
    text = written(results, tmp_path).read_text()
    assert Loads(text).scripts == 2 and Loads(text).images == 0
    assert [one["message"] for one in embedded(text)["runs"][-2:]] == [HOSTILE, "\ud800"]


def many(count):
    transcript = (SOLO * 4)[:10]
    return sample(run(f"area{number // 90}_case_{number}", kind, transcript=transcript)
                  for number in range(count // 6)
                  for kind in ("unix-stream", "unix-dgram", "inet-stream", "inet-dgram", "inet6-stream", "inet6-dgram"))


def test_three_thousand_runs_with_ten_calls_each_stay_under_6_MB(tmp_path):
    assert written(many(3000), tmp_path).stat().st_size < 6e6


# --- in a browser ---------------------------------------------------------------------------------------------------

needs_browser = pytest.mark.skipif(not CHROMIUM, reason="no chromium here to open the page with")


def drawn(path, fragment, folder):
    """The document after the script ran, without the embedded data; the script must not have complained."""
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run", f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--dump-dom",
         f"{path.as_uri()}#{fragment}"], capture_output=True, text=True, timeout=60, check=True)
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line], done.stderr
    assert "data-drawn=" in done.stdout
    return re.sub(r"<script.*?</script>|<noscript>.*?</noscript>", "", done.stdout, flags=re.S)


def text_of(document):
    return re.sub(r"\s+", " ", markup.unescape(re.sub(r"<[^>]*>", " ", document)))


@needs_browser
def test_the_requirements_stand_bad_first_with_the_passed_ones_folded(tmp_path):
    document = drawn(written(sample(), tmp_path), "", tmp_path)
    sections = re.findall(r'<button type="button" id="fold-([\w-]+)" aria-expanded="(\w+)"', document)
    assert sections == [("surprise", "true"), ("not-counted", "true"), ("departure", "true"), ("untested", "true"),
                        ("unsupported", "true"), ("passed", "false")]
    text = text_of(document)
    assert "✗! FAIL unix-stream expected -1 EADDRINUSE actual 0" in text
    assert "(✗) FAIL inet-stream lets both listen" in text
    assert "✓! PASS inet-stream FAIL was expected: was broken" in text
    assert "accept.blocks" not in text
    assert 'aria-label="bind_taken/inet-stream: PASS"' in document


@needs_browser
@pytest.mark.parametrize("fragment, there, absent", [
    ("q=backlog", "listen.backlog", "bind.taken"),
    ("verdict=UNTESTED,UNSUPPORTED", "send.far", "bind.taken"),
    ("surprises=1", "poll.fixed", "listen.twice"),
    ("kind=unix-stream", "bind.taken", "poll.fixed"),
    ("document=posix", "accept.blocks", "No run matches"),
    ("open=passed&shut=surprise", "accept.blocks", "bind.taken"),
    ("q=twice+listen&shut=passed", "listen.twice", "bind.taken"),
    ("document=rfc", "No run matches", "bind.taken"),
])
def test_a_filter_is_a_link(tmp_path, fragment, there, absent):
    text = text_of(drawn(written(sample(), tmp_path), fragment, tmp_path))
    assert there in text and absent not in text


@needs_browser
def test_a_pair_is_drawn_as_a_sequence_chart(tmp_path):
    document = drawn(written(sample(), tmp_path), "run=accept_blocks/inet-stream", tmp_path)
    chart = re.search(r"<svg.*?</svg>", document, re.S)[0]
    assert chart.count('class="life"') == 2
    assert "accept = 5 after 2.00 ms" in chart and 'class="blocked never"' in chart and "✗ never returned" in chart
    assert chart.count('class="arrow handover"') == 1 and chart.count('class="arrow handover seen"') == 1
    assert "12 calls left out" in chart
    text = text_of(document)
    assert "build/conformance accept_blocks/inet-stream" in text and "POSIX.1-2024 XSH" in text and "The notes line 7" in text
    assert "0.000700 server accept(3, NULL, NULL) = 5 <0.002000>" in text and "recv(5, [16], 16, 0) never returned" in text


@needs_browser
def test_a_solo_run_is_drawn_against_the_system(tmp_path):
    chart = re.search(r"<svg.*?</svg>", drawn(written(sample(), tmp_path), "run=bind_taken/unix-stream", tmp_path), re.S)[0]
    assert "the system" in chart and "= -1 EADDRINUSE" in chart and "recv after 1.50 s" in chart


@needs_browser
def test_a_long_call_is_shortened_in_the_middle_and_keeps_its_result(tmp_path):
    long = call("server", 0, 0, f'send(3, "{"x" * 200}"..., 4096, MSG_EOR)', "4096")
    results = sample([run("talk_much", transcript=[long])])
    chart = re.search(r"<svg.*?</svg>", drawn(written(results, tmp_path), "run=talk_much/inet-stream", tmp_path), re.S)[0]
    assert re.search(r'>send\(3, "x+…x+"\.\.\., 4096, MSG_EOR\) = 4096<title>', chart)


@needs_browser
def test_a_detail_tells_what_was_expected_and_how_to_see_it_again(tmp_path):
    library = {"backend": "library ./my stack.so my_"}
    document = drawn(written(sample(environment=library), tmp_path), "run=listen_twice/inet-stream", tmp_path)
    assert '<a href="https://bugs.example/7" rel="noreferrer">' in document
    assert "build/conformance --library './my stack.so' --prefix my_ listen_twice/inet-stream" in text_of(document)
    both = run("talk_twice", verdict="FAIL", message="solo FAIL at cases/talk_twice.c:9: call()\n    expected 1\n    actual   0",
               roles=[{"role": "solo", "verdict": "FAIL", "site": "cases/talk_twice.c:9: call()", "message": "expected 1\nactual   0"}])
    told = text_of(drawn(written(sample([both]), tmp_path), "run=talk_twice/inet-stream", tmp_path))
    assert told.count("actual 0") == 1
    gone = drawn(written(sample(), tmp_path), "run=gone/inet-stream", tmp_path)
    assert "There is no result of gone/inet-stream here." in text_of(gone)


@needs_browser
def test_repetitions_share_a_cell_and_have_a_page_each(tmp_path):
    path = written(sample([run("many_times", repetition=number, verdict="FAIL" if number == 2 else "PASS", message=f"time {number}")
                           for number in (1, 2, 3)]), tmp_path)
    assert "FAIL, a surprise in 1 of 3 repetitions" in drawn(path, "", tmp_path)
    assert "repetition 2 of 3" in text_of(drawn(path, "run=many_times/inet-stream&repetition=2", tmp_path))


@needs_browser
def test_the_claims_stand_with_verdict_and_evidence(tmp_path):
    document = drawn(written(sample(), tmp_path), "view=notes", tmp_path)
    text = text_of(document)
    assert "C2 line 9 listen() blocks It returns at once. Contradicted by listen.backlog ✓ inet-stream ✗ contradicted" in text
    assert 'href="#view=notes&amp;run=listen_backlog/inet-stream"' in document
    assert "accept() waits" not in text_of(drawn(written(sample(), tmp_path), "view=notes&claims=contradicted", tmp_path))


@needs_browser
def test_observed_values_stand_by_case_and_kind(tmp_path):
    text = text_of(drawn(written(sample(), tmp_path), "view=observed", tmp_path))
    assert "listen_backlog backlog 0 admits 3 default 128" in text


@needs_browser
@pytest.mark.parametrize("fragment", ["", "view=observed", "run=hostile_text/inet-stream"])
def test_hostile_text_stays_text_in_a_browser(tmp_path, fragment):
    document = drawn(written(sample([hostile()], [HOSTILE], complete=False), tmp_path), fragment, tmp_path)
    assert "<img" not in document and "<title>taken" not in document and 'href="javascript:' not in document
    assert "</script><script>document.title='taken'" in markup.unescape(document)


@needs_browser
def test_three_thousand_runs_open(tmp_path):
    text = text_of(drawn(written(many(3000), tmp_path), "open=passed", tmp_path))
    assert "3009 runs, 508 requirements" in text and "area5.case_499" in text


@needs_browser
def test_results_without_a_run_open(tmp_path):
    results = sample()
    empty = Results({**results.header, "planned": [], "claims": []}, [], {"summary": {}, "runs": 0, "seconds": 0})
    for fragment, words in (("", "There are no runs"), ("view=notes", "say nothing of the notes"), ("view=observed", "No value was observed")):
        assert words in text_of(drawn(written(empty, tmp_path), fragment, tmp_path))
