"""The line that a verified statement prints, and the error when it is false."""

import numpy as np
import pytest

from vae_lib.checks import check


def test_a_true_statement_prints_one_line(capsys):
    check("(2.4) closed form = Monte Carlo", True, "2.25 vs 2.24")
    check("shapes", np.bool_(True))
    expected = "✓ (2.4) closed form = Monte Carlo: 2.25 vs 2.24\n✓ shapes\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("false", [False, np.bool_(False)])
def test_a_false_statement_raises_with_its_numbers_and_prints_nothing(false, capsys):
    with pytest.raises(AssertionError, match=r"^✗ \(2\.4\) equal: 1 vs 2$"):
        check("(2.4) equal", false, "1 vs 2")
    assert capsys.readouterr().out == ""
