"""What there is to be once, is there once; and the page says what the tree has."""

import pytest

import architecture


def test_the_page_shows_what_the_tree_has():
    assert architecture.written() == architecture.table(), "run: python tests/architecture.py --write"


def test_there_is_one_of_each():
    assert len(architecture.classes("Task")) == 1
    assert len(architecture.adams()) == 1
    assert len(architecture.classes("Loss")) == 1
    assert len(architecture.training_loops()) <= 2  # the trainer, and the one on it for sequences


@pytest.mark.parametrize("name", ["scenario", "task"])
def test_nothing_takes_just_anything_as(name):
    assert architecture.typed_any(name) == []


def test_private_modules_and_names_stay_in_their_package():
    assert architecture.private_imports() == []
