"""What Python gives the panels, and what it refuses."""

import base64
import json
import re
import zlib

import numpy as np
import pytest
from bs4 import BeautifulSoup

from tests.helpers import refused
from vae_lib.model import VAE
from vae_lib.panels.completer import Completer
from vae_lib.panels.explorer import Explorer
from vae_lib.panels.panel import IMPORT, WEB, joined
from vae_lib.panels.quantization import quantize
from vae_lib.panels.rate_distortion import RateDistortion
from vae_lib.panels.trainer import Trainer

PANELS = (Completer, Explorer, RateDistortion, Trainer)


@pytest.fixture(scope="module")
def networks():
    return {stop: quantize(VAE(z_dim=2, seed=stop)) for stop in (500, 0)}


@pytest.fixture(scope="module")
def explorer(networks, split):
    return Explorer(networks, split.x_test, split.y_test)


def test_z_is_two_finite_numbers_that_python_reads_and_sets(explorer):
    assert explorer.z == [0, 0]
    explorer.z = np.array([0.5, -1])
    assert explorer.z == [0.5, -1]
    for wrong in (3, [1], [1, 2, 3], "ab", [0, np.nan], [0, np.inf], None, [[1, 2], [3, 4]]):
        with refused(ValueError, "z", repr(wrong), "two", "finite"):
            explorer.z = wrong
    assert explorer.z == [0.5, -1]


def with_weights(network, **layers):
    """The network with other numbers in some layers."""
    return network._replace(
        **{name: getattr(network, name)._replace(bias=bias) for name, bias in layers.items()}
    )


def test_models_that_cannot_be_shown_are_refused(networks, split):
    x, labels = split.x_test, split.y_test
    broken = with_weights(networks[0], mean=np.float32([0, np.nan]))
    for checkpoints, *parts in (
        ({}, "checkpoints", "empty", "quantize(model)"),
        (networks[0], "checkpoints", "QuantizedVAE", "quantize(model)"),
        ({0: VAE(z_dim=2)}, "checkpoints", "VAE", "quantize(model)"),
        ({"last": networks[0]}, "checkpoints", "str", "iteration"),
        ({0: quantize(VAE(z_dim=3))}, "z_dim", 3, 2, "z_dim=2"),
        ({0: quantize(VAE(z_dim=2, x_dim=64))}, "x_dim", 64, "28×28", 784, "x_dim=784"),
        ({0: broken}, "checkpoints", "finite", "learning rate"),
    ):
        with refused(ValueError, *parts):
            Explorer(checkpoints, x, labels)


def test_labels_that_cannot_be_shown_are_refused(networks, split):
    x, labels = split.x_test[:200], split.y_test[:200]
    for wrong, *parts in (
        (labels[:199], "labels", "(199,)", "(200,)", "x"),
        (labels[:, None], "labels", "(200, 1)", "(200,)"),
        (np.arange(200) % 11, "labels", 11, 1, 10),
        (labels - 10.0, "labels", labels[0] - 10.0, 0, 255, "np.unique"),
        (labels + 0.5, "labels", labels[0] + 0.5, 0, 255),
        (np.full(200, np.nan), "labels", "nan", 0, 255),
        (["cat"] * 200, "labels", "'cat'", 0, 255, "np.unique"),
        ([None] * 200, "labels", None, 0, 255, "np.unique"),
        ([7] * 199 + [None], "labels", None, 0, 255, "np.unique"),
    ):
        with refused(ValueError, *parts):
            Explorer(networks, x, wrong)


@pytest.mark.parametrize("panel", ["completer", "explorer", "trainer"])
def test_every_panel_of_28_pixels_takes_images_through_the_one_gate(networks, split, panel):
    labels, model = split.y_test[:100], VAE(z_dim=2)
    make = {
        "completer": lambda x: Completer(model, x, labels[: len(x)]),
        "explorer": lambda x: Explorer(networks, x, labels[: len(x)]),
        "trainer": Trainer,
    }[panel]
    x = split.x_test[:100]
    bits = x > 0.5
    x = np.float32(bits) if panel == "completer" else x
    for given, rows in (
        (x.reshape(-1, 28, 28), x),
        (x.reshape(-1, 28, 28, 1).tolist(), x),
        (bits, bits.astype(np.float32)),
        (bits.astype(np.uint8), bits.astype(np.float32)),
    ):
        assert make(given).data == make(rows).data
    holed = x.copy()
    holed[3, 5] = np.nan
    for wrong, *parts in (
        (np.zeros((100, 64)), "x", "(100, 64)", "28×28", "(n, 784)"),
        (np.zeros((100, 8, 8)), "x", "(100, 8, 8)", "28×28", "(n, 784)"),
        (np.zeros((0, 784)), "x", "(0, 784)", "(n, 784)"),
        (np.uint8(255 * x), "x", 0, 255, 0, 1, 255),
        (2 * x - 1, "x", -1, 1, 0, 1),
        (holed, "x", 1, 3, 0, 1),
        (x.astype(str), "x", "<U32", 0, 1),
    ):
        with refused(ValueError, *parts):
            make(wrong)


def test_a_trainer_needs_a_minibatch(split):
    with refused(ValueError, "x", 63, 64):
        Trainer(split.x_train[:63])


def test_an_explorer_takes_whatever_classes_there_are(networks, split):
    some = np.isin(split.y_test, [7, 2, 5])
    x, labels = split.x_test[some], split.y_test[some]
    data = Explorer(networks, x, labels.astype(float)).data
    assert np.array_equal(np.frombuffer(base64.b64decode(data["labels"]), np.uint8), labels)
    samples = np.frombuffer(base64.b64decode(data["samples"]), np.uint8).reshape(3, 784)
    for label, sample in zip([2, 5, 7], samples, strict=True):
        assert np.allclose(x[labels == label][0], sample / 255)


