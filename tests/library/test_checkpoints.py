"""A night's training survives: whatever stops it, it goes on and ends as if it had not been."""

import keras
import numpy as np
import pytest

from tests.helpers import Stopped, assert_same_weights, refused
from vae_lib.loss import Objective
from vae_lib.model import VAE, load_model
from vae_lib.parameters import ParameterError
from vae_lib.support.checkpoints import Checkpoints
from vae_lib.training import train

X = np.random.default_rng(0).random((200, 30)).astype("float32")
HOW = {"batch_size": 16, "report_every": 40, "every": 25, "validation": X[:30]}


def new_model(seed=0, **changes):
    model = VAE(**{"z_dim": 2, "h_dim": 6, "x_dim": 30, "seed": seed} | changes)
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, 200)
    model.compile(keras.optimizers.Adam(schedule), loss=Objective(beta=2.0, warm_up=100))
    return model


@pytest.fixture(scope="module")
def unbroken():
    """A training that nothing has stopped, and its history."""
    model = new_model()
    return model, train(model, X, 130, **HOW)


def stop_at_report(monkeypatch, number):
    """Stop `train` while it writes its report of that number."""
    reports = []
    decode = VAE.decode

    def decode_or_stop(self, z):
        reports.append(1)
        if len(reports) == number:
            raise Stopped
        return decode(self, z)

    monkeypatch.setattr(VAE, "decode", decode_or_stop)


@pytest.mark.parametrize("report", [1, 2, 3, 4])
def test_a_stopped_training_ends_as_one_that_was_not(report, unbroken, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at_report(patch, report)
        with pytest.raises(Stopped):
            train(new_model(), X, 130, checkpoint=tmp_path, **HOW)
    model, whole = new_model(), unbroken[0]
    history = train(model, X, 130, checkpoint=tmp_path, **HOW)
    assert_same_weights(model, whole)
    for mine, its in zip(model.optimizer.variables, whole.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine, its)
    assert history.keys() == unbroken[1].keys()
    for name, values in history.items():
        np.testing.assert_allclose(values, unbroken[1][name], rtol=1e-5)
    assert len(model.history["loss"]) == len(history["loss"]) == 4


@pytest.mark.slow
def test_what_layers_keep_is_kept_too(tmp_path, monkeypatch):
    """Averages of a normalization, and the seed of a dropout."""

    def model_with_both():
        keras.utils.set_random_seed(0)
        x = keras.Input((30,))
        h = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(x))
        heads = [keras.layers.Dense(2)(h), keras.layers.Dense(2)(h)]
        model = VAE(encoder=keras.Model(x, heads))
        model.compile(keras.optimizers.Adam(1e-2))
        return model

    whole, again = model_with_both(), model_with_both()
    train(whole, X, 80, **HOW)
    with monkeypatch.context() as patch:
        stop_at_report(patch, 2)
        with pytest.raises(Stopped):
            train(model_with_both(), X, 80, checkpoint=tmp_path, **HOW)
    train(again, X, 80, checkpoint=tmp_path, **HOW)
    assert_same_weights(whole, again)


def test_the_last_few_are_kept_and_no_other_file_is_left(tmp_path):
    train(new_model(), X, 130, checkpoint=tmp_path, **HOW)
    names = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))
    assert names == [f"checkpoint-{i:09d}.npz" for i in (100, 125, 130)]


def test_a_training_that_has_ended_is_not_done_again_and_can_go_further(unbroken, tmp_path):
    train(new_model(), X, 80, checkpoint=tmp_path, **HOW)
    model = new_model()
    assert train(model, X, 80, checkpoint=tmp_path, **HOW)["iteration"].tolist() == [40, 80]
    assert model.optimizer.iterations == 80
    model = new_model()
    train(model, X, 130, checkpoint=tmp_path, **HOW)
    assert_same_weights(model, unbroken[0])
    with refused(ValueError, "iterations", 90, 130, "more"):
        train(new_model(), X, 90, checkpoint=tmp_path, **HOW)


