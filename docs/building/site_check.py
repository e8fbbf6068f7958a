"""Check a built site: every page has text, every link leads somewhere, nothing is loaded from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LEAST_WORDS = 8  # of a page; a Chinese character counts as half a word
LESSON_WORDS = 300  # of a lesson
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}


class _Page(HTMLParser):
    """Collects the words of the article, the links, the anchors and what the page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.text: list[str] = []
        self.cells = 0
        self._inside = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids |= {found[name] or "" for name in ("id", "name") if name in found}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"] or "")
        place = found.get(LOADED.get(tag, ""))
        if place and found.get("rel") not in ("canonical", "alternate", "search", "next", "prev", "index"):
            self.loads.append(place)
        self.cells += tag == "div" and "cell" in (found.get("class") or "").split()
        self._inside += tag == "article"

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag == "article"

    def handle_data(self, data: str) -> None:
        if self._inside > 0:
            self.text.append(data)


def check_site(site: Path, lessons: dict[str, int]) -> list[str]:
    """Return what is wrong with a site, a line each.

    Parameters
    ----------
    site : Path
        The folder above those of the languages, since pages link from one language to the other.
    lessons : dict of str to int
        Pages that must be there, such as ``"en/lessons/mlp.html"``, and how many cells of code each has.
    """
    pages = {path: _read(path) for path in sorted(site.rglob("*.html")) if "_static" not in path.parts}
    wrong = [f"{name}: {why}" for name, cells in lessons.items() if (why := _partial(pages.get(site / name), cells))]
    for path, page in pages.items():
        name = path.relative_to(site)
        words = _count(" ".join(page.text))
        if words < LEAST_WORDS and path.stem not in ("search", "genindex", "py-modindex"):
            wrong.append(f"{name}: the article has {words:.0f} words")
        wrong += [f"{name}: loads {place} from elsewhere" for place in page.loads if urlsplit(place).netloc]
        wrong += [
            f"{name}: {place}, which it loads, isn't there" for place in page.loads if not _leads(path, place, pages)
        ]
        wrong += [f"{name}: {link} leads nowhere" for link in page.links if not _leads(path, link, pages)]
    for path in site.rglob("*.css"):
        wrong += [f"{path.relative_to(site)}: loads {place}" for place in _imports(path)]
    return wrong


def _partial(page: _Page | None, cells: int) -> str:
    """Return what a lesson lacks; nothing if it is whole."""
    if page is None:
        return "the page is missing"
    if page.cells != cells:
        return f"{page.cells} cells of code; the notebook has {cells}"
    words = _count(" ".join(page.text))
    return f"the lesson has only {words:.0f} words" if words < LESSON_WORDS else ""


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _count(text: str) -> float:
    return len(re.findall(r"[A-Za-z0-9_]+", text)) + len(re.findall(r"[\u4e00-\u9fff]", text)) / 2


def _imports(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="replace")
    return re.findall(r"(?:@import\s+(?:url\()?|url\()[\"']?((?:https?:)?//[^\"')]+)", text)


def _leads(path: Path, link: str, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target = target / "index.html"
    if not target.exists():
        return False
    fragment = unquote(parts.fragment)
    return not fragment or target not in pages or fragment in pages[target].ids or link == "#"
