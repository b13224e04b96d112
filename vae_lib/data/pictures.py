"""Images of the reader's own: a folder of pictures, an archive of arrays, or an array.

Whatever they were, they become float32 in [0, 1], `(n, height, width, colors)`, and the set says
what was done to them.
"""

import hashlib
import json
import math
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from vae_lib.data.archive import DataError, one_error
from vae_lib.support.damage import FAULTS
from vae_lib.support.files import write_whole
from vae_lib.support.numbers import array, seed_of, shown, whole
from vae_lib.support.printing import visible
from vae_lib.support.progress import progress_bar

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
SUFFIXES = {".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp"}
OTHER_PICTURES = {".gif", ".tif", ".tiff", ".heic", ".heif", ".avif", ".svg", ".raw", ".psd"}
PICTURES = "PNG, JPEG, WebP or BMP pictures"
# Pillow only warns of more, and filters of warnings are no matter of a single thread.
MOST_PIXELS = 89_478_485
SHARE_OF_MEMORY = 0.5  # that images may take: training needs as much again
LIMIT_OF_MEMORY = Path("/sys/fs/cgroup/memory.max")  # of a container
# Names that people give to images in an archive, and to their classes.
NAMES_OF_IMAGES = ("x", "images", "data", "arr_0")
NAMES_OF_CLASSES = ("y", "labels", "label", "target", "targets")

# The largest number of a type, and what such numbers are called.
WHITE = {"uint8": (255, "Bytes"), "uint16": (65535, "Numbers of 16 bits")}

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Images:
    """A set of images, split into those to train on and those held out.

    Attributes:
        x_train: float32 images in [0, 1], `(n, height, width, colors)`, colors 1 or 3.
        x_test: the images that were held out.
        y_train: the class of each image as a number, `(n,)`; None where there are no classes.
        y_test: likewise.
        classes: the name of each class.
        names: of the held-out images, to find them again: their files, or their numbers.
        name: of the set.
        done: what was done to the images, in words.
    """

    x_train: NDArray[np.float32]
    x_test: NDArray[np.float32]
    y_train: NDArray[np.int64] | None
    y_test: NDArray[np.int64] | None
    classes: tuple[str, ...]
    names: tuple[str, ...]
    name: str
    done: tuple[str, ...] = field(default=())

    @property
    def x_shape(self) -> tuple[int, ...]:
        """The shape of an image."""
        return self.x_train.shape[1:]

    def __repr__(self) -> str:
        height, width, colors = self.x_shape
        kind = "gray" if colors == 1 else "color"
        sizes = f"{len(self.x_train):,} to train on, {len(self.x_test):,} held out"
        classes = f", {len(self.classes)} classes" * bool(self.classes)
        done = "".join(f"\n{each}" for each in self.done)
        return visible(f"{self.name}: {kind} images of {height}×{width}{classes}: {sizes}.{done}")


class _Read(NamedTuple):
    """Images as they were found, `(n, height, width, colors)` bytes or numbers in [0, 1]."""

    images: NDArray[Any]
    labels: NDArray[Any] | None
    names: tuple[str, ...]
    done: tuple[str, ...]


