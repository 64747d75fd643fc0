"""The workload W8 against an independent program: SparseProp's algorithm in C, written for the comparison."""

import shutil

import pytest

from eventsim.benchmarks.sparse_network import Case, Program, agree

compiler = shutil.which("cc")
pytestmark = pytest.mark.skipif(compiler is None, reason="needs a C compiler, cc")


@pytest.mark.parametrize("clock", ["unit", "common"])
@pytest.mark.parametrize("n", [1_000, 10_000])
@pytest.mark.parametrize("rate", [1.0, 10.0])
def test_the_first_3000_spikes_are_of_the_same_units_in_the_same_order(n, rate, clock, tmp_path):
    program, case = Program(tmp_path, str(compiler)), Case(n, rate, 1)
    case.write(tmp_path / "network")
    assert agree(case, program, clock) < 1e-10  # ms; rounding of phases and of times, over up to 1 s


def test_another_network_does_not_agree(tmp_path):
    program, case = Program(tmp_path, str(compiler)), Case(1_000, 1.0, 1)
    case.write(tmp_path / "network")
    with pytest.raises(ArithmeticError, match="of 1000 neurons is of unit"):
        agree(Case(1_000, 1.1, 1), program, "unit")
