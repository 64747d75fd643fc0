"""Configurations from words and files: what is right comes through, what is wrong is one line."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
import pytest
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from hypothesis import given
from hypothesis import strategies as st

from eventsim.errors import ConfigError
from eventsim.io import config


@dataclass(frozen=True, slots=True, kw_only=True)
class Adam:
    lr: Annotated[float, Gt(0)] = 5e-3
    betas: tuple[float, float] = (0.9, 0.999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    paper: ClassVar[str] = "none"
    n_hidden: Annotated[int, Ge(1), Le(1000)] = 30
    sizes: tuple[int, ...] = (1, 2)
    loss: Literal["ttfs", "mse"] = "ttfs"
    tau: Annotated[float, Gt(0)] | None = None
    clip: Annotated[float, Gt(0)] | None = 0.5
    flag: bool = False
    name: str = "a"
    adam: Adam = field(default_factory=Adam)

    def __post_init__(self):
        if self.n_hidden == 13:
            raise ValueError("n_hidden must not be 13, got 13")


def from_words(*words):
    return config.make(Task, config.parse_overrides(words))


def test_words_set_values_with_and_without_quotes():
    task = from_words(
        "n_hidden=12",
        "sizes=[3, 4]",
        "loss=mse",
        "tau=.5",
        "clip=none",
        "flag=true",
        "adam.lr=1e-2",
        'name="b c"',
    )
    assert task == Task(
        n_hidden=12, sizes=(3, 4), loss="mse", tau=0.5, clip=None, flag=True, name="b c", adam=Adam(lr=0.01)
    )
    assert from_words("name=2026-01-01").name == "2026-01-01"
    assert from_words("name=a=b").name == "a=b"
    assert from_words("name=7").name == "7"
    assert from_words("name=").name == ""


def test_later_layers_win_and_nested_ones_mix():
    task = config.make(
        Task, {"n_hidden": 3, "adam": {"lr": 0.1}}, {"adam": {"betas": [0.5, 0.6]}}, {"n_hidden": 4}
    )
    assert task == Task(n_hidden=4, adam=Adam(lr=0.1, betas=(0.5, 0.6)))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("n_hidden=0", "n_hidden = 0: must be at least 1"),
        ("n_hidden=1001", "n_hidden = 1001: must be at most 1000"),
        ("n_hidden=2.5", "n_hidden = 2.5: must be an integer"),
        ("n_hidden=abc", "n_hidden = 'abc': must be an integer"),
        ("n_hidden=true", "n_hidden = true: must be a number"),
        ("n_hidden=13", "n_hidden must not be 13, got 13"),
        ("adam.lr=nan", "adam.lr = nan: must be a number"),
        ("adam.lr=-1", "adam.lr = -1: must be greater than 0"),
        ("tau=x", "tau = 'x': must be a number"),
        ("loss=foo", "loss = 'foo': must be 'ttfs' or 'mse'"),
        ("flag=7", "flag = 7: must be true or false"),
        ("sizes=1", "sizes = 1: must be a list, such as [1, 2]"),
        ("sizes=[1, 2.5]", "sizes.1 = 2.5: must be an integer"),
        ("adam.betas=[1]", "adam.betas.1 must be given"),
        ("foo", "'foo' sets nothing; write key=value, such as n_hidden=30"),
        ("=3", "'=3' sets nothing; write key=value, such as n_hidden=30"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(word, message):
    with pytest.raises(ConfigError) as caught:
        from_words(word)
    assert str(caught.value) == message


def test_unknown_keys_are_refused_with_the_nearest():
    with pytest.raises(
        ConfigError, match=r"no key 'n_hiden'; did you mean 'n_hidden'\? known: n_hidden, sizes"
    ):
        from_words("n_hiden=3")
    with pytest.raises(ConfigError, match=r"no key 'adam.lrr'; did you mean 'lr'\? known: lr, betas"):
        from_words("adam.lrr=3")
    with pytest.raises(ConfigError, match="no key 'paper'"):
        from_words("paper=mine")


def test_keys_set_twice_are_refused():
    with pytest.raises(ConfigError, match="n_hidden is set twice; the second is 'n_hidden=4'"):
        from_words("n_hidden=3", "n_hidden=4")
    with pytest.raises(ConfigError, match=r"'adam\.lr=1' sets a part of 'adam'"):
        from_words("adam=3", "adam.lr=1")


def test_a_configuration_survives_its_text():
    task = from_words("n_hidden=12", "clip=none", 'name=µ"x', "adam.betas=[0.1, 0.2]")
    values, run = config.from_toml(config.to_toml(task, scenario="demo", seed=np.int64(3), preset=None))
    assert config.make(Task, values) == task
    assert run == {"scenario": "demo", "seed": 3}


@given(
    st.builds(
        Task,
        n_hidden=st.integers(1, 12),
        sizes=st.lists(st.integers(-9, 9)).map(tuple),
        tau=st.none() | st.floats(0, exclude_min=True),
        name=st.text(st.characters(exclude_categories=["Cs"])),
        adam=st.builds(Adam, lr=st.floats(0, exclude_min=True)),
    )
)
def test_any_configuration_survives_its_text_to_the_bit(task):
    assert config.make(Task, config.from_toml(config.to_toml(task))[0]) == task


@given(st.text())
def test_any_word_is_a_value_or_one_line(word):
    try:
        outcome = from_words(word)
    except ConfigError as error:
        outcome = str(error)
    assert isinstance(outcome, Task) or (outcome and "\n" not in outcome)


def test_files_that_cannot_be_read_are_named(tmp_path):
    path: Path = tmp_path / "a.toml"
    with pytest.raises(ConfigError, match=r"cannot read configuration .*a\.toml: No such file"):
        config.read_toml(path)
    path.write_text("n_hidden = \nseed = 1")
    with pytest.raises(ConfigError, match=r"a\.toml is not TOML: .*line 1"):
        config.read_toml(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="it is not UTF-8 text"):
        config.read_toml(path)
    path.write_text("run = 3")
    with pytest.raises(ConfigError, match=r"run in .* must be a table, \[run\], got 3"):
        config.read_toml(path)
    path.write_text("n_hidden = 3\n[run]\nseed = 4\n")
    assert config.read_toml(path) == ({"n_hidden": 3}, {"seed": 4})


def test_a_byte_order_mark_is_no_part_of_a_configuration(tmp_path):
    path: Path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbfn_hidden = 3\n")
    assert config.read_toml(path) == ({"n_hidden": 3}, {})
    path.write_text("n_hidden = 3", encoding="utf-16")
    with pytest.raises(ConfigError, match="it is not UTF-8 text"):
        config.read_toml(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = " + 100_000 * "[", "the configuration is nested too deeply"),
        ("x = " + 10_000 * "9", "the configuration is not TOML: Exceeds the limit"),
        ("x = 1e", "the configuration is not TOML: .*line 1"),
    ],
)
def test_texts_that_python_cannot_read_are_configuration_errors(text, message):
    with pytest.raises(ConfigError, match=message):
        config.from_toml(text)


def test_deeply_nested_values_are_configuration_errors():
    values, _ = config.from_toml(".".join(5000 * "a") + " = 1")
    with pytest.raises(ConfigError, match="nested too deeply"):
        config.make(Task, values)


@dataclass(frozen=True)
class Bounded:
    n: Annotated[int, Lt(10), MultipleOf(2)] = 2
    pair: tuple[int, int] = (1, 2)
    words: Annotated[tuple[str, ...], MinLen(1), MaxLen(2)] = ("a",)
    rate: Annotated[float, Gt(0), Lt(1)] = 0.5
    adam: Adam = field(default_factory=Adam)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n": 12}, "n = 12: must be less than 10"),
        ({"n": 3}, "n = 3: must be a multiple of 2"),
        ({"n": "7_"}, "n = '7_': must be an integer"),
        ({"n": "9" * 5000}, "n = '9999"),
        ({"pair": [1, 2, 3]}, "pair = [1, 2, 3]: must be at most 2 long"),
        ({"pair": 3}, "pair = 3: must be a list, such as [1, 2]"),
        ({"words": []}, "words = []: must be at least 1 long"),
        ({"words": [1]}, "words.0 = 1: must be a string"),
        ({"rate": 1.0}, "rate = 1.0: must be less than 1"),
        ({"rate": "inf"}, "rate = 'inf': must be less than 1"),
        ({"rate": []}, "rate = []: must be a number"),
        ({"adam": 3}, "adam = 3: must be a table of keys and values"),
    ],
)
def test_no_message_has_the_words_of_the_validator(values, message):
    with pytest.raises(ConfigError) as caught:
        config.make(Bounded, values)
    text = str(caught.value)
    assert text.startswith(message)
    assert not any(word in text for word in ("Input", "should", "unable to parse", "pydantic"))


def test_a_part_that_is_wrong_is_named_without_the_whole():
    @dataclass
    class Sizes:
        hidden: Annotated[tuple[Annotated[int, Le(10)], ...], MinLen(1)] = (1,)

    with pytest.raises(ConfigError) as error:
        config.make(Sizes, {"hidden": [11]})
    assert str(error.value) == "hidden.0 = 11: must be at most 10"