def load_images(
    source: Any,
    *,
    size: int | tuple[int, int] | None = None,
    color: bool | None = None,
    held_out: float = 0.1,
    seed: int = 0,
) -> Images:
    """Load images of your own, and hold some of them out.

    A folder's pictures are kept decoded in the user's cache, so that the next time they are there
    at once.

    Args:
        source: a folder of PNG, JPEG, WebP or BMP pictures, in subfolders by class or without; a
            file `.npz` or `.npy`; or an array, `(n, height, width)`, `(n, height, width, colors)`
            or rows of square images. An archive may be split already, as `x_train` and `x_test`.
        size: to which pictures of a folder are scaled, their longer side cropped evenly: a number
            for squares, or `(height, width)`. Without it they stay as they are, all of one size.
        color: whether images have three colors or are gray; None for gray where all of them are.
        held_out: the share of the images that is held out, unless the source is split; 1 for all,
            in the order of their names: new pictures, for a model that is trained.
        seed: of the choice of these, and of the order of all: the first are of any class.

    Raises:
        DataError: the source does not exist, or holds something else. Says which file, and the
            remedy.
        ValueError: another argument is not what it may be.
    """
    height_and_width = None if size is None else _checked_size(size)
    if color is not None and not isinstance(color, bool):
        raise ValueError(f"color was {shown(color)}; it may be True, False or None")
    if isinstance(held_out, bool) or not isinstance(held_out, int | float) or not 0 < held_out <= 1:
        raise ValueError(f"held_out was {shown(held_out)}; it may be a number above 0, at most 1")
    seed = seed_of(seed)
    if isinstance(source, str | os.PathLike):
        if not os.fspath(source):  # Path would make the current folder of it
            raise DataError(f"source was ''; it may be the path of a folder of {PICTURES}")
        path = Path(os.path.expanduser(source))  # noqa: PTH111 (pathlib's raises for "~nobody")
        if os.path.isdir(path):  # noqa: PTH112 (pathlib's raises where a name is too long)
            name = path.resolve().name
            read = _folder(path, height_and_width, color)
            return _split(read, name, held_out, seed)
        if not os.path.isfile(path):  # noqa: PTH113 (as above)
            raise DataError(
                f"{path}: there is no such file or folder; give a folder of {PICTURES}, or a file "
                ".npz or .npy"
            )
        origin = name = path.resolve().name
        arrays = _arrays_of(path)
    else:
        origin, name, arrays = "source", "images", {"x": _as_array(source)}
    if height_and_width is not None:
        raise DataError(
            f"size was {size!r}, which is for folders of pictures; arrays stay as they are"
        )
    return replace(_from_arrays(arrays, origin, color, held_out, seed), name=name)


def _checked_size(size: Any) -> tuple[int, int]:
    pair = tuple(size) if isinstance(size, tuple | list) else (size, size)
    with suppress(ValueError):
        if len(pair) == 2:
            height, width = (whole("size", n, 4, 4096) for n in pair)
            return height, width
    raise ValueError(
        f"size was {shown(size)}; it may be a whole number from 4 to 4096, or two of them"
    )


# Folders of pictures


def _folder(folder: Path, size: tuple[int, int] | None, color: bool | None) -> _Read:
    """Read a folder's pictures, or take them from the cache."""
    paths, left_out = _pictures_in(folder)
    key = _key(paths, size, color)
    stored = _cache_of(folder, size, color)
    if (found := _from_cache(stored, key)) is None:
        found = _decoded(paths, size, color)
        _to_cache(stored, key, *found)
    images, done = found
    if left_out:
        others = ", ".join(left_out[:3]) + ", …" * (len(left_out) > 3)
        done = (*done, f"Left out, being no pictures: {others}.")
    names = tuple(str(path.relative_to(folder)) for path in paths)
    classes = [path.relative_to(folder).parts[0] for path in paths]
    in_classes = all(len(path.relative_to(folder).parts) > 1 for path in paths)
    labels = np.array(classes) if in_classes and len(set(classes)) > 1 else None
    return _Read(images, labels, names, done)


