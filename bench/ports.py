"""Addresses for servers that have to be told theirs before they start."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice

# Below those that Linux (from 32768) and macOS (from 49152) give to whoever asks for any.
PORTS = range(20_000, 30_000)


@contextmanager
def reserved(count: int) -> Iterator[list[str]]:
    """Keep ports of this machine for servers that are told of them.

    Nobody who asks for any port is given one of these, and nobody who reserves some is given
    the same. A server can open its own at once; until then, who connects to it is refused.

    Args:
        count: how many.

    Yields:
        Their addresses, `127.0.0.1:port`.
    """
    with ExitStack() as stack:
        yield list(islice((f"127.0.0.1:{port}" for port in PORTS if _keep(port, stack)), count))


def _keep(port: int, stack: ExitStack) -> bool:
    """Mark a port as taken, by its twin for datagrams, unless it is taken already."""
    mark = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
    try:
        mark.bind(("127.0.0.1", port))
        with socket.socket() as probe:
            probe.bind(("", port))  # at every address, as TensorFlow's servers are
    except OSError:
        return False
    return True