def test_labels_that_are_objects_are_taken_as_the_numbers_they_are(networks, split):
    x, labels = split.x_test[:200], split.y_test[:200]
    assert Explorer(networks, x, labels.astype(object)).data == Explorer(networks, x, labels).data


def test_checkpoints_come_in_order_with_the_codes_of_their_own_network(explorer, networks, split):
    checkpoints = explorer.data["checkpoints"]
    assert [checkpoint["iteration"] for checkpoint in checkpoints] == [0, 500]
    for checkpoint in checkpoints:
        codes = np.frombuffer(base64.b64decode(checkpoint["codes"]), "<f4").reshape(-1, 2)
        mean, _ = networks[checkpoint["iteration"]].encode(split.x_test)
        assert np.allclose(codes, mean, atol=1e-5)


def test_samples_are_test_images_of_each_digit(explorer, split):
    samples = np.frombuffer(base64.b64decode(explorer.data["samples"]), np.uint8).reshape(10, 784)
    for digit, sample in enumerate(samples):
        assert (split.x_test[split.y_test == digit] == np.float32(sample / 255)).all(1).any()


def test_the_trainer_is_given_the_very_images(split):
    trainer = Trainer(split.x_train[:100])
    pixels = np.frombuffer(zlib.decompress(base64.b64decode(trainer.data["digits"])), np.uint8)
    assert np.allclose(pixels.reshape(-1, 784) / 255, split.x_train[:100], atol=1e-6)


@pytest.mark.parametrize("panel", PANELS)
def test_the_module_has_no_import_left_and_no_name_twice(panel):
    script = panel._esm
    assert script.endswith("export default { render };\n")
    assert not re.search(r"^\s*(import\b|export (?!default))", script, re.MULTILINE)
    names = re.findall(
        r"^(?:async )?(?:function|const|let|class) (\w+)", joined(panel.scripts), re.MULTILINE
    )
    assert {"render", "element", "mount"} <= set(names)
    assert len(names) == len(set(names))
    of_worker = re.findall(
        r"^(?:async )?(?:function|const|let|class) (\w+)", joined(panel.worker), re.MULTILINE
    )
    assert len(of_worker) == len(set(of_worker))


def test_every_file_for_the_browser_belongs_to_a_panel():
    used = {name for panel in PANELS for name in panel.scripts + panel.worker + panel.styles}
    assert {path.name for path in WEB.iterdir()} == used
    for panel in PANELS:
        for scripts in (panel.scripts, panel.worker):
            for i, name in enumerate(scripts):
                imported = IMPORT.findall((WEB / name).read_text())
                assert set(imported) <= set(scripts[:i])


def test_names_that_are_imported_on_several_lines_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("vae_lib.panels.panel.WEB", tmp_path)
    (tmp_path / "one.js").write_text("export const a = 1;\nexport async function b() {}\n")
    imports = 'import {\n  a,\n  b,\n} from "./one.js";\nimport { a } from "./one.js";\n'
    (tmp_path / "two.js").write_text(f"{imports}export class C {{}}\nconst exported = a;\n")
    assert joined(("one.js", "two.js")) == (
        "const a = 1;\nasync function b() {}\nclass C {}\nconst exported = a;\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        'import * as one from "./one.js";',
        'import one from "./one.js";',
        'import { a as b } from "./one.js";',
        'import { a, b as c } from "./one.js";',
        'import "./one.js";',
        "import { a } from './one.js';",
        'import { a } from "https://example.org/one.js";',
        "export { a };",
        "export default a;",
        "export default function b() {}",
    ],
)
def test_an_import_or_export_that_joining_would_break_is_refused(tmp_path, monkeypatch, line):
    monkeypatch.setattr("vae_lib.panels.panel.WEB", tmp_path)
    (tmp_path / "two.js").write_text(f"const before = 1;\n{line}\nconst after = 2;\n")
    with refused(ValueError, repr(line), "import {", "export"):
        joined(("two.js",))


def test_the_page_says_what_it_shows_and_asks_no_server(explorer, split):
    plane = RateDistortion([1, 2], [[1], [0]], [1, 2], np.eye(4), np.zeros((2, 4, 4)))
    completer = Completer(VAE(2, 8, 196), np.eye(1, 196), [0])
    for panel in (completer, explorer, plane, Trainer(split.x_train[:64])):
        page = BeautifulSoup(panel.html(), "html.parser")
        assert page.find("img")["alt"] == panel.alt
        assert page.find("figcaption").get_text() == panel.sentence
        assert page.find("img")["src"].startswith("data:image/png;base64,")
        assert not page.find_all(["link", "iframe"]) + page.find_all("script", src=True)
        state = json.loads(page.find("script", type="application/json").string)
        assert state["data"] == panel.data
        assert page.find("style").string.strip() == joined(panel.styles).strip()
        script = page.find("script", type="module").string
        assert script.rstrip().endswith(f'mount("{page.find(class_="vae-panel")["id"]}", render);')
        assert "http" not in script.replace("http://www.w3.org", "")


def test_the_page_of_an_explorer_begins_at_the_z_that_python_set(explorer):
    explorer.z = [1, 2]
    page = BeautifulSoup(explorer.html(), "html.parser")
    assert json.loads(page.find("script", type="application/json").string)["z"] == [1, 2]


def test_in_jupyter_it_is_a_widget_with_the_page_as_a_second_choice(explorer):
    formats, _ = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in formats
    assert formats["text/html"] == explorer.html()


def test_the_picture_is_what_the_last_checkpoint_generates(explorer, networks):
    assert explorer.network is networks[500]
    assert explorer.picture().axes[0].images[0].get_array().shape == (12 * 32, 12 * 32)
