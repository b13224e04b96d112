"""Pictures that people have: the right image, or one sentence with the file and the remedy."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vae_lib.data.pictures
from tests.helpers import assert_says
from vae_lib.data import DataError, load_images

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def pixels(height=6, width=6, colors=3):
    return RNG.integers(
        0, 256, (height, width, colors) if colors > 1 else (height, width), np.uint8
    )


@pytest.fixture
def folder(tmp_path):
    """A folder with five pictures in color."""
    place = tmp_path / "Fotos für später"
    place.mkdir()
    for i in range(5):
        Image.fromarray(pixels()).save(place / f"ü {i}.png")
    return place


def all_of(images):
    """All images of a set, by name of the held-out ones last."""
    return np.concatenate([images.x_train, images.x_test])


def says(*parts, **options):
    """Check that a source is refused with these parts, in one sentence with its full stop."""
    source = options.pop("source")
    with pytest.raises(DataError) as caught:
        load_images(source, **options)
    assert_says(str(caught.value).removesuffix("."), *parts)


# The right picture


def test_a_folder_becomes_images_in_color_and_some_are_held_out(folder):
    images = load_images(folder, held_out=0.4)
    assert images.x_train.shape == (3, 6, 6, 3)
    assert images.x_test.shape == (2, 6, 6, 3)
    assert images.x_train.dtype == np.float32
    originals = {path.name: np.asarray(Image.open(path)) / 255 for path in folder.iterdir()}
    for name, image in zip(images.names, images.x_test, strict=True):
        np.testing.assert_allclose(image, originals[name], atol=1e-6)
    assert "color images of 6×6: 3 to train on, 2 held out" in repr(images)


def test_all_can_be_held_out_in_the_order_of_their_names(folder):
    new = load_images(folder, held_out=1)
    assert new.names == tuple(sorted(path.name for path in folder.iterdir()))
    for name, image in zip(new.names, new.x_test, strict=True):
        np.testing.assert_allclose(image, np.asarray(Image.open(folder / name)) / 255, atol=1e-6)
    assert new.x_train.shape == (0, 6, 6, 3)
    assert "0 to train on, 5 held out" in repr(new)
    assert load_images(np.ones((1, 4, 4)), held_out=1).x_test.shape == (1, 4, 4, 1)


def test_the_seed_decides_which_are_held_out(folder):
    names = [load_images(folder, held_out=0.4, seed=seed).names for seed in (0, 0, 1, 2, 3)]
    assert names[0] == names[1]
    assert len(set(names)) > 1


def test_images_are_in_no_order_of_their_classes():
    labels = np.repeat([0, 1, 2], 60)
    x = RNG.random((180, 4, 4)) / 10 + labels[:, None, None] / 3
    images = load_images(x)
    assert {*np.round(3 * images.x_train[:10].mean((1, 2, 3))).astype(int)} == {0, 1, 2}
    assert {*np.round(3 * images.x_test[:10].mean((1, 2, 3))).astype(int)} == {0, 1, 2}


def test_subfolders_are_classes(folder):
    for i, path in enumerate(sorted(folder.glob("*.png"))):
        place = folder / ("cats" if i % 2 else "dogs") / "more"
        place.mkdir(parents=True, exist_ok=True)
        path.rename(place / path.name)
    images = load_images(folder)
    assert images.classes == ("cats", "dogs")
    labels = np.concatenate([images.y_train, images.y_test])
    assert sorted(labels) == [0, 0, 1, 1, 1]
    assert images.names[0].startswith(images.classes[images.y_test[0]])


def saved_as(folder, mode, **options):
    """Put a picture of a mode beside the others, and return what it shows in red, green, blue."""
    image = Image.fromarray(pixels()).convert(mode)
    image.save(folder / "added.png", **options)
    return np.asarray(image.convert("RGB")) / 255


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGB", "RGBA", "LA"])
def test_every_mode_shows_what_a_viewer_shows(folder, mode):
    shown = saved_as(folder, mode)
    images = load_images(folder, held_out=0.9)
    where = images.names.index("added.png") if "added.png" in images.names else None
    found = images.x_test[where] if where is not None else images.x_train[0]
    np.testing.assert_allclose(found, shown, atol=1e-6)


def test_transparent_parts_are_white(folder):
    clear = np.dstack([pixels(), np.zeros((6, 6), np.uint8)])
    Image.fromarray(clear).save(folder / "clear.png")
    images = load_images(folder)
    assert sum(np.all(image == 1) for image in all_of(images)) == 1
    assert "Transparent parts are white; pictures with such parts: 1." in repr(images)


def test_a_camera_held_upright_is_turned(folder):
    for path in folder.iterdir():
        path.unlink()
    lying = np.zeros((4, 8, 3), np.uint8)
    lying[:, 6:] = 255  # light at the right, which is the bottom
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it clockwise
    for i in range(2):
        Image.fromarray(lying).save(folder / f"{i}.jpg", exif=exif, quality=100)
    for image in all_of(load_images(folder)):
        assert image.shape == (8, 4, 1)
        assert image[6:].min() > 0.9
        assert image[:5].max() < 0.1


def test_sixteen_bits_keep_their_shades(tmp_path):
    place = tmp_path / "deep"
    place.mkdir()
    ramp = np.linspace(0, 65535, 64).round().astype(np.uint16).reshape(8, 8)
    for i in range(2):
        Image.fromarray(ramp).save(place / f"{i}.png")
    for image in all_of(load_images(place)):
        np.testing.assert_allclose(image[..., 0], ramp / 65535, atol=0.5 / 255)


def test_gray_pictures_in_color_files_are_gray_unless_color_is_asked_for(tmp_path):
    place = tmp_path / "gray"
    place.mkdir()
    for i in range(2):
        Image.fromarray(pixels(colors=1)).convert("RGB").save(place / f"{i}.png")
    assert load_images(place).x_shape == (6, 6, 1)
    assert load_images(place, color=True).x_shape == (6, 6, 3)


def test_color_is_made_gray_where_that_is_asked_for(folder):
    images = load_images(folder, color=False)
    weights = np.array([0.299, 0.587, 0.114])
    originals = [np.asarray(Image.open(path)) @ weights / 255 for path in sorted(folder.iterdir())]
    found = sorted(all_of(images)[..., 0].mean((1, 2)))
    np.testing.assert_allclose(found, sorted(np.mean(originals, (1, 2))), atol=1 / 255)
    assert "Made gray." in repr(images)


def test_other_sizes_are_scaled_only_where_that_is_asked_for(folder):
    assert "Scaled" not in repr(load_images(folder, size=6))
    Image.fromarray(pixels(9, 20)).save(folder / "wide.png")
    says("wide.png", "9×20", "6×6", "size=64", source=folder)
    images = load_images(folder, size=(4, 5))
    assert images.x_shape == (4, 5, 3)
    assert "Scaled to 4×5" in repr(images)


def test_hidden_files_are_passed_over_and_others_are_named(folder):
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / ".thumbs").mkdir()
    (folder / ".thumbs" / "a.png").write_bytes(b"\0")
    (folder / "labels.csv").write_text("a,b")
    images = load_images(folder)
    assert len(all_of(images)) == 5
    assert "Left out, being no pictures: labels.csv." in repr(images)
    assert "DS_Store" not in repr(images)


def test_links_are_followed_and_a_loop_ends(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    Image.fromarray(pixels()).save(tmp_path / "elsewhere" / "far.png")
    (folder / "elsewhere").symlink_to(tmp_path / "elsewhere")
    (folder / "loop").symlink_to(folder)
    (folder / "again.png").symlink_to("ü 1.png")
    assert len(all_of(load_images(folder))) == 7


# One sentence


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ("no PNG, JPEG, WebP or BMP picture", "delete it")),
        (b"<html>not found</html>", ("no PNG, JPEG, WebP or BMP picture", "delete it")),
    ],
)
def test_a_file_that_is_no_picture_is_named(folder, content, said):
    (folder / "bad.png").write_bytes(content)
    says(folder / "bad.png", *said, source=folder)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_picture_is_named(folder, kind, share):
    path = folder / f"cut.{kind.lower()}"
    Image.fromarray(pixels(40, 40)).save(path, kind)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    says(path, "delete it", source=folder, size=6)


def test_an_animation_is_named(folder):
    frames = [Image.fromarray(pixels()) for _ in range(3)]
    frames[0].save(folder / "moves.png", save_all=True, append_images=frames[1:])
    says(folder / "moves.png", "animation of 3", "save one", source=folder)


def test_the_photo_of_a_phone_is_the_first_picture_of_its_file(folder):
    """An MPO: a JPEG with another behind it, such as a depth map. Often its name is .jfif, too."""
    photo, map_ = (Image.new("RGB", (6, 6), color) for color in ("red", "blue"))
    photo.save(folder / "a.jfif", format="MPO", save_all=True, append_images=[map_])
    images = load_images(folder, held_out=1)
    red = images.x_test[images.names.index("a.jfif")]
    np.testing.assert_allclose(red, np.broadcast_to([1, 0, 0], (6, 6, 3)), atol=0.02)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe.png")
    says(folder / "pipe.png", "no regular file", source=folder)


def test_a_subfolder_that_cannot_be_read_is_not_left_out(folder, monkeypatch):
    (folder / "more").mkdir()
    scandir = os.scandir

    def locked(path):
        if str(path).endswith("more"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    says(folder / "more", "cannot be read", "Permission denied", source=folder)


def test_a_picture_of_another_kind_is_named(folder):
    Image.fromarray(pixels()).save(folder / "old.gif")
    says(folder / "old.gif", "PNG or JPEG", source=folder)


@pytest.mark.parametrize("of_pillow", [30, None])
def test_a_bomb_is_not_unpacked(folder, monkeypatch, of_pillow):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", of_pillow)
    monkeypatch.setattr(vae_lib.data.pictures, "MOST_PIXELS", 30)
    says(folder / "ü 0.png", "larger than 30 pixels", source=folder)


def test_a_link_to_nowhere_is_named(folder):
    (folder / "gone.png").symlink_to("nowhere.png")
    says(folder / "gone.png", "a link to nowhere", source=folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_locked_file_is_named(folder):
    (folder / "ü 0.png").chmod(0)
    says(folder / "ü 0.png", "permission denied", source=folder)


def test_too_few_images_are_refused(tmp_path):
    place = tmp_path / "few"
    place.mkdir()
    says(place, "no pictures", "PNG, JPEG", source=place)
    Image.fromarray(pixels()).save(place / "a.png")
    says("few", "one image", 2, source=place)


def test_what_memory_does_not_hold_is_refused_before_it_is_read(folder, monkeypatch):
    monkeypatch.setattr(vae_lib.data.pictures, "SHARE_OF_MEMORY", 1e-9)
    says(folder, 5, "6×6", "GB", "size=", source=folder)


@pytest.mark.parametrize("source", ["nowhere", Path("no/where")])
def test_no_folder_is_refused(source):
    says(source, "no such file or folder", source=source)


def test_a_single_picture_is_refused(folder):
    says(folder / "ü 0.png", "single picture", "folder", source=folder / "ü 0.png")


@pytest.mark.parametrize(
    ("argument", "value", "allowed"),
    [
        ("size", 3, (4, 4096)),
        ("size", (8, 8, 8), (4, 4096)),
        ("size", "big", (4, 4096)),
        ("color", "gray", ("True", "False")),
        ("held_out", 0, (0, 1)),
        ("held_out", 1.1, (0, 1)),
        ("held_out", True, (0, 1)),
        ("held_out", "half", (0, 1)),
        ("seed", -1, (0,)),
    ],
)
def test_a_bad_argument_is_named(folder, argument, value, allowed):
    with pytest.raises(ValueError, match=f"^{argument} was ") as caught:
        load_images(folder, **{argument: value})
    assert_says(str(caught.value), argument, repr(value), *allowed)


# The cache


def test_pictures_are_decoded_once(folder, monkeypatch):
    first = load_images(folder)
    monkeypatch.setattr(Image, "open", None)
    again = load_images(folder)
    np.testing.assert_array_equal(all_of(again), all_of(first))
    assert repr(again) == repr(first)


@pytest.mark.parametrize("change", ["added", "changed", "removed", "another size"])
def test_what_has_changed_is_decoded_anew(folder, change):
    first = load_images(folder)
    size = None
    if change == "added":
        Image.fromarray(pixels()).save(folder / "new.png")
    elif change == "changed":
        Image.fromarray(pixels()).save(folder / "ü 0.png")
    elif change == "removed":
        (folder / "ü 0.png").unlink()
    else:
        size = 5
    again = load_images(folder, size=size)
    assert all_of(again).shape != all_of(first).shape or (all_of(again) != all_of(first)).any()


@pytest.mark.parametrize("content", [b"", b"PK damaged"])
def test_a_damaged_cache_is_passed_over(folder, cache, content):
    first = load_images(folder)
    (stored,) = cache.rglob("*.npz")
    stored.write_bytes(content)
    np.testing.assert_array_equal(all_of(load_images(folder)), all_of(first))
    assert stored.stat().st_size > 20


def test_without_a_place_for_the_cache_pictures_are_read_all_the_same(folder, cache):
    cache.write_text("a file where the folder should be")
    assert len(all_of(load_images(folder))) == 5


# Arrays


SIXTEENTHS = RNG.integers(0, 17, (9, 4, 4)).astype(float)
SIXTEENTHS[0, 0, 0] = 16


@pytest.mark.parametrize(
    ("array", "expected", "said"),
    [
        (SIXTEENTHS, SIXTEENTHS / 16, "Divided by 16, their largest value."),
        (SIXTEENTHS.reshape(9, 16), SIXTEENTHS / 16, "Rows of 16 pixels"),
        (
            SIXTEENTHS.astype(np.uint8),
            SIXTEENTHS / 255,
            "divided by 255. They go to 16; if that is",
        ),
        (np.uint8(15 * SIXTEENTHS), SIXTEENTHS / 17, "Bytes, divided by 255."),
        (SIXTEENTHS[..., None] / 16, SIXTEENTHS / 16, ""),
        (SIXTEENTHS > 8, SIXTEENTHS > 8, ""),
        (SIXTEENTHS / 8 - 1, SIXTEENTHS / 16, "From −1…1 to 0…1."),
        (SIXTEENTHS.astype(np.uint16) * 4000, SIXTEENTHS * 4000 / 65535, "divided by 65,535"),
    ],
    ids=["numbers", "rows", "dark bytes", "bytes", "unit", "truth", "centered", "16 bits"],
)
@pytest.mark.parametrize("suffix", [None, ".npy", ".npz"])
def test_arrays_come_to_the_unit_range_and_say_how(array, expected, said, suffix, tmp_path):
    source = array
    if suffix == ".npy":
        np.save(source := tmp_path / "a.npy", array)
    elif suffix == ".npz":
        np.savez(source := tmp_path / "a.npz", images=array, target=np.arange(9) % 3)
    images = load_images(source)
    assert images.x_shape == (4, 4, 1)
    where = [int(name) for name in images.names]
    np.testing.assert_allclose(images.x_test[..., 0], np.asarray(expected)[where], atol=1e-6)
    assert said in repr(images)
    assert len(images.classes) == (3 if suffix == ".npz" else 0)


def test_an_archive_that_is_split_stays_so(tmp_path):
    x = RNG.random((7, 4, 4))
    np.savez(
        tmp_path / "a.npz", x_train=x[:4], x_test=x[4:], y_train=[0, 1, 0, 1], y_test=[1, 1, 0]
    )
    images = load_images(tmp_path / "a.npz")
    where = [int(name) for name in images.names]
    assert sorted(where) == [4, 5, 6]
    np.testing.assert_allclose(images.x_test[..., 0], x[where], atol=1e-6)
    assert images.y_test.tolist() == [[1, 1, 0][i - 4] for i in where]


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((5, 3, 8, 8)), ((5, 3, 8, 8), "np.moveaxis(x, 1, -1)")),
        (np.zeros((8, 8, 3)), ((8, 8, 3), "one image with its colors")),
        (np.zeros((5, 8, 8, 4)), ((5, 8, 8, 4), "x[..., :3]")),
        (np.zeros((3, 7)), ((3, 7), 7, "x.reshape(-1, height, width)")),
        (np.zeros((1, 4, 4)), ("one image", 2)),
        (np.zeros((0, 4, 4)), ("no images", 2)),
        (np.full((3, 4, 4), np.nan), ("image 0", "no finite numbers")),
        (RNG.normal(size=(5, 4, 4)) * 9, ("values", "from 0 to 1")),
        ([[1, 2], [3]], ("list", "folder", "array")),
        (None, ("NoneType", "folder", "array")),
        (np.array([["a"]]), ("ndarray", "folder", "array")),
    ],
    ids=str,
)
def test_a_bad_array_is_refused_with_the_remedy(array, said):
    says(*said, source=array)


def test_files_that_hold_no_images_are_refused(tmp_path):
    np.savez(tmp_path / "others.npz", first=np.zeros(3), second=np.zeros(4))
    says("others.npz", "first, second", "x_train", source=tmp_path / "others.npz")
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    says(tmp_path / "objects.npy", "pickled", source=tmp_path / "objects.npy")
    (tmp_path / "text.npz").write_text("hello")
    says(tmp_path / "text.npz", "neither .npz nor .npy", source=tmp_path / "text.npz")
    np.savez(tmp_path / "labels.npz", x=np.zeros((5, 4, 4)), y=np.zeros(3))
    says("labels.npz", (3,), (5,), source=tmp_path / "labels.npz")


def test_a_size_is_for_folders_alone():
    says("size", 8, "folders", source=np.zeros((5, 4, 4)), size=8)


def test_pictures_that_changed_places_are_not_those_of_the_cache(tmp_path):
    """Of one size and one time, as an archive leaves them: only their numbers tell."""
    place = tmp_path / "swap"
    place.mkdir()
    for name, color in (("a.bmp", "red"), ("b.bmp", "blue"), ("c.bmp", "lime")):
        Image.new("RGB", (6, 6), color).save(place / name)
        os.utime(place / name, ns=(10**18, 10**18))
    before = load_images(place, held_out=1).x_test
    for old, new in (("a", "t"), ("b", "a"), ("t", "b")):
        (place / f"{old}.bmp").rename(place / f"{new}.bmp")
    np.testing.assert_array_equal(load_images(place, held_out=1).x_test, before[[1, 0, 2]])


GRAY = RNG.random((4, 5, 5))


def test_an_archive_of_anything_but_numbers_is_refused(tmp_path):
    for kind in (str, complex, "M8[s]", [("a", "f4")]):
        odd = np.zeros((4, 5, 5), kind)
        for arrays in (
            {"x": odd},
            {"x_train": odd, "x_test": odd},
            {"x_train": GRAY, "x_test": odd},
        ):
            np.savez(tmp_path / "odd.npz", **arrays)
            says("odd.npz", "x held", "an array of numbers", source=tmp_path / "odd.npz")
    np.savez(tmp_path / "odd.npz", x_train=1.0, x_test=1.0)
    says("odd.npz", "x had the shape (2,)", "(n, height, width)", source=tmp_path / "odd.npz")


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"x_test": np.uint8(GRAY * 255)}, ("x_train of float64", "x_test of uint8", "one type")),
        ({"x_test": GRAY * 255}, ("x_train of float64", "x_test of float64", "scale")),
        ({"x_test": GRAY[:0]}, ("x_test holds no images",)),
        ({"y_train": np.arange(3)}, ("y_train had the shape (3,)", "(4,)")),
        ({"y_test": np.arange(5)}, ("y_test had the shape (5,)", "(4,)")),
        ({"y_test": np.array(1)}, ("y_test had the shape ()", "(4,)")),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(tmp_path, changed, parts):
    whole = {"x_train": GRAY, "x_test": GRAY, "y_train": np.arange(4), "y_test": np.arange(4)}
    np.savez(tmp_path / "parts.npz", **whole | changed)
    says("parts.npz", *parts, source=tmp_path / "parts.npz")
    np.savez(tmp_path / "parts.npz", **whole)
    assert len(load_images(tmp_path / "parts.npz").x_test) == 4


def test_dark_bytes_are_of_the_scale_of_bright_ones(tmp_path):
    bright, dark = np.full((3, 5, 5), 255, np.uint8), np.ones((3, 5, 5), np.uint8)
    np.savez(tmp_path / "parts.npz", x_train=bright, x_test=dark)
    assert load_images(tmp_path / "parts.npz").x_test.max() == np.float32(1 / 255)


def test_what_rounding_took_below_0_is_not_taken_for_another_scale():
    says("from -0.01 to 1", "np.clip", source=np.linspace(-0.01, 1.0, 200).reshape(2, 10, 10))
    images = load_images(np.linspace(-0.5, 1.0, 200).reshape(2, 10, 10))
    assert "From −1…1" in repr(images)
