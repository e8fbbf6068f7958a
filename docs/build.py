"""Build the site and the notebooks: ``python docs/build.py``; they come to lie in build/site and build/notebooks.

The build needs no network. Where Fashion-MNIST is not on this machine the lessons use handwritten digits, and say so.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import nbformat
from building.lesson_source import IMAGES, LANGUAGES, STAND_IN, Lesson, LessonError, read_lessons
from building.notebooks import Built, build_notebook
from building.recorded import compare, record
from building.site_check import check_site
from building.source_tree import DOCS, ROOT, write_source

from twofold.data.image_sets import find_files

BUILD = ROOT / "build"


def main() -> int:
    """Build what is asked for."""
    parser = argparse.ArgumentParser(description="Build the site and the notebooks.")
    parser.add_argument("--notebooks", action="store_true", help="only the notebooks, without the site")
    parser.add_argument("--accept", action="store_true", help="record the numbers of the texts as they are now")
    parser.add_argument("--only", default="", help="only the lesson of this name (no site)")
    options = parser.parse_args()
    started = time.perf_counter()
    try:
        built = _lessons(options.only, accept=options.accept)
        if not (options.notebooks or options.only):
            _site(built)
    except (LessonError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"built in {time.perf_counter() - started:.0f} s: {BUILD / 'notebooks'}, {BUILD / 'site'}")
    return 0


def _lessons(only: str, *, accept: bool) -> dict[str, dict[str, Built]]:
    """Execute the lessons, two at once, write the notebooks, and hold their numbers against those recorded."""
    images = STAND_IN if find_files(IMAGES) is None else IMAGES
    lessons = [lesson for lesson in read_lessons() if only in ("", lesson.name)]
    jobs = [(lesson, language) for lesson in lessons for language in LANGUAGES]
    built: dict[str, dict[str, Built]] = {language: {} for language in LANGUAGES}
    with ProcessPoolExecutor(2, initializer=_one_thread) as pool:
        for (lesson, language), (result, seconds) in zip(
            jobs, pool.map(_build, jobs, [images] * len(jobs)), strict=True
        ):
            built[language][lesson.name] = result
            folder = BUILD / "notebooks" / language
            folder.mkdir(parents=True, exist_ok=True)
            nbformat.write(result.notebook, folder / f"{lesson.path.stem}.ipynb")
            print(f"{lesson.number} {lesson.name} ({language}): {seconds:.1f} s, {len(result.values)} numbers")
    values = {name: result.values for name, result in built["en"].items()}
    if accept:
        record(images, values)
    elif wrong := compare(images, values):
        raise LessonError("\n".join([*wrong, "look at the pages; if they are right: python docs/build.py --accept"]))
    return built


def _one_thread() -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # two notebooks at once are enough for two cores


def _build(job: tuple[Lesson, str], images: str) -> tuple[Built, float]:
    started = time.perf_counter()
    return build_notebook(*job, images=images), time.perf_counter() - started


def _site(built: dict[str, dict[str, Built]]) -> None:
    """Run Sphinx for each language, and look at what came out."""
    lessons = read_lessons()
    site = BUILD / "site"
    shutil.rmtree(site, ignore_errors=True)
    for language in LANGUAGES:
        source = BUILD / "site-source" / language
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir(parents=True)
        write_source(source, language, lessons, built[language])
        environment = {"TWOFOLD_DOCS": str(DOCS), "TWOFOLD_DOCS_LANGUAGE": language}
        command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "-q", "-j", "2"]
        folders = [str(source), str(site / language)]
        subprocess.run([*command, "-d", str(source / "_doctrees"), *folders], check=True, env=os.environ | environment)
    (site / "index.html").write_text((DOCS / "start" / "choose.html").read_text(encoding="utf-8"), encoding="utf-8")
    cells = {
        f"{language}/lessons/{name}.html": sum(cell.cell_type == "code" for cell in lesson.notebook.cells)
        for language in LANGUAGES
        for name, lesson in built[language].items()
    }
    wrong = check_site(site, cells)
    if wrong:
        raise LessonError("\n".join(wrong))


if __name__ == "__main__":
    sys.exit(main())
