"""What tests ask of an error: its type, what it says, and that it says so in a sentence."""

import pytest

from tests.helpers import refused

SENTENCE = "z_dim was 2.5; it may be a whole number from 1 to 10,000"
PARTS = ("z_dim", 2.5, 1, "10,000")


def refuse(error):
    with refused(ValueError, *PARTS):
        raise error


@pytest.mark.parametrize(
    "sentence",
    [SENTENCE, "Choose another z_dim than 2.5: one from 1, up to 10,000.", SENTENCE + "\n"],
)
def test_another_way_to_say_the_same_passes(sentence):
    refuse(ValueError(sentence))


@pytest.mark.parametrize(
    "sentence",
    [
        SENTENCE.replace("z_dim", "h_dim"),
        SENTENCE.replace("z_dim", "my_z_dim"),
        SENTENCE.replace("2.5", "12.5"),
        SENTENCE.replace("2.5", "-2.5"),
        SENTENCE.replace("2.5", "2.57"),
        SENTENCE.replace("was 2.5", "was wrong"),
        SENTENCE.replace("from 1 to", "up to"),
        SENTENCE.replace(" to 10,000", ""),
        SENTENCE.replace("10,000", "10,000,000"),
        "2.5 was z_dim; it may be a whole number from 1 to 10,000",
        SENTENCE + ". Try again.",
        SENTENCE + "\nTry again",
        SENTENCE + ":",
        "Traceback: " + SENTENCE,
        "",
    ],
)
def test_what_says_less_or_more_than_a_sentence_fails(sentence):
    with pytest.raises(AssertionError):
        refuse(ValueError(sentence))


def test_another_error_fails():
    with pytest.raises(TypeError):
        refuse(TypeError(SENTENCE))
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"), refused(ValueError):
        pass
