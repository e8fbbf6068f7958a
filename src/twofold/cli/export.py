"""``twofold export``: a model file as something that others read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from twofold.cli.options import AS_JSON
from twofold.cli.show import FILE

FORMATS = {"onnx": ".onnx", "python": ".py"}


def export(
    file: FILE,
    output: Annotated[Path, Option("--output", "-o", help="The file to write.", show_default=False)],
    to: Annotated[str | None, Option("--to", help="onnx or python; else what the output's name says.")] = None,
    as_json: AS_JSON = False,
) -> None:
    """Export a model: to ONNX, run with onnxruntime before it is believed, or to a few lines of Python."""
    from twofold.cli.screen import Screen
    from twofold.errors import SpecificationError, check_name
    from twofold.files import check_place, replacing
    from twofold.saving import export_onnx, load_model, to_python

    screen = Screen(as_json=as_json)
    if to is None:
        to = next((name for name, ending in FORMATS.items() if output.suffix == ending), None)
        if to is None:
            raise SpecificationError(f"what is {output} to be? say --to onnx or --to python")
    check_name("format", to, FORMATS)
    check_place(output)
    model = load_model(file)
    result = {"file": str(file), "format": to, "output": str(output)}
    if to == "onnx":
        report = export_onnx(model, output)
        screen.say(str(report))
        numbers = {"largest_difference": report.largest_difference, "largest_output": report.largest_output}
        screen.result(result | {"samples": report.samples, **numbers})
        return
    source = to_python(model).encode()
    with replacing(output) as written:
        written.write(source)
    screen.say(f"{output}: {len(source):,} bytes of Python; outputs(x) and predict(x) take one sample")
    screen.result(result | {"bytes": len(source)})
