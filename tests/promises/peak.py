"""How much memory a process took."""

import re
import resource
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_bytes():
    """The most memory that this process has had."""
    if STATUS.exists():  # on Linux ru_maxrss begins with what the parent had
        return 1024 * int(re.search(r"VmHWM:\s+(\d+)", STATUS.read_text())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # of macOS, in bytes
