"""Bad input by the thousand: right, or refused in a sentence that names the argument."""

import inspect
import os
import signal
import traceback
import warnings
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers import mentions
from tests.promises.calls import CALLS, WITHOUT
from tests.promises.odd_values import FORMS, NO_NUMBERS, arrays, numbers, surely, things
from vae_lib import (
    decoder,
    encoder,
    evaluation,
    images,
    latent_space,
    loss,
    model,
    plots,
    rate_distortion,
    reparameterization,
    tighter_bounds,
    training,
    uses,
)
from vae_lib.parameters import ChapterParameters, ImagesParameters, check_parameters
from vae_lib.runs import command_line
from vae_lib.runs.chapters import CHAPTERS
from vae_lib.tensorflow_quietly import tf

CASES = int(os.environ.get("VAE_LIB_CASES", "300"))  # besides those that are always tried
# What a number, else right, is wrong for.
ALSO = {"classes": ("y", "labels"), "count": ("words",), "start": ("stop",), "x": ("variance",)}
ALSO |= {"z": ("dimension",), "mean": ("dimensions",), "source": ("there is no such file",)}
SHAPED = ("zeros of", "one column", "one row", "one axis", "transposed", "without", "a single")
MANY = 10_000  # cases, from which on time is no matter
COMPILED = ("training.train", "uses.fit_to_seen")  # for each number of images anew, by XLA
NAMED = ("labels", "their")  # classes may be words
tried = Counter()
PAIRS = [(name, argument) for name, (_, good) in CALLS.items() for argument in good]


def numbers_in(made):
    """All numbers of a result, one after the other."""
    if isinstance(made, dict):
        made = [*made.values()]
    if isinstance(made, list | tuple):
        return np.concatenate([np.empty(0), *map(numbers_in, made)])
    made = getattr(made, "x_train", made)
    try:
        return np.asarray(made, np.float64).ravel()
    except (TypeError, ValueError):
        return np.empty(0)


def holds_nan(value):
    """Whether a value holds a NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if value is None or (isinstance(value, np.ndarray) and any(v is None for v in value.flat)):
            return False
        try:
            return bool(np.isnan(np.asarray(value, np.float64)).any())
        except Exception:
            return False


def outcome(function, given):
    """What a call gives: numbers, or the sentence of a refusal; other errors are raised."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)
            return numbers_in(function(**given)), None
    except (TypeError, ValueError) as refusal:
        frames = traceback.extract_tb(refusal.__traceback__)
        depth = "" if "vae_lib" in frames[-1].filename else "raised deep below:\n"
        return None, f"{depth}{refusal}"


