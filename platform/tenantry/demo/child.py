"""
The last step before a program: become its process, in its own session, tied to its parent's life.

Run as a script by path, with `-I -S`, so that it needs nothing but the standard library and starts
in some 20 ms. It replaces itself by the program, so the process id does not change. Doing this here
and not between fork and exec is what makes it safe in a process with threads.

    child.py PARENT DEATH_SIGNAL USER GROUP -- PROGRAM ARGUMENT...

USER and GROUP are numbers, or `-` to stay who we are.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_GONE = 125  # the parent died before we were tied to it


def become(arguments: list[str]) -> None:
    """Drop rights, tie our life to the parent's, and turn into the program."""
    parent, death_signal, user, group, _, *argv = arguments
    if user != "-":
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
    os.umask(0o077)
    # After setuid, since a change of user clears it.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(_GONE)
    # Ignored signals are inherited through exec: by Python's own habit, or from a shell's `&`.
    for each in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
    try:
        os.execv(argv[0], argv)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.exit(f"{argv[0]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    become(sys.argv[1:])
