"""Reports and traces in a real browser: nothing goes wrong, nothing sticks out, everything can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from browser import Browser, find_browser
from hostile import CLASS, NUMBER, write_table
from twofold import Network, initialize, trace
from twofold.cli import main
from twofold.inspect.tracing.html import render_html

PROGRAM = find_browser()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium here: apt-get install chromium")

OVERFLOW = """[...document.querySelectorAll('body *')].filter(e => e.getClientRects().length
    && !e.closest('.scroll') && e.getBoundingClientRect().right > WIDTH + 1).map(e => e.outerHTML.slice(0, 80))"""

# Every piece of text against what lies behind it: contrast by WCAG 2, and how large the letters are.
CONTRAST = """(() => {
  const probe = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = color => {
    probe.clearRect(0, 0, 1, 1); probe.fillStyle = color; probe.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = probe.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = (element, drawn) => {  // the first opaque colour under the middle of the text
    const box = element.getBoundingClientRect();
    const layers = [];
    if (drawn) {
      const found = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      for (const shape of found) {
        if (shape.tagName === 'image') return null;
        if (!['path', 'rect', 'circle', 'polygon', 'use'].includes(shape.tagName)) continue;
        const style = getComputedStyle(shape);
        if (style.fill === 'none') continue;
        const color = rgba(style.fill);
        color[3] *= style.opacity * style.fillOpacity;
        layers.push(color);
        if (color[3] > 0.99) break;
      }
    }
    for (let e = element; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
    layers.push(rgba(getComputedStyle(document.body).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.getClientRects().length || element.closest('style')) continue;
    const drawn = element.closest('svg') !== null;
    element.scrollIntoView({block: 'center', inline: 'center'});
    const style = getComputedStyle(element), below = behind(element, drawn);
    if (below === null) continue;
    const ink = rgba(drawn ? style.fill : style.color);
    ink[3] *= drawn ? style.fillOpacity : 1;
    const [a, b] = [light(over(ink, below)), light(below)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize) * (drawn ? element.getScreenCTM().a : 1);
    found.push({text: node.textContent.trim().slice(0, 30), drawn, ratio: (a + 0.05) / (b + 0.05), size});
  }
  return found;
})()"""


KINDS = ("images", "numbers", "lockstep", "runs", "trace", "table", "classes")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One page of each kind."""
    folder = tmp_path_factory.mktemp("pages")
    places = {name: folder / f"{name}.html" for name in KINDS}
    commands = {
        "images": "train mlp --data digits --hidden 12 --epochs 3 --learning-rate 0.5 --init xavier --engine scratch",
        "numbers": "train linear --data houses",
        "lockstep": "compare linear --data synthetic --epochs 1 --engines scratch,scratch",
    }
    for name, command in commands.items():
        assert main([*command.split(), "--report", str(places[name]), "--json"]) == 0
    table = write_table(folder / "table.csv", names=tuple("abcdefghijklmn"))
    common = f"train mlp {table} --epochs 4 --members 2 --engine scratch --json"
    for name, target in (("table", NUMBER), ("classes", CLASS)):
        assert main([*common.split(), "--target", target, "--report", str(places[name])]) == 0
    for name in ("a", "b"):
        words = (
            f"train softmax --data toy-animals --epochs 2 --seed {ord(name)} --save {folder}/{name}.safetensors --json"
        )
        assert main(words.split()) == 0
    files = [f"{folder}/{name}.safetensors" for name in ("a", "b")]
    assert main(["report", *files, "--data", "toy-animals", "-o", str(places["runs"]), "--json"]) == 0
    network = Network((20, 12, 3))
    paper = trace(network, initialize(network, initialization="he"), [[0.5] * 20], [1], classes=["dog", "cat", "fish"])
    places["trace"].write_text(render_html(paper), encoding="utf-8")
    return places


@pytest.fixture(scope="module")
def browser():
    with Browser(PROGRAM) as opened:
        yield opened


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_page_is_whole_fits_and_can_be_read(browser, pages, kind, scheme, width):
    browser.open(pages[kind], width=width, scheme=scheme)
    assert browser.complaints() == []
    assert browser.requests() == []
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.ask(OVERFLOW.replace("WIDTH", str(width))) == []
    texts = browser.ask(CONTRAST)
    assert len(texts) > 50
    low = [each for each in texts if each["ratio"] < 4.5]
    assert low == []


def test_the_tests_above_can_fail(browser, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        "<!DOCTYPE html><html><body style='background: white'><p style='color: #999'>too faint</p>"
        "<p style='width: 2000px; background: #eee'>too wide</p><img src='missing.png'>"
        "<svg width='100' height='30'><rect width='100' height='30' fill='#000'/><text x='5' y='20'>x</text></svg>"
        "<script>missing()</script></body></html>",
        encoding="utf-8",
    )
    browser.open(page, width=360)
    assert any("missing is not defined" in text for text in browser.complaints())
    assert [Path(address).name for address in browser.requests()] == ["missing.png"]
    assert browser.ask("document.documentElement.scrollWidth") > 360
    assert any("too wide" in each for each in browser.ask(OVERFLOW.replace("WIDTH", "360")))
    assert [each["text"] for each in browser.ask(CONTRAST) if each["ratio"] < 4.5] == ["too faint", "x"]


def test_a_page_prints_on_white_paper_even_from_a_dark_screen(browser, pages):
    browser.open(pages["images"], width=800, scheme="dark", media="print")
    assert browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.ask("getComputedStyle(document.querySelector('.on-dark')).display") == "none"
    assert browser.ask("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"


def test_without_scripts_a_page_says_the_same(browser, pages):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(pages["images"], width=360)
        size = browser.call("Page.getLayoutMetrics")["cssContentSize"]
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    browser.open(pages["images"], width=360)
    assert browser.call("Page.getLayoutMetrics")["cssContentSize"] == size
    assert browser.ask("document.scripts.length") == 0


def test_pictures_have_names_for_those_who_cannot_see_them(browser, pages):
    browser.open(pages["images"], width=1280)
    names = browser.ask("[...document.querySelectorAll('figure svg')].map(svg => svg.getAttribute('aria-label'))")
    assert all(names)
    twice = browser.ask("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(set(twice)) == len(twice)
