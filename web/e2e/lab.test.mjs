// The page in Chromium, over both transports: what a person does, and what they are told.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { chromium } from "playwright-core";
import { CHROMIUM, TWOFOLD, nativeSite, python, staticSite, temporary } from "./site.mjs";
import { trainFor } from "./train_for.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf-8");
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const LONG = 180_000;

let browser;
let sites = {};

before(async () => {
  browser = CHROMIUM && (await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS }));
  sites = { static: await staticSite(), native: await nativeSite().catch((error) => (console.log(error.message), null)) };
}, { timeout: 600_000 });

after(async () => {
  await browser?.close();
  for (const site of Object.values(sites)) site?.close();
});

/** A new page with its engine ready; whatever it asks for elsewhere, or complains of, is kept. */
async function load(where, hash = "", options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, locale: "en-US", ...options });
  const page = await context.newPage();
  page.elsewhere = [];
  page.complaints = [];
  const origin = new URL(sites[where].address).origin;
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob):/.test(url) && !url.startsWith(origin.replace("http", "ws"))) page.elsewhere.push(url);
  });
  page.on("pageerror", (error) => page.complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  page.on("dialog", (dialog) => (page.complaints.push(`dialog ${dialog.message()}`), dialog.dismiss()));
  const start = Date.now();
  await page.goto(sites[where].address + hash);
  await ready(page);
  page.readyAfter = Date.now() - start;
  return page;
}

const ready = async (page) => {
  await page.waitForFunction(() => window.lab?.state.ready && window.lab.state.frame !== null, null, { timeout: LONG });
  await settled(page);
};

const pages = {};

/** The one page of a site that most tests share, since Python takes seconds to arrive; with what the address says. */
async function open(where, hash = "") {
  const page = (pages[where] ??= await load(where));
  await page.evaluate(async (hash) => {
    lab.set({ tab: "numbers", speed: "normal" });
    await lab.setUp(lab.state.choices.setup);
    location.hash = hash;
  }, hash);
  await settled(page);
  return page;
}

const settled = (page) => page.waitForTimeout(150).then(() => page.evaluate(() => window.lab.parameters()));

function quiet(page) {
  assert.deepEqual(page.elsewhere, [], "requests to elsewhere");
  assert.deepEqual(page.complaints, [], "complaints of the page");
}

async function close(page) {
  await page.context().close();
  quiet(page);
}

const state = (page) => page.evaluate(() => ({ step: lab.state.frame.step, perEpoch: lab.state.frame.stepsPerEpoch, setup: lab.state.setup, error: lab.state.error, records: lab.state.records }));
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
const parameters = async (page) => (await page.evaluate(() => lab.parameters())).parameters;
/** Train for some epochs; meanwhile a tab is open that asks for little. */
const epochs = (page, n) =>
  page.evaluate(async (n) => {
    const { tab } = lab.state;
    lab.set({ tab: "weights" });
    for (let k = 0; k < n; k++) await lab.advance({ epochs: 1 });
    lab.show(tab);
  }, n);

/** Run programs that the page shows, all in one process, and hold their parameters against the page's. */
const COMPARE = `
import json, sys
import numpy as np
apart = {}
for name, program, layers in json.load(open(sys.argv[1])):
    names = {}
    exec(program, names)
    apart[name] = max(float(np.abs(array - np.array(other[key])).max())
                      for layer, other in zip(names["engine"].parameters(), layers, strict=True) for key, array in layer.arrays.items())
print(json.dumps(apart))
`;

