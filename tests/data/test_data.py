"""Every way in for the digits, and every way in which it can go wrong."""

import hashlib
import http.server
import io
import os
import sys
import threading
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pooch
import pytest

from tests.helpers import mentions, refused
from vae_lib import data
from vae_lib.data import DataError, archive, check_source, download, load_mnist

NAMED_FILE = os.environ.get("VAE_LIB_MNIST", "")  # before the fixture below hides it
NAMES = ("auto", "keras", "small")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Keep every test away from the user's home and from any network."""
    monkeypatch.delenv("VAE_LIB_MNIST", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(data, "URL", "http://127.0.0.1:9/mnist.npz")  # nobody listens there


# A stand-in for MNIST: 30 and 10 digits with digests of their own, and the real code.


def stand_in_arrays():
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (30, 28, 28), np.uint8),
        "y_train": rng.integers(0, 10, 30, np.uint8),
        "x_test": rng.integers(0, 256, (10, 28, 28), np.uint8),
        "y_test": rng.integers(0, 10, 10, np.uint8),
    }


def packed(**changes):
    """Pack the stand-in into an archive, some arrays changed, or left out where None."""
    arrays = {k: v for k, v in (stand_in_arrays() | changes).items() if v is not None}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


@pytest.fixture
def good(monkeypatch):
    """Let the stand-in be MNIST; return its archive."""
    archive_bytes = packed()
    contents = {
        name: (array.shape, hashlib.sha256(array.tobytes()).hexdigest())
        for name, array in stand_in_arrays().items()
    }
    monkeypatch.setattr(data, "ALL_DIGITS", contents)
    monkeypatch.setattr(data, "URL_BYTES", len(archive_bytes))
    monkeypatch.setattr(data, "URL_SHA256", hashlib.sha256(archive_bytes).hexdigest())
    return archive_bytes


@pytest.fixture
def named(good, tmp_path):
    path = tmp_path / "named.npz"
    path.write_bytes(good)
    return path


@pytest.fixture
def keras_file(tmp_path):
    path = tmp_path / "keras" / "datasets" / "mnist.npz"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def keras_folder(tmp_path):
    """Where a download is kept; it is not there yet."""
    return tmp_path / "keras" / "datasets"


@pytest.fixture(scope="module")
def fewer():
    """The digits in the package."""
    return load_mnist("small")


def refuse(*_):
    raise AssertionError("this must not be called")


# What comes out.


@pytest.mark.parametrize(("flat", "shape"), [(False, (28, 28)), (True, (784,))])
def test_images_are_float32_in_0_1_and_labels_stay_as_they_are(named, flat, shape):
    digits = load_mnist(named, flat=flat)
    arrays = stand_in_arrays()
    for part, n in (("train", 30), ("test", 10)):
        images = getattr(digits, f"x_{part}")
        assert images.dtype == np.float32
        assert images.shape == (n, *shape)
        assert images.min() == 0
        assert images.max() == 1
        expected = arrays[f"x_{part}"].reshape(n, *shape) / 255
        np.testing.assert_allclose(images, expected, rtol=1e-7)
        labels = getattr(digits, f"y_{part}")
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, arrays[f"y_{part}"])


def test_all_of_mnist_says_with_what_numbers_can_be_compared(named):
    digits = load_mnist(named)
    assert (digits.name, digits.source) == ("MNIST", "file")
    text = str(digits)
    assert mentions(text, "MNIST", 30, 10)
    assert "chapter 3" in text
    assert len(text.splitlines()) <= 3
    assert str(named.parent) not in text


def test_the_5000_say_what_they_mean_for_the_reader(fewer):
    digits = fewer
    assert (digits.name, digits.source) == ("5,000 digits of MNIST", "small")
    text = repr(digits)
    assert mentions(text, "5,000", "MNIST", "4,000", "1,000")
    assert "lower ELBO" in text
    assert "VAE_LIB_MNIST" in text
    assert len(text.splitlines()) <= 3
    assert max(map(len, text.splitlines())) <= 88
    assert str(data.FILE_OF_FEWER.parent) not in text


