"""Lessons as notebooks: executed, with every number of the text computed where it stands."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import Any

from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from building.exercises import exercise_text
from building.lesson_source import IMAGES, VALUE, Block, Lesson, LessonError, translate

SECONDS = 120  # that one cell may take
BROKEN = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n(?=[\u3000-\u9fff\uff00-\uffef])")  # no space in Chinese
HOW_TO_RUN = {
    "en": "This lesson is also a notebook, which runs wherever `pip install 'twofold[torch]'` was run.",
    "zh": "本课也是一个笔记本；执行过 `pip install 'twofold[torch]'` 的地方都能运行。",
}
LANGUAGE_CELL = 'from twofold.plots import use_style\n\nuse_style("auto", language="{}")'


@dataclass
class Built:
    """An executed lesson.

    Attributes
    ----------
    notebook : NotebookNode
    values : dict of str to str
        What the expressions of the text came to, those that vary from run to run left out.
    """

    notebook: NotebookNode
    values: dict[str, str] = field(default_factory=dict)


def build_notebook(lesson: Lesson, language: str, *, images: str) -> Built:
    """Execute a lesson in one language.

    Parameters
    ----------
    lesson : Lesson
    language : {"en", "zh"}
    images : str
        The data set that stands where the source names Fashion-MNIST.

    Raises
    ------
    LessonError
        If a cell or an expression fails; the message names its line.
    """
    notebook = new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    built = Built(notebook)
    with TemporaryDirectory() as folder:  # of the kernel's sockets: files, so that no port is opened
        kernel = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{folder}/kernel")
        client = NotebookClient(notebook, timeout=SECONDS, km=kernel, coalesce_streams=True)
        client.owns_km = True  # so that it ends the kernel, too
        with client.setup_kernel():
            _run(client, new_code_cell(LANGUAGE_CELL.format(language)), f"{lesson.path.name}: set-up")
            cells = [new_markdown_cell(f"# {lesson.number} {lesson.titles[language]}")]
            for block in lesson.of(language):
                where = f"{lesson.path.name}, line {block.line} ({language})"
                cell = _cell(client, block, language, where=where, images=images, values=built.values)
                if block.kind != "check":
                    cells.append(cell)
    exercises = exercise_text(lesson, language)
    cells += [new_markdown_cell(text) for text in (exercises, HOW_TO_RUN[language]) if text]
    for place, cell in enumerate(
        (cell for cell in cells if cell.cell_type == "code"), start=1
    ):  # hidden ones counted too
        cell.execution_count = place
        for output in cell.outputs:
            output.update({"execution_count": place} if output.output_type == "execute_result" else {})
    notebook.cells = cells
    return built


def _cell(
    client: NotebookClient, block: Block, language: str, *, where: str, images: str, values: dict[str, str]
) -> NotebookNode:
    if block.kind in ("en", "zh", "both"):
        return new_markdown_cell(_fill(client, BROKEN.sub("", block.text), where, values))
    code = translate(block.text, language).replace(f'"{IMAGES}"', f'"{images}"')
    tags = ["hide-input"] if block.kind == "picture" else []
    return _run(client, new_code_cell(code, metadata={"tags": tags}), where)


def _run(client: NotebookClient, cell: NotebookNode, where: str) -> NotebookNode:
    index = len(client.nb.cells)
    client.nb.cells.append(cell)
    try:
        client.execute_cell(cell, index)
    except CellExecutionError as error:
        raise LessonError(f"{where}: {error.ename}: {error.evalue}\n{cell.source}") from error
    if any(output.get("name") == "stderr" for output in cell.outputs):
        raise LessonError(f"{where}: the cell writes to standard error: {cell.outputs}")
    return cell


def _fill(client: NotebookClient, text: str, where: str, values: dict[str, str]) -> str:
    """Replace each ``{{ expression }}`` by its value."""
    found = [(match[1], match[2]) for match in VALUE.finditer(text)]
    if not found:
        return text
    listed = ", ".join(f"f'''{{{expression}}}'''" for _, expression in found)
    cell = _run(client, new_code_cell(f"import json as _json\nprint(_json.dumps([{listed}]))"), where)
    results: list[Any] = json.loads(cell.outputs[0].text)
    for (varies, expression), result in zip(found, results, strict=True):
        if not varies:
            values[expression] = result
    shown = iter(results)
    return VALUE.sub(lambda _: next(shown), text)
