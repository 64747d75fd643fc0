"""The page of promises names the tests that hold them, and these tests exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
PROMISES = [
    " ".join(text.split()) for text in re.findall(r"^- (.*?)(?=^- |^\#|\Z)", PAGE, re.DOTALL | re.MULTILINE)
]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_named_test_exists(path, name):
    source = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE)


def test_every_promise_names_a_test():
    assert len(PROMISES) > 25
    without = [promise for promise in PROMISES if "`tests/" not in promise]
    assert [promise.partition(":")[0] for promise in without] == ["No more is promised across processors"]


def test_the_page_is_linked():
    for page in ("README.md", "docs/meanings.md", "docs/architecture.md", "docs/house.md"):
        assert "promises.md" in (ROOT / page).read_text(encoding="utf-8"), page