@pytest.mark.skipif(
    not Path(NAMED_FILE).is_file(), reason="VAE_LIB_MNIST names no file with all of MNIST"
)
def test_all_of_mnist_from_a_real_file():
    digits = load_mnist(NAMED_FILE)
    assert digits.x_train.shape == (60_000, 28, 28)
    assert digits.x_test.shape == (10_000, 28, 28)
    assert digits.y_train[:5].tolist() == [5, 0, 4, 1, 9]  # as everyone knows them
    assert digits.y_test[:5].tolist() == [7, 2, 1, 0, 4]


# Which source decides.


def test_the_variable_may_name_a_file(named, monkeypatch):
    monkeypatch.setenv("VAE_LIB_MNIST", str(named))
    assert load_mnist().source == "file"


@pytest.mark.parametrize("name", ["keras", "small"])
def test_the_variable_may_be_a_name(good, keras_file, monkeypatch, name):
    keras_file.write_bytes(good)
    monkeypatch.setenv("VAE_LIB_MNIST", name)
    assert load_mnist().source == name


@pytest.mark.parametrize("value", ["", "auto"])
def test_a_variable_that_decides_nothing(good, keras_file, monkeypatch, value):
    keras_file.write_bytes(good)
    monkeypatch.setenv("VAE_LIB_MNIST", value)
    assert load_mnist().source == "keras"


def test_an_argument_wins_over_the_variable(named, monkeypatch):
    monkeypatch.setenv("VAE_LIB_MNIST", "/no/such/file")
    assert load_mnist(named).source == "file"
    assert load_mnist("small").source == "small"
    check_source("small")


def test_a_variable_that_is_wrong_does_not_fall_through(good, keras_file, monkeypatch):
    keras_file.write_bytes(good)
    monkeypatch.setenv("VAE_LIB_MNIST", "/no/such/mnist.npz")
    with refused(DataError, "VAE_LIB_MNIST", "'/no/such/mnist.npz'", "mnist.npz", *NAMES):
        load_mnist()


def test_a_path_is_never_taken_for_a_name():
    with refused(DataError, "source", "'small'", "mnist.npz", *NAMES):
        load_mnist(Path("small"))


def test_the_home_folder_may_be_abbreviated(named, monkeypatch):
    monkeypatch.setenv("HOME", str(named.parent))
    assert load_mnist("~/named.npz").source == "file"


def test_auto_takes_the_cache_of_keras_first(good, keras_file, monkeypatch):
    keras_file.write_bytes(good)
    monkeypatch.setattr(data, "download_file", refuse)
    monkeypatch.setattr(data, "FILE_OF_FEWER", Path("nowhere"))
    assert load_mnist().source == "keras"


