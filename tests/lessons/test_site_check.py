"""What a built site lacks is found before anybody sees it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the source tree is out of reach")
WORDS = "one two three four five six seven eight nine"


@pytest.fixture
def check():
    sys.path.insert(0, str(DOCS))
    from building.site_check import check_site

    yield check_site
    sys.path.remove(str(DOCS))


@pytest.mark.parametrize(
    ("inside", "wrong"),
    [
        (WORDS, []),
        ("", ["index.html: the article has 0 words"]),
        (f'<img src="a/b.png">{WORDS}', ["index.html: a/b.png, which it loads, isn't there"]),
        (f'<img src="https://x.org/b.png">{WORDS}', ["index.html: loads https://x.org/b.png from elsewhere"]),
        (f'<a href="c.html">{WORDS}</a>', ["index.html: c.html leads nowhere"]),
        (f'<img src="data:image/png;base64,AA">{WORDS}', []),
    ],
)
def test_what_a_page_lacks_is_told(check, tmp_path, inside, wrong):
    (tmp_path / "index.html").write_text(f"<article>{inside}</article>", encoding="utf-8")
    assert check(tmp_path, {}) == wrong