def test_it_goes_on_with_reports_and_checkpoints_at_other_intervals(unbroken, tmp_path):
    train(new_model(), X, 60, checkpoint=tmp_path, **HOW)
    model = new_model()
    others = {"report_every": 50, "every": 30}
    history = train(model, X, 130, checkpoint=tmp_path, **HOW | others)
    assert_same_weights(model, unbroken[0])
    assert history["iteration"].tolist() == [40, 60, 100, 130]
    with refused(ValueError, "report_every was 50, now 40"):
        patient = HOW | others | {"patience": 3}
        train(new_model(), X, 50, checkpoint=tmp_path / "patient", **patient)
        train(new_model(), X, 90, checkpoint=tmp_path / "patient", **patient | HOW)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"x": X[::-1]}, ("other images",)),
        ({"validation": X[:40]}, ("other images",)),
        ({"batch_size": 17}, ("batch_size was 16, now 17",)),
        ({"seed": 1}, ("seed was 0, now 1",)),
        ({"model": new_model(seed=5)}, ("seed was 0, now 5",)),
        ({"model": new_model(h_dim=7)}, ("h_dim was 6, now 7",)),
        ({"model": new_model(activation="tanh")}, ("activation was 'elu', now 'tanh'",)),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(changed, said, tmp_path):
    train(new_model(), X, 25, checkpoint=tmp_path, **HOW)
    arguments = {"model": new_model(), "x": X, "iterations": 50, **HOW} | changed
    with refused(ValueError, "checkpoint-000000025.npz", *said, "another folder"):
        train(**arguments, checkpoint=tmp_path)


