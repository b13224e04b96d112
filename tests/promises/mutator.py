"""Damage files, and make up others that would run code: the same for the same number."""

import io
import json
import marshal
import os
import pickle
import struct
import zipfile
import zlib
from functools import partial

import numpy as np

OBJECTS = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"


class Payload:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def flips(content, rng):
    """Other bits, 1 to 8 of them."""
    changed = bytearray(content)
    for at in rng.integers(0, len(content), rng.integers(1, 9)):
        changed[at] ^= 1 << rng.integers(8)
    return bytes(changed)


def cut(content, rng):
    """The end is missing."""
    return content[: rng.integers(0, len(content))]


def hole(content, rng):
    """A piece is missing, or zeros, or there twice."""
    a, b = sorted(rng.integers(0, len(content), 2))
    middle = [b"", bytes(b - a), 2 * content[a:b]][rng.integers(3)]
    return content[:a] + middle + content[b:]


def extremes(content, rng):
    """Some bytes at the beginning, where headers are, or anywhere, at their limits."""
    changed = bytearray(content)
    reach = len(content) if rng.integers(2) else min(128, len(content))
    at, size = rng.integers(0, reach), rng.integers(1, 5)
    fill = [b"\xff", b"\x00", b"\x7f", b"\x80"][rng.integers(4)]
    changed[at : at + size] = fill * len(changed[at : at + size])
    return bytes(changed)


PLAIN = (flips, flips, cut, hole, extremes)


def members_of(content):
    """The members of an archive, by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def archive(members, **how):
    """An archive with right checksums."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", **how) as file:
        for name, content in members:
            file.writestr(name, content)
    return made.getvalue()


WAYS = 6  # to repack an archive


def repacked(content, rng, canary, choice):
    """An archive with right checksums, in which a member is changed, lost, swapped or a pickle."""
    members = members_of(content)
    one, other = rng.choice([*members], 2, replace=False)
    if choice == 0:
        members[one], members[other] = members[other], members[one]
    elif choice == 1:
        del members[one]
    elif choice == 2:
        members[one] = PLAIN[rng.integers(len(PLAIN))](members[one] or b"\0", rng)
    elif choice == 3:
        members[one] = pickled(rng, canary, rng.integers(2))
    elif choice == 4:
        members[f"../{one}"] = members[one]
    else:
        members[one] = npy_header(members[one], rng)
    return archive(members.items())


def pickled(rng, canary, inside):
    """A pickle that leaves the canary behind, as it is or inside an `.npy`."""
    payload = pickle.dumps(Payload(canary), protocol=int(rng.integers(0, 5)))
    if not inside:
        return payload
    return npy(OBJECTS, payload)


def pickle_in_place(content, canary):
    """An archive whose arrays are all pickles: the first that is opened would run."""
    payload = npy(OBJECTS, pickle.dumps(Payload(canary)))
    return archive((name, payload) for name in members_of(content))


def npy(header, content):
    """An `.npy` of version 1."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n" + content


def npy_header(content, rng):
    """Another header of an `.npy`."""
    shapes = [b"(10**12,)", b"(1000000000000,)", b"(-4, 16)", b"()", b"(4, 16, 1)", b"'a'", b"(4,"]
    kinds = [
        b"'|O'",
        b"'<f8'",
        b"'<U9'",
        b"'<M8[s]'",
        b"'<c8'",
        b"[('a', '<f4')]",
        b"__import__('os')",
    ]
    shape, kind = shapes[rng.integers(len(shapes))], kinds[rng.integers(len(kinds))]
    order = [b"True", b"False", b"None"][rng.integers(3)]
    header = b"{'descr': " + kind + b", 'fortran_order': " + order + b", 'shape': " + shape + b", }"
    return npy(header, content[128:])


def chunk(kind, content):
    """A chunk of a PNG, with its checksum."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png_header(content, rng):
    """A PNG with another size, depth or color, or a text that is large when unpacked."""
    sizes = [0, 1, 15, 17, 1000, 20_000, 2**20, 2**31 - 1]
    width, height = (sizes[rng.integers(len(sizes))] for _ in range(2))
    if rng.integers(2):
        width = height = 16
    bits, color = int(rng.choice([1, 8, 16, 3])), int(rng.choice([0, 2, 3, 6, 9]))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0))
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**24))) if rng.integers(2) else b""
    return content[:8] + header + text + content[33:]


def jpeg_header(content, rng):
    """A JPEG of another size."""
    at = content.find(b"\xff\xc0")
    size = struct.pack(">HH", *rng.choice([0, 1, 17, 9000, 65535], 2).astype(int).tolist())
    return content[: at + 5] + size + content[at + 9 :]


def keras_config(content, rng, canary):
    """A `.keras` with other classes, values or layers in its configuration."""
    members = members_of(content)
    config = json.loads(members["config.json"])
    line = f"touch {canary}"
    code = marshal.dumps(compile(f"lambda x: __import__('os').system({line!r})", "a", "eval"))
    coded = {"class_name": "__lambda__", "config": {"value": code.hex()}}
    function = {
        "class_name": "function",
        "module": "os",
        "config": "system",
        "registered_name": "system",
    }
    layer = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
    layer["config"] = {"name": "a", "trainable": True, "dtype": "float32", "function": coded}
    system = {
        "module": "os",
        "class_name": "system",
        "config": {"command": line},
        "registered_name": "x",
    }
    evaluated = {"module": "builtins", "class_name": "eval", "config": {"source": line}}
    opened = {"module": "subprocess", "class_name": "Popen", "config": {"args": line.split()}}
    wrong = [None, -1, "a", [], {}, 1e300, "__import__('os')", True, [1, 2]]
    made_up = [coded, function, layer, system, evaluated, opened, *wrong]
    chosen = made_up[rng.integers(len(made_up))]
    inner = config["config"]
    names = [*inner, "encoder", "decoder", "likelihood"]
    where = rng.integers(5)
    if where == 0:
        config = chosen if isinstance(chosen, dict) else {**config, "class_name": chosen}
    elif where == 1:
        config["compile_config"][str(rng.choice([*config["compile_config"], "loss"]))] = chosen
    elif where == 2:
        config[str(rng.choice([*config]))] = chosen
    else:
        inner[str(rng.choice(names))] = chosen
    members["config.json"] = json.dumps(config).encode()
    return archive(members.items())


def mutated(kind, content, number, canary):
    """A damaged or made-up file of a kind, and what was done to it."""
    rng = np.random.default_rng([number, *kind.encode()])
    made_up = ways_to_make_up(kind, content, rng, canary)
    if number < len(made_up):  # each of them once, before any is drawn
        return made_up[number](), "made up"
    if rng.integers(2):
        return made_up[rng.integers(len(made_up))](), "made up"
    how = PLAIN[rng.integers(len(PLAIN))]
    return how(content, rng), how.__name__


def ways_to_make_up(kind, content, rng, canary):
    """What makes files of a kind that are whole and hold something else."""
    pickles = [partial(pickled, rng, canary, inside) for inside in (False, True)]
    archives = [partial(repacked, content, rng, canary, choice) for choice in range(WAYS)]
    archives.append(partial(pickle_in_place, content, canary))
    return {
        "npy": [partial(npy_header, content, rng), *pickles],
        "png": [partial(png_header, content, rng)],
        "jpg": [partial(jpeg_header, content, rng)],
        "keras": [partial(keras_config, content, rng, canary), *archives],
    }.get(kind, archives + pickles)