for (const where of ["static", "native"]) {
  describe(`the lab, ${where}`, () => {
    const test = (name, body) =>
      it(name, { timeout: LONG }, async (t) => {
        if (!browser) return t.skip("Chromium is not installed");
        if (!sites[where]) return t.skip(`the ${where} lab can't be had here`);
        return body(t);
      });
    // What depends on the page alone is asked where the engine is there at once.
    const once = (name, body) => where === "native" && test(name, body);

    test("the page's parameters after ten epochs are CPython's, by the program that it shows", async () => {
      const ways = {
        softmax: "#data=digits&hidden=&batch_size=64&learning_rate=0.1",
        "relu mlp": "#data=digits&hidden=16&activation=relu&batch_size=64",
        "tanh with dropout": "#data=digits&hidden=16,8&activation=tanh&dropout=0.2&batch_size=64",
        adam: "#data=spirals&hidden=8,8&activation=relu&optimizer=adam&learning_rate=0.01",
      };
      const found = [];
      for (const [name, hash] of Object.entries(ways)) {
        const page = await open(where, hash);
        await epochs(page, 10);
        await page.click("#tab-share");
        await page.waitForFunction(() => document.querySelector("pre.python")?.textContent.includes("10)"), null, { timeout: LONG });
        const program = await page.textContent("pre.python");
        found.push([name, program.replace("print(epoch)", "pass"), await parameters(page)]);
      }
      const apart = JSON.parse(python(COMPARE, temporary("pages.json", JSON.stringify(found))));
      console.log(`${where}: largest difference of a parameter after ten epochs ${JSON.stringify(apart)}`);
      for (const name of Object.keys(ways)) assert.ok(apart[name] <= 1e-12, `${name}: ${apart[name]}`);
      quiet(pages[where]);
    });

    test("any step comes back exactly, by the buttons and by the slider", async () => {
      const page = await open(where, "#data=xor&hidden=4&dropout=0.2");
      const seen = {};
      for (let step = 0; step < 6; step++) {
        seen[step] = await parameters(page);
        await press(page, "Step");
        await settled(page);
      }
      await epochs(page, 3);
      await page.evaluate(() => lab.goTo(4));
      assert.deepEqual(await parameters(page), seen[4]);
      await press(page, "Back a step");
      await settled(page);
      assert.deepEqual(await parameters(page), seen[3]);
      await press(page, "Start again");
      await settled(page);
      assert.deepEqual(await parameters(page), seen[0]);
      await page.focus("input[type=range]");
      await page.keyboard.press("ArrowRight");
      await settled(page);
      assert.deepEqual(await parameters(page), seen[1]);
      quiet(page);
    });

    test("the address holds setup and step, and a reload brings them back", async () => {
      const page = await open(where, "#data=spirals&hidden=8&learning_rate=0.03");
      await epochs(page, 2);
      const [before_, there] = [await parameters(page), await state(page)];
      assert.match(page.url(), /learning_rate=0.03.*step=80/);
      await page.reload();
      await page.waitForFunction(() => window.lab?.state.ready && window.lab.state.frame?.step === 80, null, { timeout: LONG });
      assert.deepEqual(await parameters(page), before_);
      assert.deepEqual((await state(page)).setup, there.setup);
      quiet(page);
    });

    once("a hostile address does nothing but say what is wrong", async () => {
      const page = await load(where, "#data=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E");
      const look = async (hash) => {
        const { setup, error } = await state(page);
        assert.equal(setup.data, "circles");
        assert.equal(setup.n, 500);
        assert.equal(await page.locator("main img").count(), 0);
        if (!hash.includes("step")) assert.notEqual(error, "", hash);
      };
      await look("data");
      for (const hash of ["#n=1e9", "#hidden=9999,9999", "#activation=__import__('os')", "#step=99999999999", "#fault=%00"]) {
        await page.evaluate((hash) => (lab.set({ error: "" }), (location.hash = hash)), hash);
        await settled(page);
        await look(hash);
      }
      await close(page);
    });

    test("a table of one's own trains and is scored to the same digits; nothing of it becomes markup or leaves", async () => {
      const rows = Array.from({ length: 60 }, (_, i) => `"<img src=x onerror=alert(1)>${i % 3}";${`${i * 1.5}`.replace(".", ",")};${i % 7 === 3 ? "" : i % 5};"${i % 2 ? "<script>alert(2)</script>" : 'say "no"'.replaceAll('"', '""')}"`);
      const file = temporary("<b>表格.csv", `城市;"<i onmouseover=alert(3)>面积";age;种类\n${rows.join("\n")}\n`);
      const page = await open(where);
      await page.setInputFiles("input[type=file]", file);
      await page.waitForFunction(() => lab.state.setup?.data === "csv", null, { timeout: LONG });
      await epochs(page, 3);
      for (const tab of ["mistakes", "weights", "share", "numbers"]) await page.click(`#tab-${tab}`).then(() => settled(page));
      assert.equal(await page.locator("main img, main b:has(script), main script, main i[onmouseover]").count(), 0);
      const { records, error } = await state(page);
      assert.equal(error, "");
      await page.click("#tab-share");
      const model = await page.evaluate(() => lab.model());
      const [saved, tests] = [temporary("model.safetensors", Buffer.from(model.model, "base64")), temporary("rows.csv", model.rows)];
      const scores = JSON.parse(execFileSync(TWOFOLD, ["evaluate", saved, tests, "--json"], { encoding: "utf-8" })).scores;
      assert.ok(Math.abs(scores["log loss"].value - records.at(-1).test_loss) <= 1e-12 * records.at(-1).test_loss);
      assert.equal(scores.accuracy.value, records.at(-1).test_accuracy);
      quiet(page);
    });

    once("a table that can't be read is refused in one line, and the run stays", async () => {
      const page = await open(where);
      await page.setInputFiles("input[type=file]", temporary("bad.csv", "a,b\n1,2\n3\n"));
      await page.waitForFunction(() => lab.state.error !== "");
      assert.match(await page.textContent("[role=status]"), /bad.csv: line 3 has 1 cells; the first line names 2 columns/);
      assert.equal((await state(page)).setup.data, "circles");
      quiet(page);
    });

    once("a number that is refused goes back, and the next one is taken", async () => {
      const page = await open(where);
      const enter = async (label, text) => {
        await page.getByLabel(label, { exact: true }).fill(text);
        await page.keyboard.press("Enter");
        await settled(page);
      };
      await enter("Samples", "5");
      assert.match((await state(page)).error, /^n is 5; it must be a whole number from 10/);
      assert.equal(await page.getByLabel("Samples", { exact: true }).inputValue(), "500");
      await enter("Noise", "0.2");
      const { error, setup } = await state(page);
      assert.deepEqual([error, setup.n, setup.noise], ["", 500, 0.2]);
      quiet(page);
    });

    once("a file is taken wherever on the page it is dropped", async () => {
      const page = await open(where);
      await page.evaluate(() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([`a,b,y\n${Array.from({ length: 30 }, (_, i) => `${i},${i % 3},${2 * i}`).join("\n")}`], "dropped.csv"));
        document.querySelector(".result").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
      });
      await page.waitForFunction(() => lab.state.problem.name === "dropped.csv");
      quiet(page);
    });

    once("the downloaded model is scored to the same digits", async () => {
      const page = await open(where, "#data=circles&hidden=6");
      await epochs(page, 5);
      await page.click("#tab-share");
      const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=model.safetensors >> nth=-1")]);
      const [rows] = await Promise.all([page.waitForEvent("download"), page.click("text=Download the test rows")]);
      const scores = JSON.parse(execFileSync(TWOFOLD, ["evaluate", await download.path(), await rows.path(), "--json"], { encoding: "utf-8" })).scores;
      const last = (await state(page)).records.at(-1);
      assert.equal(scores.accuracy.value, last.test_accuracy);
      assert.ok(Math.abs(scores["log loss"].value - last.test_loss) <= 1e-12 * last.test_loss);
      quiet(page);
    });

    test("by keyboard alone, from load to a trained network", async () => {
      const page = await load(where);
      await page.keyboard.press("Tab"); // the skip link
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate(() => document.activeElement.id), "run");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => lab.state.records.length > 8, null, { timeout: LONG });
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => !lab.state.playing);
      assert.ok((await state(page)).step > 300);
      await page.focus("#tab-numbers");
      await page.keyboard.press("ArrowRight");
      assert.equal(await page.evaluate(() => document.activeElement.id), "tab-mistakes");
      await close(page);
    });

    once("a click on a sample, a unit, a weight and the loss shows its numbers beside central differences", async () => {
      const page = await open(where);
      const click = async (selector, at, wanted) => {
        await page.click(selector, at);
        await page.waitForFunction((name) => lab.state.chosen.entry.startsWith(name) && lab.state.explanation?.entry?.name.startsWith(name.split("[")[0]), wanted, { timeout: LONG });
      };
      await click("button.unit >> nth=3", {}, "h1[");
      await click(".plain-button", {}, "L");
      const spot = await page.evaluate(() => {
        const box = document.querySelector(".edges").getBoundingClientRect();
        const unit = document.querySelector("button.unit").getBoundingClientRect();
        return { x: unit.right - box.left + 12, y: unit.top + unit.height / 2 - box.top };
      });
      await click(".edges", { position: spot }, "W1[0");
      const { related } = await page.evaluate(() => lab.state.explanation.entry);
      assert.ok(Math.abs(related["gradient by hand"] - related["from central differences"]) < 1e-9);
      await page.click(".plot .over", { position: { x: 170, y: 150 } });
      await page.waitForFunction(() => lab.state.chosen.sample > 0);
      quiet(page);
    });

    once("each switch of 'break it' goes on and off", async () => {
      const page = await open(where);
      await page.click("#tab-break");
      for (const name of await page.evaluate(() => Object.keys(lab.state.choices.faults))) {
        const button = page.locator(".faults [role=switch]").nth(await page.evaluate((n) => Object.keys(lab.state.choices.faults).indexOf(n), name));
        await button.click();
        await page.waitForFunction((n) => lab.state.setup.fault === n, name);
        await page.evaluate(() => lab.advance({ epochs: 3 }));
        assert.equal((await state(page)).error, "", name);
        await button.click();
        await page.waitForFunction(() => lab.state.setup.fault === "");
      }
      quiet(page);
    });

    once("quick clicks are all counted, and one training runs whatever is clicked", async () => {
      const page = await open(where, "#hidden=4");
      await page.evaluate(() => {
        const clicks = (n, find) => Array.from({ length: n }, () => find().click());
        clicks(9, () => document.querySelector('[aria-label="Add a layer"]'));
        clicks(3, () => document.querySelector('[aria-label="Add a unit to layer 1"]'));
      });
      await settled(page);
      assert.deepEqual((await state(page)).setup.hidden, [7, 4, 4, 4, 4, 4]);
      await page.evaluate(() => {
        window.open_ = window.most = window.gone = 0;
        const { transport } = lab;
        const ask = transport.ask.bind(transport);
        transport.ask = async (message) => {
          if (message.do === "goto") window.gone += 1;
          if (message.do !== "advance") return ask(message);
          window.most = Math.max(window.most, ++window.open_);
          const answer = await ask(message);
          window.open_ -= 1;
          return answer;
        };
        for (let k = 0; k < 21; k++) document.getElementById("run").click();
      });
      await page.waitForFunction(() => lab.state.frame.step > 100);
      await page.click("#run");
      await settled(page);
      assert.equal(await page.evaluate(() => window.most), 1);
      const there = (await state(page)).step;
      await page.evaluate(() => {
        const [back] = [...document.querySelectorAll("button")].filter((button) => button.textContent === "Back a step");
        for (let k = 0; k < 5; k++) back.click();
      });
      await settled(page);
      assert.equal((await state(page)).step, there - 5);
      await page.evaluate(() => {
        window.gone = 0;
        const slider = document.querySelector("input[type=range]");
        for (let step = 0; step <= 60; step++) (slider.value = String(step)), slider.dispatchEvent(new Event("input"));
      });
      await settled(page);
      assert.equal((await state(page)).step, 60);
      assert.ok((await page.evaluate(() => window.gone)) <= 2);
      pages[where] = undefined; // its transport is not what others expect
      await close(page);
    });

    once("a change in the middle of training, and training again at once: the pictures are those of the new run", async () => {
      const page = await open(where, "#hidden=8");
      await page.click("#run");
      await page.waitForFunction(() => lab.state.records.length > 5);
      await page.evaluate(async () => {
        const done = lab.change({ data: "spirals" });
        void lab.play();
        await done;
      });
      await settled(page);
      if (await page.evaluate(() => lab.state.playing)) await page.click("#run");
      await settled(page);
      const shown = (await state(page)).records;
      assert.deepEqual((await page.evaluate(() => lab.ask({ do: "view" }))).frame.records, shown);
      quiet(page);
    });

    once("where the browser keeps nothing the page is there all the same", async () => {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.addInitScript(() => Object.defineProperty(window, "localStorage", { get: () => { throw new DOMException("denied", "SecurityError"); } }));
      await page.goto(sites[where].address);
      await ready(page);
      const { language } = await page.evaluate(() => lab.state);
      await press(page, language === "en" ? "中文" : "English");
      assert.notEqual(await page.evaluate(() => lab.state.language), language);
      await context.close();
    });

    once("a training that has diverged is told once, and nothing of before is shown as if it were of now", async () => {
      const page = await open(where, "#learning_rate=1e308");
      await epochs(page, 1);
      await settled(page);
      assert.match(await page.textContent("[role=status]"), /^The numbers have grown without bound/);
      assert.match(await page.textContent(".numbers"), /loss ∞/);
      assert.equal(await page.locator(".step").count(), 0);
      quiet(page);
    });

    once("of several labels each mark has its name, and no command is told that can't be run", async () => {
      const page = await open(where, "#data=discs&hidden=8");
      assert.deepEqual(await page.locator(".legend li").allTextContents(), ["left disc", "right disc", "both labels", "no label"]);
      await page.click("#tab-share");
      assert.doesNotMatch(await page.textContent("#panel"), /twofold evaluate/);
      quiet(page);
    });

    once("what has no effect without hidden layers is not offered", async () => {
      const page = await open(where, "#data=blobs&hidden=");
      const offered = async () => [await page.getByLabel("Activation", { exact: true }).count(), await page.getByLabel("Dropout", { exact: true }).count()];
      assert.deepEqual(await offered(), [0, 0]);
      await page.click('[aria-label="Add a layer"]');
      await settled(page);
      assert.deepEqual(await offered(), [1, 1]);
      quiet(page);
    });

    once("axe finds nothing: both languages, light and dark, every tab, wide and narrow", async () => {
      const all = ["numbers", "mistakes", "weights", "surface", "break", "share"];
      for (const [options, hash, tabs] of [
        [{ locale: "en-US", colorScheme: "light" }, "", all],
        [{ locale: "zh-CN", colorScheme: "dark" }, "#data=digits&hidden=8&batch_size=64", all],
        [{ locale: "zh-CN", colorScheme: "light", viewport: { width: 360, height: 740 } }, "#data=plane&hidden=", ["surface"]],
        [{ locale: "en-US", colorScheme: "dark" }, "#data=wave&hidden=8", ["mistakes"]],
      ]) {
        const page = await load(where, hash, options);
        await epochs(page, 2);
        await page.evaluate(AXE);
        let part = "body"; // once; then what changes
        for (const tab of tabs) {
          await page.click(`#tab-${tab}`);
          await settled(page);
          const found = await page.evaluate((part) => axe.run(part, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }), part);
          assert.deepEqual(found.violations.map((v) => `${tab} ${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html).join(" | ")}`), []);
          part = ".tabs";
        }
        await close(page);
      }
    });

    once("at 360, 1024 and 1440 pixels nothing is wider than the page", async () => {
      const page = await load(where, "#data=spirals&hidden=16,8,8", { locale: "zh-CN" });
      for (const width of [360, 1024, 1440]) {
        await page.setViewportSize({ width, height: 800 });
        for (const tab of ["numbers", "mistakes", "weights", "break", "share"]) {
          await page.click(`#tab-${tab}`);
          await settled(page);
          assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `${width} ${tab}`);
        }
      }
      await close(page);
    });

    once("a unit's picture is whole on a screen of any density", async () => {
      for (const deviceScaleFactor of [1, 2]) {
        const page = await load(where, "", { deviceScaleFactor });
        const sides = await page.evaluate(() => {
          const canvas = document.querySelector(".edges");
          const [all, unit] = [canvas, document.querySelector("button.unit")].map((element) => element.getBoundingClientRect());
          const scale = canvas.width / all.width;
          const at = (part) => Array.from(canvas.getContext("2d").getImageData((unit.x - all.x + part * unit.width) * scale, (unit.y - all.y + unit.height / 2) * scale, 1, 1).data);
          return { left: at(0.2), right: at(0.8) }; // of x1: below 0 on the left, above on the right
        });
        assert.ok(sides.left[0] > sides.left[2], `orange at ${deviceScaleFactor}`);
        assert.ok(sides.right[2] > sides.right[0], `blue at ${deviceScaleFactor}`);
        await close(page);
      }
    });

    test("twenty thousand samples: the page stays fluid", async () => {
      const page = await open(where, "#data=spirals&n=20000&hidden=8,8");
      await page.evaluate(() => lab.set({ speed: "fast" }));
      const gaps = await trainFor(page, 3000);
      console.log(`${where}, 20,000 samples: frame time median ${gaps.median} ms, 95 % within ${gaps.most} ms`);
      assert.ok(gaps.median < 100, `median ${gaps.median}`);
      quiet(page);
    });
  });
}