AS_OFTEN = settings(
    max_examples=max(2, CASES // len(PAIRS)),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[*HealthCheck],
)


@pytest.mark.parametrize(("name", "argument"), PAIRS, ids=map(" of ".join, PAIRS))
def test_bad_input_is_right_or_refused_by_name(name, argument):
    function, good = CALLS[name]
    plain, _ = outcome(function, good)
    value = good[argument]
    kinds = arrays(value) if isinstance(value, np.ndarray) else st.one_of(numbers(), things())

    def holds(drawn):
        kind, odd = drawn
        made, said = outcome(function, {**good, argument: odd})
        tried["argument of a function", "right" if said is None else "refused"] += 1
        if said is not None:
            # Of two shapes that do not fit, either may be the wrong one.
            named = [argument, *ALSO.get(argument, ()), *(good if kind.startswith(SHAPED) else ())]
            assert any(mentions(said, each) for each in named), (kind, said)
            assert "\n" not in said.strip(), (kind, said)
            assert kind != "a watched tensor" or "requires grad" in said, said
            return
        assert kind not in NO_NUMBERS or argument in NAMED, (kind, made)
        if kind in FORMS:
            np.testing.assert_allclose(made, plain, rtol=1e-4, atol=1e-5, err_msg=kind)
        elif holds_nan(odd) and argument not in NAMED:
            assert np.isnan(made).any(), f"{kind}: NaN went in, and {made} came out"

    for kind, odd in surely(value):
        if CASES >= MANY or name not in COMPILED or not kind.startswith(SHAPED):
            holds((kind, odd))
    AS_OFTEN(given(kinds)(holds))()


WORDS = ["", " ", "nan", "inf", "-inf", "1e400", "-1", "0", "1", "2.0", "0x10", "1_000", "٣", "²"]
WORDS += ["True", "None", "[1]", "a" * 5000, "../..", "~nobody", "/", "\0", "a\nb", "'", "{}", "-"]
PARAMETERS = [(c, name) for c in (ChapterParameters, ImagesParameters) for name in c.model_fields]
words = st.one_of(st.sampled_from(WORDS), st.text(max_size=8), st.floats().map(str))


@pytest.mark.parametrize(("chapter", "name"), PARAMETERS)
def test_a_parameter_of_a_notebook_is_right_or_refused_by_name(
    chapter, name, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    def holds(drawn):
        odd, names = drawn[1], {name: drawn[1]}
        _, said = outcome(check_parameters, {"names": names, "allowed": chapter})
        tried["parameter of a notebook", "right" if said is None else "refused"] += 1
        if said is not None:
            assert mentions(said, name), (odd, said)
            assert "\n" not in said, (odd, said)
            return
        kept = names[name]
        assert kept == (type(kept)(odd) if isinstance(kept, int | float) else odd), (odd, kept)
        assert not (isinstance(kept, float) and np.isnan(kept))

    for drawn in surely(name):
        holds(drawn)
    AS_OFTEN(given(st.one_of(numbers(), things(), words.map(lambda w: ("word", w))))(holds))()


OPTIONS = [("6", "jobs"), ("6", "out")]
OPTIONS += [(str(c.number), name) for c in CHAPTERS.values() for name in c.parameters.model_fields]


@pytest.mark.parametrize(("chapter", "name"), OPTIONS)
def test_an_option_of_the_command_line_is_right_or_refused(
    chapter, name, tmp_path, monkeypatch, capsys
):
    @contextmanager
    def nobody(jobs):
        yield command_line.Machines(None, lambda: 0, lambda sweep: 0)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command_line, "local", nobody)
    monkeypatch.setattr(command_line, "sweep", lambda *args, **how: (run for run in ()))
    before = signal.getsignal(signal.SIGTERM)

    @AS_OFTEN
    @given(words.filter(lambda word: "\0" not in word))  # no system passes it on
    def holds(word):
        given = [f"--{name.replace('_', '-')}", word]
        place = [] if name == "out" else ["--out", str(tmp_path)]
        status = command_line.main(["sweep", "--chapter", chapter, *place, *given])
        said = capsys.readouterr().err.strip()
        tried["option of the command line", "refused" if status else "right"] += 1
        assert status in {0, 1, 2}, said
        assert (status == 0) == (not said), said
        assert "Traceback" not in said, said

    holds()
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("name", ["model.VAE.decode", "loss.log_ratio", "decoder.pixel_mean"])
def test_what_is_checked_passes_gradients(name):
    function, good = CALLS[name]
    first, value = next(iter(good.items()))
    value = tf.constant(value)
    with tf.GradientTape() as tape:
        tape.watch(value)
        made = function(**{**good, first: value})
    assert np.abs(tape.gradient(made, value)).max() > 0


ELSEWHERE = ["decoder.bernoulli_log_likelihood", "evaluation.log_evidence", "model.VAE.encode"]
ELSEWHERE += ["training.train", "uses.neighbors", "data.load_images", "plots.digit_grid"]


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize("library", ["torch", "jax.numpy"])
def test_arrays_of_pytorch_and_jax_are_right_or_refused(library, name):
    other = pytest.importorskip(library)
    function, good = CALLS[name]
    plain, _ = outcome(function, good)
    take = other.as_tensor if library == "torch" else other.asarray
    theirs = {n: take(v.copy()) if isinstance(v, np.ndarray) else v for n, v in good.items()}
    made, said = outcome(function, theirs)
    assert said is None
    np.testing.assert_allclose(made, plain, rtol=1e-4, atol=1e-5)
    first = next(n for n, v in good.items() if isinstance(v, np.ndarray))
    odd = [theirs[first].reshape(1, 1, 1, -1)]
    if library == "torch":
        odd += [theirs[first].bfloat16(), theirs[first].clone().requires_grad_()]
        odd += [theirs[first].to_sparse(), theirs[first].to("meta")]
    for value in odd:
        _, said = outcome(function, {**good, first: value})
        assert said is not None
        assert any(mentions(said, each) for each in good), said
        assert "\n" not in said, said


CHAPTERS_MODULES = (reparameterization, loss, encoder, decoder, model, training, latent_space)
CHAPTERS_MODULES += (evaluation, rate_distortion, images, uses, tighter_bounds, plots)
OF_KERAS = {"build", "call", "compute_loss", "compile_from_config", "get_config"}
OF_KERAS |= {"save_own_variables", "load_own_variables"}


def takes_something(function):
    """Whether a function has an argument besides `self`."""
    return bool({*inspect.signature(function).parameters} - {"self", "kwargs"})


def public_names(module):
    """The functions and classes of a module, and the methods of these, that a reader may call."""
    short = module.__name__.removeprefix("vae_lib.")
    for name, each in vars(module).items():
        if name.startswith("_") or getattr(each, "__module__", "") != module.__name__:
            continue
        is_class = inspect.isclass(each) and ("__init__" in vars(each) or hasattr(each, "_fields"))
        if inspect.isfunction(each) or is_class:
            yield f"{short}.{name}"
        for part, method in vars(each).items() if inspect.isclass(each) else ():
            is_own = inspect.isfunction(method) and not part.startswith("_")
            if is_own and part not in OF_KERAS and takes_something(method):
                yield f"{short}.{name}.{part}"


@pytest.mark.parametrize("module", CHAPTERS_MODULES, ids=lambda module: module.__name__)
def test_every_public_function_is_called_with_bad_input_or_says_why_not(module):
    public = {*public_names(module)}
    assert public - {*CALLS} - {*WITHOUT} == set()
    mine = {name for name in WITHOUT if f"vae_lib.{name}".startswith(f"{module.__name__}.")}
    assert mine - public == set()


def test_the_cases_are_counted(capsys):
    with capsys.disabled():
        print()
        for (where, came), count in sorted(tried.items()):
            print(f"{where:28}{came:9}{count:8,}")
        print(f"{'together':37}{tried.total():8,}")
