"""What a run costs beside the bare forks: CPU time by the kernel's accounts, of a thousand runs and more."""
import json
import os
import subprocess
import sys
import time

BUILD = sys.argv[1]
RUNS = 1000


def cost(*command):
    """Gives CPU seconds (with all children's) and wall seconds of a command."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) > 1:
        sys.exit(f"bench: {command[0]} ended with status {status}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - start


def show(name, runs, seconds):
    cpu, wall = seconds
    print(f"{name:44} {runs:6} runs  {1000 * cpu / runs:7.3f} ms CPU a run  {1000 * wall / runs:7.3f} ms wall a run")
    return 1000 * cpu / runs


def main():
    selection = ["--document", "notes", "--slow", "no"]
    listed = subprocess.run([f"{BUILD}/conformance", "--list", *selection], capture_output=True, check=True).stdout
    count = sum(len(case["kinds"]) for case in json.loads(listed))
    repeat = -(-RUNS // count)
    forks = show("bare forks, two processes a run", RUNS, cost(f"{BUILD}/forks", str(RUNS)))
    empty = show("a case without calls, one process a run", RUNS,
                 cost(f"{BUILD}/selftest", "--repeat", str(RUNS), "does_nothing/unix-stream"))
    pair = show("a case without calls, two processes a run", RUNS,
                cost(f"{BUILD}/selftest", "--repeat", str(RUNS), "does_nothing_twice/unix-stream"))
    notes = show("the notes' cases", count * repeat, cost(f"{BUILD}/conformance", "--repeat", str(repeat), *selection))
    print(f"beyond the forks, a run with two roles costs {pair - forks:.3f} ms CPU; a run of the notes' cases, with all that "
          f"its calls do, {notes - forks:.3f} ms; of one role {empty - forks / 2:.3f} ms")
    slowest = sorted((line for line in report(selection)), key=lambda line: -line["seconds"])[:8]
    print("longest:", ", ".join(f"{line['run']} {1000 * line['seconds']:.0f} ms" for line in slowest))


def report(selection):
    reading, writing = os.pipe()
    process = subprocess.Popen([f"{BUILD}/conformance", "--report", f"/dev/fd/{writing}", *selection],
                               stdout=subprocess.DEVNULL, pass_fds=[writing])
    os.close(writing)
    with open(reading, encoding="utf-8") as lines:
        yield from (run for run in map(json.loads, lines) if "run" in run)
    process.wait()


if __name__ == "__main__":
    main()
