"""Check a learner's file in a process of its own, with limits of time, memory and output."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from twofold.errors import DataError, DataNotFoundError
from twofold.exercises.checking import wrong
from twofold.exercises.diagnoses import failure_text
from twofold.exercises.process import Process
from twofold.exercises.registry import EXERCISES
from twofold.exercises.result import Result
from twofold.exercises.running import Failure
from twofold.language import Text

LOADING = 30.0  # seconds at least for a file to be loaded: it may import slow libraries
TOO_LONG = Text(
    "it was stopped after {seconds:g} s: is there a loop without end, such as a while whose condition never changes?",
    "运行 {seconds:g} 秒后被中止：是否有死循环，例如条件永不改变的 while？",
)
TOO_MUCH = Text(
    "it was stopped after printing a million characters: is there a print in a loop without end?",
    "输出超过一百万个字符，已被中止：死循环里是否有 print？",
)
ENDED = Text(
    "it ended the whole process (exit code {code}): leave os._exit and the like out, return the result instead",
    "代码结束了整个进程（退出码 {code}）：请去掉 os._exit 之类的调用，改为返回结果",
)
MISSING = Text(
    "there is no function {function} in {file}; begin with  {signature}",
    "{file} 中没有函数 {function}；请这样开头： {signature}",
)
BROKEN = Text("{file} can't be run: {why}", "{file} 无法运行：{why}")
NO_FILE = Text(
    "there is no file {file}; write your answer into one, such as answers.py",
    "没有文件 {file}；请把答案写进一个文件，例如 answers.py",
)
NO_PYTHON = Text(
    "{file} is no .py file; in a notebook, call check(your_function) from twofold.exercises",
    "{file} 不是 .py 文件；在笔记本里请调用 twofold.exercises 的 check(你的函数)",
)
NOTHING = Text(
    "{file} has no function of an exercise; their names are in: twofold exercise list",
    "{file} 中没有练习要求的函数；函数名见 twofold exercise list",
)


def check_file(
    path: Path, names: Sequence[str] = (), *, language: str = "en", seconds: float = 10.0
) -> Iterator[Result]:
    """Check the functions of a file.

    Parameters
    ----------
    path : Path
    names : sequence of str
        Exercises; without them, all whose function is in the file.
    language : {"en", "zh"}
    seconds : float
        For which an exercise may run.

    Yields
    ------
    Result
        In the order of the exercises.

    Raises
    ------
    DataError
        If the file is not there, can't be run, or has no function of an exercise.
    """
    if not path.is_file():
        raise DataNotFoundError(NO_FILE.fill(file=path).read(language))
    if path.suffix != ".py":
        raise DataError(NO_PYTHON.fill(file=path).read(language))
    work = _Work(path.resolve(), list(names), language, seconds)
    while not work.done:
        yield from work.in_a_process()


class _Work:
    """What is left to check of a file; a process that hangs or ends costs one exercise, the next takes the rest."""

    def __init__(self, path: Path, names: list[str], language: str, seconds: float) -> None:
        self.path, self.left, self.language, self.seconds = path, names, language, seconds
        self.done = False
        self._current = ""

    def in_a_process(self) -> Iterator[Result]:
        """Check until all is done or the process ends."""
        self._current = ""
        process = Process([str(self.path), self.language, *self.left])
        try:
            ended = False
            while not (self.done or ended):
                event = self._next(process)
                ended = event["event"] == "ended"
                if (result := self._take(event)) is not None:
                    yield result.with_output(process.output())
                    self.left.remove(self._current)
                    self._current = ""
                    self.done = not self.left
        finally:
            process.close()

    def _next(self, process: Process) -> dict[str, Any]:
        """Wait for what happens; if nothing does, end the process and say why."""
        seconds = self.seconds if self._current else max(self.seconds, LOADING)
        try:
            event = process.event(seconds)
            stopped = None
        except queue.Empty:
            event, stopped = None, TOO_LONG.fill(seconds=seconds)
            process.kill()
        if event is not None:
            return event
        code = process.close()
        return {"event": "ended", "text": TOO_MUCH if process.flooded else stopped or ENDED.fill(code=code)}

    def _take(self, event: dict[str, Any]) -> Result | None:
        """Act on an event; return a result, if it brings one."""
        match event["event"]:
            case "broken":
                raise self._broken(failure_text(Failure(event["kind"], event["message"], event["line"])))
            case "found":
                self.left = event["names"]
                if not self.left:
                    raise DataError(NOTHING.fill(file=self.path.name).read(self.language))
            case "started":
                self._current = event["name"]
            case "missing":
                exercise = EXERCISES[self._current]
                facts = {"function": exercise.function, "file": self.path.name, "signature": exercise.signature}
                return wrong(exercise, self.language, (MISSING.fill(**facts), "missing"))
            case "result":
                example = tuple(map(tuple, event["result"]["example"]))
                return Result(**event["result"] | {"example": example})
            case "ended" if not self._current:
                raise self._broken(event["text"])
            case "ended":
                return wrong(EXERCISES[self._current], self.language, (event["text"], "stopped"))
        return None

    def _broken(self, why: Text) -> DataError:
        return DataError(BROKEN.fill(file=self.path.name, why=why).read(self.language))
