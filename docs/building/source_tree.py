"""Put together what Sphinx reads, in one language: lessons, how-to pages, references, glossary, changelog."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import nbformat

from building.commands import command_page
from building.formulas import formulas_page
from building.lesson_source import Lesson
from building.notebooks import Built
from building.pictures import dark_rules, inline_pictures
from building.reference import reference_pages

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
ROOT_PAGES = {"CHANGELOG.md": "changelog", "SECURITY.md": "security", "CONTRIBUTING.md": "contributing"}
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)\s]+)\)")
GLOSSARY = {"en": "Glossary", "zh": "术语表"}
SECTIONS = {
    "en": {
        "howto": ("How to", "What the package does, page by page."),
        "project": ("Project", "What changed, how to report a weakness, how to contribute."),
    },
    "zh": {
        "howto": ("操作指南", "本软件的各项功能，逐页说明（英文）。"),
        "project": ("项目", "更新记录、安全问题的报告方式、参与贡献（英文）。"),
    },
}


def write_source(target: Path, language: str, lessons: list[Lesson], built: dict[str, Built]) -> None:
    """Write the source of the site.

    Parameters
    ----------
    target : Path
        An empty folder.
    language : {"en", "zh"}
    lessons : list of Lesson
    built : dict of str to Built
        Of each lesson, by its name.
    """
    for folder in ("_static", "_templates", "gallery"):
        shutil.copytree(DOCS / folder, target / folder)
    for picture in ("film.webp", "regions.png"):  # of the start page
        shutil.copy(DOCS / "gallery" / picture, target / "_static")
    shutil.copy(DOCS / "conf.py", target)
    (target / "_static" / "pictures.css").write_text(dark_rules(), encoding="utf-8")
    howto = sorted(DOCS.glob("*.md"))
    for path in howto:
        _write(target / path.name, _with_links(path, target))
    for name, page in ROOT_PAGES.items():
        _write(target / f"{page}.md", _with_links(ROOT / name, target))
    for path in [*DOCS.glob("*.png"), *DOCS.glob("*.webp")]:
        shutil.copy(path, target)
    _write(target / "commands.md", command_page(language))
    _write(target / "formulas.md", formulas_page(language))
    _write(target / "glossary.md", _glossary(language))
    for name, text in reference_pages(language).items():
        _write(target / "reference" / name, text)
    _write_lessons(target, language, lessons, built)
    _write_section(target, language, "howto", [path.stem for path in howto])
    _write_section(target, language, "project", list(ROOT_PAGES.values()))
    _write(target / "index.md", _index(language))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _with_links(path: Path, target: Path) -> str:
    """Return a page whose links within the repository lead to pages of the site, or to copies of the files."""

    def found(match: re.Match[str]) -> str:
        place, _, part = match[1].partition("#")
        file = (path.parent / place).resolve()
        anchor = f"#{part}" if part else ""
        if file.name in ROOT_PAGES and file.parent == ROOT:
            return f"]({ROOT_PAGES[file.name]}.md{anchor})"
        if file.parent == DOCS or DOCS in file.parents:
            return f"]({file.relative_to(DOCS)}{anchor})"
        copy = target / "files" / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
        return f"]({copy.relative_to(target)})"

    return LINK.sub(found, path.read_text(encoding="utf-8"))


def _write_lessons(target: Path, language: str, lessons: list[Lesson], built: dict[str, Built]) -> None:
    folder = target / "lessons"
    folder.mkdir()
    for lesson in lessons:
        notebook = built[lesson.name].notebook
        nbformat.write(inline_pictures(notebook), folder / f"{lesson.name}.ipynb")
    listed = "\n".join(lesson.name for lesson in lessons)
    lead = (DOCS / "start" / f"lessons-{language}.md").read_text(encoding="utf-8")
    _write(folder / "index.md", f"{lead}\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n")


def _glossary(language: str) -> str:
    """Write the words of the field with the other language's beside them."""
    words = tomllib.loads((DOCS / "glossary.toml").read_text(encoding="utf-8"))["word"]
    other = "zh" if language == "en" else "en"
    entries = [f"{word[language]}\n  {word[other]}: {word[f'{language}_means']}\n" for word in words]
    return f"# {GLOSSARY[language]}\n\n```{{glossary}}\n" + "\n".join(entries) + "```\n"


def _write_section(target: Path, language: str, name: str, pages: list[str]) -> None:
    """Write a page that lists others."""
    title, lead = SECTIONS[language][name]
    listed = "\n".join(pages)
    _write(target / f"{name}.md", f"# {title}\n\n{lead}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n")


def _index(language: str) -> str:
    """Write the start page with the table of contents."""
    text = (DOCS / "start" / f"{language}.md").read_text(encoding="utf-8")
    return text + "\n```{toctree}\n:hidden:\n\nlessons/index\nhowto\nreference/index\nproject\n```\n"
