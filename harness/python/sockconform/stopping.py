"""Signals that ask to end: the first one interrupts, later ones wait until what was found is written."""

import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
by = []  # the signal that ended this invocation


def listen():
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup, or in the background
            signal.signal(number, _interrupt)


def _interrupt(number, _):
    ignore()
    by.append(number)
    raise KeyboardInterrupt


def ignore():
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
