"""What this environment can and cannot decide, and how to get the rest."""

import importlib.util
import os
import shutil

from . import ROOT, SetupError
from .implementations import load
from .program import Program
from .terminal import console

MODULES = ("pytest", "rich", "jinja2", "junitparser")


def packages(*names):
    return f"{'' if os.getuid() == 0 else 'sudo '}apt-get install -y {' '.join(names)}"


def building():
    """(has it, what, what follows, how to get it), of what building and testing need."""
    compilers = [name for name in ("gcc", "clang") if shutil.which(name)]
    yield bool(compilers), "C compiler", ", ".join(compilers) or "the program cannot be built", packages("gcc")
    check = any(os.path.exists(f"{folder}/check.h") for folder in ("/usr/include", "/usr/local/include"))
    yield check, "libcheck", "check.h" if check else "the program cannot be built", packages("check")
    yield bool(shutil.which("make")), "make", "", packages("make")
    for name in ("gdb", "strace"):
        found = bool(shutil.which(name))
        yield found, name, "" if found else "only `sockconform show`'s commands need it", packages(name)
    missing = [name for name in MODULES if not importlib.util.find_spec(name)]
    yield (not missing, "Python packages", f"{', '.join(missing)} missing: no run, no reports" if missing else ", ".join(MODULES),
           packages(*(f"python3-{name}" for name in missing)))


def deciding(environment, cases):
    """The same, of what the program says that it can decide."""
    own = environment["network"] == "own"
    reason = environment.get("network_reason") or "not permitted"
    yield (own, "own network", "runs share it with nothing" if own else f"shared with this machine ({reason}): "
           "ports of others can be in the way, and cases that need an empty network are UNTESTED",
           "run as root, or allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1, user.max_user_namespaces=10000, "
           "kernel.apparmor_restrict_unprivileged_userns=0; in Docker: --security-opt seccomp=unconfined or --cap-add SYS_ADMIN")
    for key, name, how in (("loopback_inet", "IPv4 loopback", "ip link set lo up"),
                           ("loopback_inet6", "IPv6 loopback", "sysctl -w net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.lo.disable_ipv6=0")):
        kinds = name[:4].replace("IPv4", "inet").replace("IPv6", "inet6")
        yield environment[key], name, "" if environment[key] else f"runs over {kinds} kinds are UNTESTED", how
    proc = environment["proc"]
    yield (proc == "full", "/proc", "blocking is seen as it happens" if proc == "full" else f"{proc}: whether a peer is blocked "
           "is found by the fallbacks, more slowly; what cannot be seen is UNTESTED", "mount -t proc proc /proc (without hidepid)")
    root = environment["user"] == "root"
    yield (root, "privilege", "root: privileged ports are decided both ways" if root else
           "a plain user: cases that need privilege are UNTESTED", "run as root")
    slow = sum(len(case["kinds"]) for case in cases if case["slow"])
    fast = sum(len(case["kinds"]) for case in cases) - slow
    yield True, "runs", f"{fast}, and {slow} slow ones (a minute and more, all at once; --slow no leaves them out)", ""
    yield True, "processors", f"{len(os.sched_getaffinity(0))}: as many programs at once", ""


def examine(name):
    out = console()
    status = 0

    def tell(rows):
        for good, what, text, how in rows:
            mark = "[green]yes[/]" if good else "[bold red]no [/]"
            out.print(f"  {mark} {what}" + (f": {text}" if text else ""))
            if not good:
                out.print(f"      to get it: [bold]{how}[/]")

    out.print("[bold]To build, run and report[/]")
    rows = list(building())
    tell(rows)
    if any(not good for good, what, _, _ in rows if what == "Python packages"):
        status = 2
    try:
        implementation = load(name)
        program = Program(implementation)
        environment, cases = program.environment(), program.list()
        out.print(f"[bold]To decide about {name}: {implementation.title}[/]")
        tell(deciding(environment, cases))
        implementation.expectations.check(cases)
    except SetupError as error:
        out.print("[bold]The program[/]")
        tell([(False, "ready", str(error), f"make -C {ROOT}")])
        status = 2
    return status