def test_weights_of_another_start_are_refused(tmp_path):
    train(new_model(), X, 25, checkpoint=tmp_path, **HOW)
    model = new_model()
    train(model, X, 3, batch_size=16)
    with refused(ValueError, "checkpoint-000000025.npz", "other weights at the start"):
        train(model, X, 50, checkpoint=tmp_path, **HOW)


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "replaced"])
def test_a_damaged_checkpoint_is_refused_and_the_one_before_it_is_offered(
    damage, unbroken, tmp_path
):
    train(new_model(), X, 60, checkpoint=tmp_path, **HOW)
    path = tmp_path / "checkpoint-000000060.npz"
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        for i in range(0, len(content), 50):
            content[i] ^= 255
    changed = {"cut": content[: len(content) // 2], "flipped": content, "emptied": b""}
    path.write_bytes(changed.get(damage, b"not an archive"))
    with refused(ValueError, path, "damaged", "delete it", "checkpoint-000000050.npz"):
        train(new_model(), X, 130, checkpoint=tmp_path, **HOW)
    path.unlink()
    model = new_model()
    train(model, X, 130, checkpoint=tmp_path, **HOW)
    assert_same_weights(model, unbroken[0])


def test_a_pickle_is_not_opened(tmp_path):
    train(new_model(), X, 25, checkpoint=tmp_path, **HOW)
    bomb = np.array([open], dtype=object)  # any object: it would be unpickled
    path = tmp_path / "checkpoint-000000025.npz"
    with np.load(path) as file:
        np.savez(path, **{**file, "sums": bomb})
    with refused(ValueError, path, "damaged", "starts anew"):
        train(new_model(), X, 50, checkpoint=tmp_path, **HOW)


def test_a_folder_that_cannot_be_is_refused_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    model = new_model()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with refused(ValueError, "checkpoint", folder, "folder, new or old"):
            train(model, X, 50, checkpoint=folder, **HOW)
    with refused(ValueError, "checkpoint", 3, "path of a folder"):
        train(model, X, 50, checkpoint=3, **HOW)
    assert model.optimizer.iterations == 0


def test_two_trainings_do_not_share_a_folder(tmp_path, monkeypatch):
    decode = VAE.decode

    def meanwhile(self, z):
        monkeypatch.setattr(VAE, "decode", decode)
        with refused(ValueError, "checkpoint", tmp_path, "another training"):
            train(new_model(), X, 50, checkpoint=tmp_path, **HOW)
        return decode(self, z)

    monkeypatch.setattr(VAE, "decode", meanwhile)
    train(new_model(), X, 40, checkpoint=tmp_path, **HOW)


def own_networks(seed=None):
    """A model of networks that a reader made, whose weights start by a seed, or by chance."""

    def dense(size):
        draw = keras.initializers.GlorotUniform(seed)
        return keras.layers.Dense(size, kernel_initializer=draw)

    image, z = keras.Input((30,)), keras.Input((2,))
    encoder = keras.Model(image, [dense(2)(image), dense(2)(image)])
    model = VAE(encoder=encoder, decoder=keras.Model(z, dense(30)(z)))
    model.compile(keras.optimizers.Adam(3e-3))
    return model


def test_networks_that_start_by_chance_go_on(tmp_path):
    """In a new process they have other weights: those of the checkpoint count."""
    first = own_networks()
    same = own_networks()
    same.set_weights(first.get_weights())
    train(same, X, 50, **HOW)
    train(first, X, 25, checkpoint=tmp_path, **HOW)
    again = own_networks()
    assert not np.array_equal(again.get_weights()[0], first.get_weights()[0])
    train(again, X, 50, checkpoint=tmp_path, **HOW)
    assert_same_weights(again, same)


def test_networks_that_start_by_a_seed_are_told_apart(tmp_path):
    train(own_networks(3), X, 25, checkpoint=tmp_path, **HOW)
    train(own_networks(3), X, 50, checkpoint=tmp_path, **HOW)
    other = own_networks(3)
    other.set_weights([2 * weight for weight in other.get_weights()])
    with refused(ValueError, "another training", "other weights at the start"):
        train(other, X, 75, checkpoint=tmp_path, **HOW)


def test_a_readers_own_copies_are_no_checkpoints(tmp_path):
    copies = [tmp_path / f"checkpoint-{name}.npz" for name in ("backup", "000000025-good", "9")]
    train(new_model(), X, 25, checkpoint=tmp_path, **HOW)
    for copy in copies:
        copy.write_bytes((tmp_path / "checkpoint-000000025.npz").read_bytes())
    train(new_model(), X, 100, checkpoint=tmp_path, **HOW)
    kept = [path.name for path in Checkpoints(tmp_path, {}).paths()]
    assert kept == [f"checkpoint-{at:09d}.npz" for at in (100, 75, 50)]
    assert all(copy.exists() for copy in copies)


def test_a_tilde_is_the_readers_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    model = new_model()
    train(model, X, 25, checkpoint="~/night", out="~/pictures", **HOW)
    model.save("~/model.keras")
    assert {path.name for path in (tmp_path / "home").iterdir()} == {
        "night", "pictures", "model.keras"
    }  # fmt: skip
    assert [*(tmp_path / "here").iterdir()] == []
    assert_same_weights(load_model("~/model.keras"), model)


@pytest.mark.parametrize("given", ["", "a\0b", 3])
@pytest.mark.parametrize("name", ["checkpoint", "out"])
def test_what_is_no_path_of_a_folder_is_refused(name, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with refused(ValueError, name, repr(given), "path of a folder"):
        train(new_model(), X, 25, **{name: given}, **HOW)
    assert [*tmp_path.iterdir()] == []


def test_a_full_disk_stops_the_training_and_leaves_the_checkpoints_before(tmp_path, monkeypatch):
    train(new_model(), X, 25, checkpoint=tmp_path, **HOW)

    def full(file, **arrays):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        train(new_model(), X, 50, checkpoint=tmp_path, **HOW)
    names = [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")]
    assert names == ["checkpoint-000000025.npz"]


# Held-out images, and an end before the end


def test_a_report_says_how_well_the_model_does_on_held_out_images(unbroken):
    model, history = unbroken
    x = X[:30]
    kl = np.mean(model.terms(x, model(x))[1])
    assert history["val_kl"][-1] == pytest.approx(kl, rel=1e-4)
    expected = (
        history["val_reconstruction"]
        + 2.0 * np.minimum(1, history["iteration"] / 100) * (history["val_kl"])
    )
    np.testing.assert_allclose(history["val_loss"], expected, rtol=1e-5)


def test_training_ends_when_it_gets_no_better_and_keeps_the_best_weights(tmp_path):
    model = VAE(z_dim=2, h_dim=30, x_dim=30)
    model.compile(keras.optimizers.Adam(1e-2))
    how = {"report_every": 20, "validation": X[100:], "patience": 3, "checkpoint": tmp_path}
    history = train(model, X[:20], 10_000, **how)
    losses = history["val_loss"]
    assert len(losses) == np.argmin(losses) + 4
    again = train(model_of(model), X[:20], 10_000, **how)
    np.testing.assert_array_equal(again["val_loss"], losses)
    here = VAE(z_dim=2, h_dim=30, x_dim=30)
    here.compile(keras.optimizers.Adam(1e-2))
    train(here, X[:20], int(history["iteration"][np.argmin(losses)]), report_every=20)
    assert_same_weights(here, model)


def test_losses_are_not_judged_while_the_weight_of_the_kl_term_still_rises():
    model = VAE(z_dim=2, h_dim=30, x_dim=30)
    model.compile(keras.optimizers.Adam(1e-2), loss=Objective(warm_up=200))
    how = {"report_every": 20, "validation": X[100:], "patience": 1}
    history = train(model, X[:20], 10_000, **how)
    assert history["val_loss"][1] > history["val_loss"][0]  # by the weight alone
    assert 200 < history["iteration"][-1] < 10_000


def model_of(model):
    """A model at its start, of the same kind."""
    new = VAE.from_config(model.get_config())
    new.compile(keras.optimizers.Adam(1e-2))
    return new


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"patience": 0, "validation": X}, ("patience", 0, 1)),
        ({"patience": 3}, ("patience", 3, "validation")),
        ({"every": 0}, ("every", 0, 1)),
        ({"validation": X[:, :9]}, ("x", (200, 9), "(n, 30)")),
    ],
)
def test_a_bad_argument_is_refused(arguments, said):
    with refused((ValueError, ParameterError), *said):
        train(new_model(), X, 10, **arguments)
