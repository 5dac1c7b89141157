"""Ports on loopback: find free ones, and say it plainly when a wanted one is taken."""

import contextlib
import errno
import socket

from tenantry.demo.problems import DemoProblem

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """
    Choose `count` different ports that nobody listens on.

    All are held open until the last one is found, so that no port comes twice. Another program may
    still take one before it is used; whoever binds it must be ready to ask again.
    """
    with contextlib.ExitStack() as held:
        ports = []
        for _ in range(count):
            probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            probe.bind((LOOPBACK, 0))
            ports.append(int(probe.getsockname()[1]))
        return ports


def free_port() -> int:
    """Choose one port that nobody listens on."""
    return free_ports(1)[0]


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port of the loopback address now."""
    try:
        _try_to_listen(port)
    except OSError:
        return False
    return not answers(port)


def answers(port: int) -> bool:
    """Say whether someone accepts connections on this port of the loopback address."""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=0.5):
        return True
    return False


def require_free(port: int, *, option: str = "--port") -> int:
    """
    Give the port back, or raise a DemoProblem that says why it cannot be had.

    `option` is the command-line option by which another port can be chosen.
    """
    try:
        _try_to_listen(port)
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            raise _taken(port, option) from None
        if number == errno.EACCES:
            raise DemoProblem(
                f"Port {port} needs more rights than this account has; say {option} N with a "
                f"number above 1023."
            ) from None
        raise DemoProblem(
            f"Port {port} cannot be used ({error}); say {option} N with another number."
        ) from None
    # A server on the wildcard address leaves the loopback address bindable on some systems.
    if answers(port):
        raise _taken(port, option)
    return port


def preferred_or_free(port: int) -> int:
    """Give this port when it is free, and any free one when it is not: for parts nobody types."""
    return port if is_free(port) else free_port()


def _taken(port: int, option: str) -> DemoProblem:
    return DemoProblem(f"Port {port} is taken by another program; say {option} N or stop it.")


def _try_to_listen(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of the last run that are still closing are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, port))
        probe.listen(1)
