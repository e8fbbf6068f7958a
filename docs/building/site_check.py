"""Look at a built site as a stranger would: every page has text, every link leads somewhere, nothing comes from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LEAST_WORDS = 40  # of a page; a Chinese character counts as half a word
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}


class _Page(HTMLParser):
    """Collects the words of the article, the links, the anchors and what the page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.text: list[str] = []
        self._inside = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids |= {found[name] or "" for name in ("id", "name") if name in found}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"] or "")
        place = found.get(LOADED.get(tag, ""))
        if place and found.get("rel") not in ("canonical", "alternate", "search", "next", "prev", "index"):
            self.loads.append(place)
        self._inside += tag == "article"

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag == "article"

    def handle_data(self, data: str) -> None:
        if self._inside > 0:
            self.text.append(data)


def check_site(site: Path, expected: list[str]) -> list[str]:
    """Return what is wrong with a site, a line each.

    Parameters
    ----------
    site : Path
        The folder above those of the languages, since pages link from one language to the other.
    expected : list of str
        Pages that must be there, such as ``"en/lessons/mlp.html"``.
    """
    pages = {path: _read(path) for path in sorted(site.rglob("*.html"))}
    wrong = [f"{name}: the page is missing" for name in expected if site / name not in pages]
    for path, page in pages.items():
        name = path.relative_to(site)
        words = _count(" ".join(page.text))
        if words < LEAST_WORDS and path.stem not in ("search", "genindex", "py-modindex"):
            wrong.append(f"{name}: the article has {words:.0f} words")
        wrong += [f"{name}: loads {place} from elsewhere" for place in page.loads if urlsplit(place).netloc]
        wrong += [f"{name}: {link} leads nowhere" for link in page.links if not _leads(path, link, pages)]
    for path in site.rglob("*.css"):
        wrong += [f"{path.relative_to(site)}: loads {place}" for place in _imports(path)]
    return wrong


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