describe("the bars of the static lab", () => {
  const test = (name, body) =>
    it(name, { timeout: LONG }, async (t) => {
      if (!browser || !sites.static) return t.skip("the static lab or Chromium can't be had here");
      return body(t);
    });

  test("there are pictures before Python has arrived, and all of it is under 18 MB", async () => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 1000 } });
    const page = await context.newPage();
    const before_ = sites.static.sent();
    await page.route("**/pyodide/*.wasm", async (route) => {
      await new Promise((done) => setTimeout(done, 1500));
      await route.continue();
    });
    const start = Date.now();
    await page.goto(sites.static.address);
    await page.waitForFunction(() => window.lab?.state.frame !== null, null, { timeout: 5000 });
    const painted = Date.now() - start;
    assert.equal(await page.evaluate(() => lab.state.ready), false);
    const blue = await page.evaluate(() => {
      const canvas = document.querySelector(".plot canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value, k) => k % 4 === 2 && value > data[k - 2] + 20);
    });
    assert.ok(blue, "the regions are drawn");
    await page.getByLabel("Data set").selectOption("spirals"); // it counts once the engine is there
    await page.unrouteAll({ behavior: "wait" });
    await page.waitForFunction(() => lab.state.ready, null, { timeout: LONG });
    await settled(page);
    assert.equal((await state(page)).setup.data, "spirals");
    const size = (sites.static.sent() - before_) / 1e6;
    console.log(`first pictures after ${painted} ms; ${size.toFixed(1)} MB in all`);
    assert.ok(size < 18, `${size} MB`);
    await context.close();
  });

  test("speed, to be read: epochs a second of 2-8-8-2 on 500 points, and the time to the engine", async () => {
    const page = await open("static", "#hidden=8,8");
    console.log(`engine ready after ${page.readyAfter} ms`);
    for (const speed of ["normal", "fast"]) {
      await page.evaluate((speed) => lab.set({ speed }), speed);
      const found = await trainFor(page, 4000);
      console.log(`${speed}: ${found.epochs.toFixed(0)} epochs a second, ${found.pictures.toFixed(0)} pictures a second, frame time median ${found.median} ms, 95 % within ${found.most} ms`);
      assert.ok(found.epochs > 1);
    }
    quiet(page);
  });
});