def _pictures_in(folder: Path) -> tuple[list[Path], list[str]]:
    """Find the pictures of a folder and of its subfolders, in order, and name what is none.

    Hidden files are passed over; links are followed, each folder once.
    """
    pictures: list[Path] = []
    others: list[Path] = []
    seen = set()
    for place, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        if (real := os.path.realpath(place)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in sorted(Path(place, name) for name in files if not name.startswith(".")):
            suffix = path.suffix.lower()
            if suffix in OTHER_PICTURES:
                raise DataError(
                    f"{path}: this kind of picture is not read; save it as PNG or JPEG."
                )
            (pictures if suffix in SUFFIXES else others).append(path)
    if not pictures:
        raise DataError(
            f"{folder}: it holds no pictures; it may hold {PICTURES}, in subfolders, too."
        )
    return pictures, [path.name for path in others]


def _refuse(error: OSError) -> None:
    raise DataError(f"{error.filename}: the folder cannot be read ({error.strerror}).")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a picture; whatever is wrong with it becomes one sentence.

    Raises:
        DataError: it is none, or damaged, or an animation.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open another may take for ever
            raise DataError(f"{path}: it is no regular file; delete it, or move it away.")
        with Image.open(path, formats=FORMATS) as picture:
            if math.prod(picture.size) > (Image.MAX_IMAGE_PIXELS or MOST_PIXELS):
                raise Image.DecompressionBombError
            frames = getattr(picture, "n_frames", 1)
            if frames > 1 and picture.format != "MPO":  # of a phone: the first is the photo
                raise DataError(f"{path}: it is an animation of {frames} pictures; save one.")
            yield picture
            return
    except DataError:
        raise
    except UnidentifiedImageError:
        fault = "no PNG, JPEG, WebP or BMP picture"
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        fault = f"larger than {Image.MAX_IMAGE_PIXELS or MOST_PIXELS:,} pixels"
    except FileNotFoundError:
        fault = "a link to nowhere"
    except PermissionError:
        fault = "not to be read (permission denied)"
    except Exception as error:  # whatever a decoder meets in a damaged file
        fault = f"truncated or damaged ({error})"
    raise DataError(f"{path}: it is {fault}; delete it, or put a whole picture in its place.")


class _Picture(NamedTuple):
    """A decoded picture, `(height, width, 3)`; had it transparent parts, or another size?"""

    pixels: Bytes
    is_clear: bool
    is_scaled: bool


def _decode(path: Path, size: tuple[int, int] | None) -> _Picture:
    """Decode a picture as it is meant to be seen, and scale it where a size is asked for."""
    with _opened(path) as picture:
        upright = ImageOps.exif_transpose(picture)
        is_clear = upright.has_transparency_data
        if upright.mode.startswith("I"):  # 16 bits
            upright = Image.fromarray((np.asarray(upright) / 257).round().astype(np.uint8))
        if is_clear:
            white = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(white, upright.convert("RGBA"))
        colored = upright.convert("RGB")
        wanted = colored.size if size is None else size[::-1]
        is_scaled = colored.size != wanted
        if is_scaled:
            colored = ImageOps.fit(colored, wanted, Image.Resampling.LANCZOS)
        return _Picture(np.asarray(colored), is_clear, is_scaled)


def _decoded(
    paths: list[Path], size: tuple[int, int] | None, color: bool | None
) -> tuple[Bytes, tuple[str, ...]]:
    """Decode pictures, several at a time, to `(n, height, width, colors)`; say what was done."""
    first = _decode(paths[0], size)
    height, width, _ = first.pixels.shape
    _refuse_too_many(len(paths), height, width, 1 if color is False else 3, paths[0].parent)
    images, clear, scaled = np.empty((len(paths), height, width, 3), np.uint8), 0, 0
    decode = partial(_decode, size=size)
    with ThreadPoolExecutor() as pool, progress_bar(len(paths), unit="picture") as bar:
        for i, (path, picture) in enumerate(zip(paths, pool.map(decode, paths), strict=True)):
            if picture.pixels.shape != first.pixels.shape:
                pool.shutdown(cancel_futures=True)
                other = "×".join(map(str, picture.pixels.shape[:2]))
                raise DataError(
                    f"{paths[0]} has {height}×{width} pixels, and {path} {other}; all may have one "
                    "size: give size=64, say, to which they are scaled and cropped."
                )
            images[i] = picture.pixels
            clear += picture.is_clear
            scaled += picture.is_scaled
            bar.update()
    done = []
    if scaled:
        done.append(f"Scaled to {height}×{width}; what is longer was cropped evenly.")
    if clear:
        done.append(f"Transparent parts are white; pictures with such parts: {clear:,}.")
    is_gray = bool((images == images[..., :1]).all())
    if color or (color is None and not is_gray):
        return images, tuple(done)
    if not is_gray:
        return _gray(images), (*done, "Made gray.")
    return images[..., :1].copy(), tuple(done)


def _gray(images: Bytes) -> Bytes:
    """Weigh colors as the eye does (ITU-R 601-2), `(n, height, width, 1)`."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    parts = np.array_split(images, -(-len(images) // 1000))  # to save memory
    return np.concatenate([(part @ weights).round().astype(np.uint8) for part in parts])[..., None]


def _refuse_too_many(n: int, height: int, width: int, colors: int, origin: Path) -> None:
    """Refuse images that would not fit in memory, before they are read."""
    needed, memory = 4 * n * height * width * colors, _memory()
    if needed > SHARE_OF_MEMORY * memory:
        fits = int(math.sqrt(SHARE_OF_MEMORY * memory / (4 * n * colors)))
        raise DataError(
            f"{origin}: {n:,} images of {height}×{width} pixels take {needed / 1e9:.1f} GB, and "
            f"half of this machine's memory is {SHARE_OF_MEMORY * memory / 1e9:.1f} GB; take "
            f"fewer of them, or size={fits} or less."
        )


def _memory() -> int:
    """Count the bytes of this machine's memory, or of those that its container may use."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # not there outside of Linux; without a limit it is "max"
        memory = min(memory, int(LIMIT_OF_MEMORY.read_text("ascii")))
    return memory


# The cache of decoded pictures


def _key(paths: list[Path], size: Any, color: Any) -> str:
    """Tell apart states of a folder: names, files, sizes, times of change.

    Two files that change places keep the times of their content: what tells them is their number.
    """
    digest = hashlib.sha256(json.dumps([size, color]).encode())
    for path in paths:
        with suppress(OSError):  # what cannot be read will say so
            state = path.stat()
            told = (path, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
            digest.update("\0".join(map(str, told)).encode(errors="replace"))
    return digest.hexdigest()


def _cache_of(folder: Path, size: Any, color: Any) -> Path | None:
    """Where a folder's pictures are kept decoded; None where there is no place."""
    import pooch  # imported here: only folders need it

    with suppress(RuntimeError, OSError):  # no home
        place = Path(pooch.os_cache("vae_lib"), "pictures")
        name = hashlib.sha256(json.dumps([str(folder.resolve()), size, color]).encode())
        if place.is_absolute():  # else it begins with a ~ that stands for no home
            return place / f"{name.hexdigest()[:32]}.npz"
    return None


def _from_cache(stored: Path | None, key: str) -> tuple[Bytes, tuple[str, ...]] | None:
    """Read decoded pictures; None where they are not there, or the folder has changed since."""
    if stored is None:
        return None
    with (
        suppress(*FAULTS),
        np.load(stored, allow_pickle=False) as file,
    ):
        if str(file["key"]) == key:
            return file["images"], tuple(map(str, file["done"]))
    return None


def _to_cache(stored: Path | None, key: str, images: Bytes, done: tuple[str, ...]) -> None:
    """Keep decoded pictures; a full disk or a locked folder is no reason to stop."""
    if stored is None:
        return
    with suppress(OSError):
        stored.parent.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = {
            "key": np.array(key),
            "images": images,
            "done": np.array(done, np.str_),
        }
        write_whole(stored, lambda file: np.savez(file, **arrays))


# Arrays


def _arrays_of(path: Path) -> dict[str, NDArray[Any]]:
    """Read a file of arrays."""
    remedy = "save the images anew, by np.savez(path, x=images)"
    if path.suffix.lower() in SUFFIXES:
        raise DataError(f"{path}: it is a single picture; give the folder of many.")
    with one_error(path, remedy), path.open("rb") as file:
        start = file.read(6)
        if not start.startswith((b"PK", b"\x93NUMPY")):
            raise DataError("it is neither .npz nor .npy")
        file.seek(0)
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"x": loaded}
        with loaded as archive:
            arrays = {name: archive[name] for name in archive.files}
        if others := [name for name, each in arrays.items() if not isinstance(each, np.ndarray)]:
            raise DataError(f"{others[0]} is no array")
        return arrays
    raise AssertionError


def _as_array(source: Any) -> NDArray[Any]:
    try:
        return array("source", source)
    except ValueError as refusal:
        raise DataError(
            f"{refusal}; or a folder of pictures, a file .npz or .npy, or an array of images."
        ) from None


def _from_arrays(
    arrays: dict[str, NDArray[Any]], name: str, color: bool | None, held_out: float, seed: int
) -> Images:
    """Make a set of images of arrays, split as they are or by chance."""
    if {"x_train", "x_test"} <= {*arrays}:
        x_train, x_test = arrays["x_train"], arrays["x_test"]
        if x_train.shape[1:] != x_test.shape[1:]:
            raise DataError(
                f"{name}: x_train and x_test hold images of two shapes; they may have one."
            )
        both = [np.atleast_1d(_of_numbers(x, name)) for x in (x_train, x_test)]
        read = _as_read(np.concatenate(both), name, color)
        _refuse_unlike(x_train, x_test, name)
        if {"y_train", "y_test"} <= {*arrays}:
            labels = [
                _as_labels(arrays[f"y_{part}"], len(arrays[f"x_{part}"]), name, f"y_{part}")
                for part in ("train", "test")
            ]
            read = read._replace(labels=np.concatenate(labels))
        rng, n = np.random.default_rng(seed), len(x_train)
        return _assembled(read, name, rng.permutation(n), n + rng.permutation(len(x_test)))
    found = [key for key in NAMES_OF_IMAGES if key in arrays]
    if not found and len(arrays) == 1:
        found = [*arrays]
    if not found:
        raise DataError(
            f"{name}: it holds the arrays {', '.join(arrays) or 'none'}; the images may be called "
            "x, or x_train and x_test."
        )
    read = _as_read(_of_numbers(arrays[found[0]], name), name, color)
    for key in [key for key in NAMES_OF_CLASSES if key in arrays][:1]:
        read = read._replace(labels=_as_labels(arrays[key], len(read.images), name))
    return _split(read, name, held_out, seed)


def _of_numbers(images: NDArray[Any], name: str) -> NDArray[Any]:
    """Refuse words, dates and complex numbers, of which an archive may be as well."""
    if images.dtype.kind not in "biuf":
        raise DataError(f"{name}: x held {images.dtype}; it may be an array of numbers.")
    return images


def _refuse_unlike(x_train: NDArray[Any], x_test: NDArray[Any], name: str) -> None:
    """Refuse parts that were not prepared alike: together they would be scaled wrongly."""
    parts = {"x_train": x_train, "x_test": x_test}
    if empty := [part for part, x in parts.items() if x.size == 0]:
        raise DataError(f"{name}: {empty[0]} holds no images; it may hold 1 or more.")
    small = [bool((x >= 0).all() and (x <= 1).all()) for x in parts.values()]
    if x_train.dtype == x_test.dtype and (x_train.dtype == np.uint8 or small[0] == small[1]):
        return
    said = [f"{part} of {x.dtype} from {x.min():g} to {x.max():g}" for part, x in parts.items()]
    raise DataError(f"{name}: it holds {said[0]} and {said[1]}; both may be of one type and scale.")


def _as_labels(labels: NDArray[Any], n: int, name: str, said: str = "labels") -> NDArray[Any]:
    if labels.shape != (n,):
        raise DataError(f"{name}: {said} had the shape {labels.shape}; it may be ({n},).")
    return labels


def _as_read(images: NDArray[Any], name: str, color: bool | None) -> _Read:
    """Lay out an array as images, and bring it to [0, 1]."""
    shape, done = images.shape, []
    if images.size == 0:
        raise DataError(f"{name}: it holds no images; it may hold 2 or more.")
    if images.ndim == 2:
        side = math.isqrt(shape[1])
        if side**2 != shape[1]:
            raise DataError(
                f"{name}: x had the shape {shape}, and {shape[1]} pixels are no square; it may be "
                "(n, height, width): x.reshape(-1, height, width) says which."
            )
        images = images.reshape(-1, side, side)
        done.append(f"Rows of {shape[1]} pixels, laid out as squares of {side}×{side}.")
    if len(shape) == 3 and shape[2] in (1, 3):
        raise DataError(
            f"{name}: x had the shape {shape}, which is that of one image with its colors; it may "
            "be (n, height, width), or (n, height, width, colors), of 2 images or more."
        )
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        remedy = "x[..., :3] leaves out a fourth color, such as transparency"
        if images.ndim == 4 and images.shape[1] in (1, 3):
            remedy = "np.moveaxis(x, 1, -1) puts the colors last"
        raise DataError(
            f"{name}: x had the shape {shape}; it may be (n, height, width), or with 1 or 3 colors "
            f"as the last axis: {remedy}."
        )
    images, scaled = _in_unit_range(images, name)
    if color is True and images.shape[3] == 1:
        images = np.repeat(images, 3, axis=3)
    if color is False and images.shape[3] == 3:
        images = images @ np.array([[0.299], [0.587], [0.114]], np.float32)
        done.append("Made gray.")
    names = tuple(map(str, range(len(images))))
    return _Read(images, None, names, (*done, *scaled))


def _in_unit_range(images: NDArray[Any], name: str) -> tuple[NDArray[np.float32], list[str]]:
    """Bring numbers of any kind to [0, 1], and say how."""
    if not np.isfinite(images).all():
        bad = np.argwhere(~np.isfinite(images))[0][0]
        raise DataError(
            f"{name}: image {bad} holds values that are no finite numbers; leave it out."
        )
    low, high = float(images.min()), float(images.max())
    kind = images.dtype
    if low >= 0 and high <= 1:
        return images.astype(np.float32), []
    white, named = WHITE.get(kind.name, (0, ""))
    if kind == np.uint8 or (white and high > 255):
        dark = f" They go to {high:g}; if that is white, divide by it first." * (high < white / 4)
        done = f"{named}, divided by {white:,}.{dark}"
        return np.divide(images, white, dtype=np.float32), [done]
    if low >= 0:
        said = f"Divided by {high:g}, their largest value."
        return (images / high).astype(np.float32), [said]
    if low >= -0.1 and high <= 1.1:
        raise DataError(
            f"{name}: x had values from {low:g} to {high:g}; they may be from 0 to 1: "
            "np.clip(x, 0, 1) takes away what rounding or resizing has added."
        )
    if low >= -1 and high <= 1:
        return ((images + 1) / 2).astype(np.float32), ["From −1…1 to 0…1."]
    raise DataError(
        f"{name}: x had values from {low:g} to {high:g}; they may be from 0 to 1, bytes, or from "
        "−1 to 1: subtract the smallest and divide by the difference to the largest."
    )


# The split


def _split(read: _Read, name: str, held_out: float, seed: int) -> Images:
    """Hold out a share of the images, chosen by chance, or all of them."""
    n = len(read.images)
    if held_out == 1:
        return _assembled(read, name, np.arange(0), np.arange(n))
    if n < 2:
        raise DataError(f"{name}: it holds one image; it may hold 2 or more, for one is held out.")
    order = np.random.default_rng(seed).permutation(n)
    count = min(max(1, round(held_out * n)), n - 1)
    return _assembled(read, name, order[count:], order[:count])


def _assembled(read: _Read, name: str, train: Any, test: Any) -> Images:
    classes: tuple[str, ...] = ()
    numbers = None
    if read.labels is not None:
        found, numbers = np.unique(read.labels, return_inverse=True)
        classes = tuple(map(str, found))

    def part(rows: Any) -> NDArray[np.float32]:
        images = read.images[rows]
        if images.dtype == np.uint8:
            images = np.divide(images, 255, dtype=np.float32)
        return np.asarray(images, np.float32)

    return Images(
        part(train),
        part(test),
        None if numbers is None else numbers[train],
        None if numbers is None else numbers[test],
        classes,
        tuple(read.names[row] for row in test),
        name,
        read.done,
    )
