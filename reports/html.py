"""report.html: one self-contained file with the results, the page's style and its script inside."""

import base64
import hashlib
import json
import os
from pathlib import Path

import jinja2
from sockconform.results import VERDICTS, outcome

HERE = Path(__file__).resolve().parent
OF_THE_REQUIREMENT = ("statement", "strength", "documents")  # the same in each of its runs: kept once
GLYPHS = {"PASS": "✓", "FAIL": "✗", "UNRESOLVED": "?", "UNSUPPORTED": "–", "UNTESTED": "○"}


def write(results, path):
    """Writes the page under a temporary name and renames it: a reader never sees half a page."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(page(results), encoding="utf-8", errors="backslashreplace")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def page(results):
    """The whole page as text. The browser may run this script only: a second line of defence
    against text of the results that poses as markup."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    script = (HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("page.html.j2").render(
        results=results,
        header=results.header,
        facts=facts(results),
        verdicts=[(name, GLYPHS[name], results.summary[name]) for name in VERDICTS],
        expected=sum(outcome(run) == "departure" for run in results.runs),
        not_counted=sum(outcome(run) == "not counted" for run in results.runs),
        bad=[run for run in results.runs if outcome(run) in ("surprise", "departure", "not counted")],
        policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
               "img-src data:; base-uri 'none'; form-action 'none'",
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        script=script,
        data=embedded(data(results)))


def data(results):
    """What the script draws from. Keys without a value are left out of the calls, which are most of the file."""
    requirements = {}
    for run in results.runs:
        requirements.setdefault(run["requirement"], {key: run.get(key) for key in OF_THE_REQUIREMENT})
    runs = []
    for run in results.runs:
        kept = {key: value for key, value in run.items() if key not in OF_THE_REQUIREMENT}
        kept["outcome"] = outcome(run)
        kept["transcript"] = [{key: value for key, value in call.items() if value is not None and value is not False}
                              for call in run.get("transcript") or ()]
        runs.append(kept)
    claims = [{key: value for key, value in vars(claim).items() if key != "evidence"} for claim in results.claims]
    return {"backend": results.header.get("environment", {}).get("backend") or "native",
            "requirements": requirements, "runs": runs, "claims": claims}


def embedded(value):
    """JSON that may stand in a script element: ASCII only, and nothing in it that could end the element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def facts(results):
    """The environment as short phrases, each with a mark when it keeps requirements from being decided."""
    environment = results.header.get("environment", {})
    told = [(" ".join(environment.get(key, "") for key in ("system", "release", "machine")).strip(), False),
            ({"root": "as root", "plain": "as a plain user"}.get(environment.get("user"), ""), False)]
    if environment.get("network") == "own":
        told.append(("own network namespace", False))
    elif environment.get("network"):
        reason = environment.get("network_reason")
        told.append(("shared network" + (f" ({reason})" if reason else ""), True))
    for key, name in (("loopback_inet", "IPv4"), ("loopback_inet6", "IPv6")):
        if environment.get(key) is False:
            told.append((f"no {name} loopback", True))
    if environment.get("proc") not in ("full", None):
        told.append((f"/proc: {environment['proc']}", True))
    if environment.get("backend", "native") != "native":
        told.append((environment["backend"], False))
    if environment.get("preload"):
        told.append((f"preloaded {environment['preload']}", False))
    if environment.get("cpus"):
        told.append((f"{environment['cpus']} CPU" + "s" * (environment["cpus"] != 1), False))
    if results.header.get("repeat", 1) > 1:
        told.append((f"each run {results.header['repeat']} times", False))
    if results.seconds is not None:
        told.append((f"{results.seconds:.1f} s", False))
    return [fact for fact in told if fact[0]]