def test_without_keras_home_it_is_in_the_home_folder(good, tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".keras" / "datasets" / "mnist.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(good)
    assert load_mnist("keras").source == "keras"


BAD_SOURCES = [
    "keros",
    "",
    "/no/such/mnist.npz",
    "~nobody-of-this-name/x",
    "\0",
    "x" * 5000,
    3,
    None,
]


@pytest.mark.parametrize("source", BAD_SOURCES, ids=lambda source: repr(source)[:25])
@pytest.mark.parametrize("function", [check_source, load_mnist])
def test_a_source_that_is_none_is_refused_in_one_line(function, source):
    with refused(DataError, "source", repr(str(source)), "mnist.npz", *NAMES):
        function(source)


def test_a_folder_is_not_a_file(tmp_path):
    with refused(DataError, "source", f"'{tmp_path}'", "mnist.npz", *NAMES):
        load_mnist(tmp_path)


def test_checking_a_source_reads_nothing(tmp_path, monkeypatch):
    file = tmp_path / "not-looked-into.npz"
    file.write_text("nonsense")
    for name in ("read_arrays", "download_file"):
        monkeypatch.setattr(data, name, refuse)
    for source in ("auto", "keras", "small", str(file), file):
        check_source(source)


# A file that is not what it should be.


def object_array():
    return packed(y_test=np.array([{"not": "a number"}], dtype=object))


def not_compressed():
    buffer = io.BytesIO()
    np.savez(buffer, **stand_in_arrays())
    return buffer.getvalue()


def single_array():
    buffer = io.BytesIO()
    np.save(buffer, stand_in_arrays()["x_train"])
    return buffer.getvalue()


def other_zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in stand_in_arrays():
            file.writestr(f"{name}.npy", "text")
    return buffer.getvalue()


def claims_to_be_huge():
    header = io.BytesIO()
    shape = (10**12, 28, 28)
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    buffer = io.BytesIO(packed(x_train=None))
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr("x_train.npy", header.getvalue())
    return buffer.getvalue()


def damaged(content, offset):
    return content[:offset] + bytes(99) + content[offset + 99 :]


def encrypted(content):
    """Set the flag that says so, in the first entry of the archive's directory."""
    flag = content.index(b"PK\1\2") + 8
    return content[:flag] + b"\1" + content[flag + 1 :]


X, Y = stand_in_arrays()["x_train"], stand_in_arrays()["y_train"]
FAULTS = {
    "empty": (b"", ["empty"]),
    "web page": (b"\n<!DOCTYPE html><title>Not found</title>", ["web page"]),
    "web page with a mark": (b"\xef\xbb\xbf<html>", ["web page"]),
    "pickle": (b"\x80\x04\x95\x0c\x00\x00", ["not", ".npz"]),
    "single array": (single_array(), ["not", ".npz"]),
    "truncated": (packed()[:-200], ["damaged"]),
    "truncated early": (packed()[:50], ["damaged"]),
    "damaged, compressed": (damaged(packed(), 5000), ["damaged"]),
    "damaged, not compressed": (damaged(not_compressed(), 5000), ["damaged"]),
    "damaged first block": (damaged(packed(), 60), ["damaged"]),
    "damaged header": (damaged(packed(), 150), ["damaged"]),
    "encrypted": (encrypted(packed()), ["damaged"]),
    "larger than the memory": (claims_to_be_huge(), ["damaged"]),
    "pickled array": (object_array(), ["pickled"]),
    "no arrays": (other_zip(), ["x_train", "|S4", "uint8"]),
    "an array missing": (packed(x_test=None, y_test=None), ["lacks", "x_test", "y_test"]),
    "wrong type": (packed(x_train=X.astype(np.float32)), ["x_train", "float32", "uint8"]),
    "wrong type of labels": (packed(y_train=Y.astype(np.int64)), ["y_train", "int64", "uint8"]),
    "wrong shape": (packed(x_train=X.reshape(30, 784)), ["x_train", (30, 784), (30, 28, 28)]),
    "too few": (packed(y_train=Y[:29]), ["y_train", (29,), (30,)]),
    "other data": (packed(x_train=255 - X), ["x_train", "SHA-256"]),
    "other labels": (packed(y_train=9 - Y), ["y_train", "SHA-256"]),
}


@pytest.mark.parametrize(("content", "fault"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("setting", ["source", "VAE_LIB_MNIST"])
def test_a_bad_file_is_named_and_left_alone(named, monkeypatch, setting, content, fault):
    named.write_bytes(content)
    source = named if setting == "source" else "auto"
    if setting == "VAE_LIB_MNIST":
        monkeypatch.setenv(setting, str(named))
    with refused(DataError, named, *fault, setting, "mnist.npz"):
        load_mnist(source)
    assert named.read_bytes() == content


@pytest.mark.parametrize(("content", "fault"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("source", ["auto", "keras"])
def test_a_bad_file_of_keras_is_never_replaced(
    good, keras_file, monkeypatch, source, content, fault
):
    monkeypatch.setattr(data, "download_file", refuse)
    keras_file.write_bytes(content)
    with refused(DataError, keras_file, *fault, "delete"):
        load_mnist(source)
    assert keras_file.read_bytes() == content
    assert list(keras_file.parent.iterdir()) == [keras_file]


def test_a_folder_in_place_of_the_file_of_keras(keras_file):
    keras_file.mkdir()
    with refused(DataError, keras_file, "Is a directory", "delete"):
        load_mnist()


def test_a_file_that_may_not_be_read(named, monkeypatch):
    def locked(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", locked)  # root may read whatever its mode is
    with refused(DataError, named, "Permission denied", "source", "mnist.npz"):
        load_mnist(named)


@pytest.mark.parametrize("value", [0, 1, 255])
@pytest.mark.parametrize("pack", [packed, not_compressed])
def test_no_damaged_byte_gives_other_digits_or_another_error(named, good, pack, value):
    content = pack()
    directory = content.index(b"PK\1\2")
    refused = 0
    for offset in [*range(300), *range(directory, len(content))]:
        named.write_bytes(content[:offset] + bytes([value]) + content[offset + 1 :])
        try:
            read = archive.read_arrays(named, data.ALL_DIGITS, "remedy")
        except DataError:
            refused += 1
        else:
            np.testing.assert_array_equal(read["x_train"], X)
    assert refused > 200


def test_a_fault_is_shown_without_the_traceback_of_its_cause(named):
    named.write_bytes(packed()[:-200])
    with pytest.raises(DataError) as caught:
        load_mnist(named)
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


def test_the_order_of_bytes_in_the_file_does_not_matter(named):
    named.write_bytes(packed(x_train=np.asfortranarray(X)))
    np.testing.assert_array_equal(load_mnist(named).x_train, X / np.float32(255))


# The download.


class Server(http.server.ThreadingHTTPServer):
    """Serve one answer on loopback; the requests seen are in `methods`."""

    daemon_threads = True

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.methods, self.over = answer, [], threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.methods.append(self.command)
        self.server.answer(self)

    def do_HEAD(self):
        self.do_GET()

    def reply(self, body, status=200, length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def serving(answer, monkeypatch):
    """Let the archive's address be a server that gives this answer."""
    with Server(answer) as server:
        monkeypatch.setattr(data, "URL", f"http://127.0.0.1:{server.server_port}/mnist.npz")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


def left_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("source", ["auto", "keras"])
def test_a_download_is_kept_where_keras_keeps_it(good, keras_folder, monkeypatch, source):
    log = pooch.get_logger()
    log.setLevel("INFO")  # as it is at first: it would show where the file is
    heard = []
    monkeypatch.setattr(log, "handle", heard.append)
    with serving(lambda request: request.reply(good), monkeypatch) as server:
        assert load_mnist(source).source == "keras"
        assert load_mnist(source).source == "keras"
    assert server.methods == ["HEAD", "GET"]  # once
    assert left_in(keras_folder) == ["mnist.npz"]
    assert (keras_folder / "mnist.npz").read_bytes() == good
    assert heard == []


def truncated(request):
    request.reply(packed()[:1000], length=len(packed()))


def stalls(request):
    truncated(request)
    request.wfile.flush()
    request.server.over.wait(60)


def silent(request):
    request.server.over.wait(60)


def silent_after_the_first(request):
    if request.command == "HEAD":
        request.reply(b"")
    else:
        silent(request)


REMEDIES = ("VAE_LIB_MNIST", "mnist.npz", 'source="small"')
NO_DOWNLOAD = {
    "404": lambda request: request.reply(b"Not found", 404),
    "503": lambda request: request.reply(b"", 503),
    "truncated": truncated,
    "stalls": stalls,
    "silent": silent,
    "silent after the first answer": silent_after_the_first,
}


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(download, "SILENCE_SECONDS", 0.5)


@pytest.mark.parametrize("answer", NO_DOWNLOAD.values(), ids=NO_DOWNLOAD)
def test_a_download_that_fails_leaves_nothing(good, keras_folder, impatient, monkeypatch, answer):
    start = time.monotonic()
    with serving(answer, monkeypatch) as server:
        with refused(DataError, data.URL, *REMEDIES):
            load_mnist("keras")
        assert load_mnist("auto").source == "small"
        assert "HEAD" in server.methods
    assert left_in(keras_folder) == []
    assert time.monotonic() - start < 10


def test_nobody_listens(good, keras_folder):
    with refused(DataError, data.URL, "network", *REMEDIES):
        load_mnist("keras")
    assert load_mnist().source == "small"
    assert left_in(keras_folder) == []


def test_a_name_that_is_never_looked_up_is_not_waited_for(good, impatient, monkeypatch):
    over = threading.Event()

    def hangs(*_, **__):
        over.wait(60)
        raise OSError("no such host")

    monkeypatch.setattr("socket.getaddrinfo", hangs)
    monkeypatch.setattr(data, "URL", "http://digits.invalid/mnist.npz")
    start = time.monotonic()
    assert load_mnist().source == "small"
    assert time.monotonic() - start < 5
    over.set()


def test_the_waits_add_up_to_less_than_10_seconds():
    assert download.ANSWER_SECONDS + download.SILENCE_SECONDS < 10


@pytest.mark.parametrize("source", ["auto", "keras"])
@pytest.mark.parametrize("body", [b"<html>Sign in to this network</html>", packed(y_test=None)])
def test_another_file_from_the_server_is_an_error(good, keras_folder, monkeypatch, source, body):
    with (
        serving(lambda request: request.reply(body), monkeypatch),
        refused(DataError, data.URL, "SHA-256", "network", *REMEDIES),
    ):
        load_mnist(source)
    assert left_in(keras_folder) == []


def test_no_place_to_keep_the_download(good, tmp_path, keras_folder, monkeypatch):
    (tmp_path / "keras").write_text("a file in place of the folder")
    with serving(lambda request: request.reply(good), monkeypatch):
        with refused(DataError, data.URL, keras_folder / "mnist.npz", *REMEDIES):
            load_mnist("keras")
        assert load_mnist().source == "small"
    assert (tmp_path / "keras").read_text() == "a file in place of the folder"


def test_the_download_shows_progress(good, monkeypatch):
    bars = []

    def recorded(total, **options):
        bars.append(progress_bar(total, **options))
        return bars[-1]

    progress_bar = download.progress_bar
    monkeypatch.setattr(download, "progress_bar", recorded)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    with serving(lambda request: request.reply(good), monkeypatch):
        load_mnist("keras")
    assert [(bar.total, bar.n) for bar in bars] == [(len(good), len(good))]
    assert "mnist.npz" in terminal.getvalue()


# The 5,000 digits in the package.


def rows(images):
    """The bytes of each image."""
    return [image.tobytes() for image in np.rint(255 * images).astype(np.uint8)]


def test_the_split_is_400_and_100_of_each_digit(fewer):
    assert np.bincount(fewer.y_train).tolist() == [400] * 10
    assert np.bincount(fewer.y_test).tolist() == [100] * 10


def test_no_image_is_there_twice_or_in_both_halves(fewer):
    assert len({*rows(fewer.x_train), *rows(fewer.x_test)}) == 5000


@pytest.mark.skipif(
    not Path(NAMED_FILE).is_file(), reason="VAE_LIB_MNIST names no file with all of MNIST"
)
def test_they_are_training_digits_of_mnist_with_their_labels(fewer):
    digits = load_mnist(NAMED_FILE)
    known = set(zip(rows(digits.x_train), digits.y_train.tolist(), strict=True))
    assert known.issuperset(zip(rows(fewer.x_train), fewer.y_train.tolist(), strict=True))
    assert known.issuperset(zip(rows(fewer.x_test), fewer.y_test.tolist(), strict=True))


def test_the_split_is_shuffled(fewer):
    for labels in (fewer.y_train, fewer.y_test):
        for some in (labels[:200], labels[-200:]):
            assert np.bincount(some, minlength=10).min() > 5  # 20 by chance
        assert 0.05 < np.mean(labels[1:] == labels[:-1]) < 0.15  # 0.1 by chance


def test_the_file_is_compact_and_its_license_is_beside_it():
    assert data.FILE_OF_FEWER.stat().st_size < 1_000_000
    license_text = data.FILE_OF_FEWER.with_name("LICENSE-MNIST.txt").read_text("utf-8")
    assert data.FILE_OF_FEWER.name in license_text
    assert "Attribution-ShareAlike 3.0 Unported" in license_text


@pytest.mark.parametrize("damage", [lambda b: b[:-500], lambda _: b"", lambda _: packed()])
def test_a_damaged_file_is_refused_with_the_remedy(tmp_path, monkeypatch, damage):
    damaged = tmp_path / data.FILE_OF_FEWER.name
    damaged.write_bytes(damage(data.FILE_OF_FEWER.read_bytes()))
    monkeypatch.setattr(data, "FILE_OF_FEWER", damaged)
    with refused(DataError, damaged, "install", "vae-lib"):
        load_mnist("small")
