"""Training in the page, driven as a reader does: play, pause, step, reset, and the settings."""

import pytest

from tests.browser.hands import CHAPTER, PATIENCE, USES, Trainer, from_a_file

ENOUGH = 150  # iterations, after which a reconstruction is well below its start


@pytest.fixture
def trainer(visit):
    return Trainer(visit(CHAPTER))


def one_step(trainer):
    """Take a step, and return the numbers after it."""
    before = trainer.number("iteration")
    trainer.press("step")
    trainer.reach(before + 1)
    return [trainer.number(role) for role in ("iteration", "reconstruction", "kl")]


def has_stopped(trainer):
    """Whether no minibatch came in between what it shows and the next step."""
    shown = trainer.number("iteration")
    return one_step(trainer)[0] == shown + 1


def test_it_waits_for_its_reader(trainer):
    assert trainer.number("iteration") == 0
    assert has_stopped(trainer)


def test_a_step_is_one_minibatch_and_reset_gives_the_same_start(trainer):
    first = [one_step(trainer) for _ in range(3)]
    assert [iteration for iteration, *_ in first] == [1, 2, 3]
    assert all(value > 0 for numbers in first for value in numbers)
    trainer.says("Stepped to iteration 3")
    trainer.press("reset")
    trainer.wait("() => role('iteration').textContent === '0'")
    assert [one_step(trainer) for _ in range(3)] == first


def test_it_learns_while_one_watches_and_stops_when_told(trainer):
    _, untrained, _ = one_step(trainer)
    before, chart = trainer.manifold(), trainer.part("chart").screenshot()
    trainer.press("play")
    trainer.reach(ENOUGH)
    trainer.press("play")
    trainer.says("Paused at iteration")
    assert trainer.number("reconstruction") < untrained / 2
    assert trainer.number("reconstruction") < 230
    assert trainer.manifold() != before
    assert trainer.part("chart").screenshot() != chart
    assert has_stopped(trainer)


def test_a_larger_beta_costs_the_code_its_words_while_it_runs(trainer):
    trainer.press("play")
    trainer.reach(ENOUGH)
    before = trainer.number("kl")
    trainer.set("beta", 8)
    trainer.reach(trainer.number("iteration") + 2 * ENOUGH)
    assert trainer.number("kl") < before - 1


def test_without_price_and_noise_the_code_goes_on_spreading(trainer):
    trainer.press("play")
    trainer.reach(ENOUGH)
    trainer.press("play")
    trainer.says("Paused at iteration")
    before = trainer.number("kl")
    trainer.set("beta", 0)
    trainer.part("noise").uncheck()
    trainer.press("play")
    # How soon differs from run to run. With price and noise it is not 1.3 times after 4,000 more.
    trainer.wait("(kl) => number('kl') > 2 * kl", before, patience=3 * PATIENCE)


def test_without_noise_the_code_shrinks_towards_the_prior(trainer):
    trainer.press("play")
    trainer.reach(ENOUGH)
    before = trainer.number("kl")
    trainer.part("noise").uncheck()
    trainer.reach(trainer.number("iteration") + 2 * ENOUGH)
    assert trainer.number("kl") < before / 2


def test_a_learning_rate_that_breaks_it_is_said_and_reset_starts_again(trainer):
    first = one_step(trainer)
    # A rate beyond the slider's end, so that it surely breaks.
    trainer.part("rate").evaluate("(input) => { input.max = 13; }")
    trainer.set("rate", 13)
    trainer.press("play")
    trainer.says("no longer a finite number")
    assert trainer.part("play").text_content() == "Play"
    trainer.set("rate", 9)
    trainer.press("reset")
    trainer.wait("() => role('iteration').textContent === '0'")
    assert one_step(trainer) == first


def test_it_pauses_when_its_reader_goes_on_reading(trainer):
    trainer.press("play")
    trainer.reach(5)
    trainer.page.evaluate("window.scrollTo(0, 0)")
    trainer.says("went out of view")
    assert has_stopped(trainer)


def test_it_works_by_keyboard_alone(trainer):
    trainer.part("play").focus()
    trainer.page.keyboard.press("Enter")
    trainer.reach(3)
    trainer.page.keyboard.press("Space")
    trainer.says("Paused")
    trainer.page.keyboard.press("Tab")
    before = trainer.number("iteration")
    trainer.page.keyboard.press("Enter")
    trainer.reach(before + 1)
    assert trainer.number("iteration") == before + 1


def test_it_trains_from_a_file_without_any_network(chromium):
    with from_a_file(chromium, CHAPTER) as page:
        trainer = Trainer(page)
        trainer.press("play")
        trainer.reach(20)


@pytest.mark.parametrize(("where", "what"), [(CHAPTER, "Training"), (USES, "Completing")])
def test_where_there_is_no_worker_a_sentence_says_so(chromium, site, where, what):
    context = chromium.new_context()
    page = context.new_page()
    page.add_init_script("delete window.Worker")
    page.goto(f"{site}/{where}.html")
    page.locator(".vae-panel").last.scroll_into_view_if_needed()  # it waits until it is near
    page.get_by_text(f"{what} needs a newer browser: this one has no Worker.").wait_for()
    context.close()
