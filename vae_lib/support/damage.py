"""What a damaged file raises."""

import struct
import tokenize
import zipfile
import zlib

# All that a file of arrays can raise which is unreadable, truncated, damaged, encrypted or made up.
# Most mistakes of our own are not among them and stay visible.
FAULTS = (
    OSError,
    ValueError,  # DataError is one, and so is what text raises that is no UTF-8
    KeyError,
    EOFError,
    MemoryError,  # for the size that a header claims
    RuntimeError,  # encrypted, or packed in a way that Python does not know
    SyntaxError,  # a header that is no Python literal; of it, a few versions let out
    OverflowError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
