// How fast the lab trains on the screen: epochs a second of 2-8-8-2 on 500 points, minibatches of 10, and the time to the engine.
//
//     npm run benchmark [-- --save] [-- DIR]
//
// DIR is the built page of TensorFlow Playground (its `dist`), measured in turns with ours; --save keeps the figures for
// the documents. Contestants take turns in one browser, a figure is the median of its rounds.
import { writeFileSync } from "node:fs";
import { cpus, type } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { CHROMIUM, TREE, nativeSite, serve, staticSite } from "../e2e/site.mjs";
import { trainFor } from "../e2e/train_for.mjs";

const [ROUNDS, MS] = [5, 4000];
const ADDRESS = "#hidden=8,8&epochs=100000"; // more than are reached
const PLAYGROUND = "#activation=tanh&batchSize=10&dataset=circle&learningRate=0.03&noise=0&networkShape=8,8&seed=0.1&percTrainData=80&x=true&y=true&hideText=true";

const THEIRS = {
  play: () => document.querySelector("#play-pause-button").click(),
  pause: () => document.querySelector("#play-pause-button").click(),
  reached: () => {
    const epochs = Number(document.querySelector("#iter-number").textContent.replaceAll(",", ""));
    return { epochs, pictures: epochs, ms: performance.now() };
  },
};

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

if (!CHROMIUM) throw new Error("Chromium is not installed");
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
const sites = { static: await staticSite(), native: await nativeSite() };
const words = process.argv.slice(2);
const given = words.find((word) => !word.startsWith("-"));
const folder = given && resolve(given);
if (folder) sites.playground = await serve(folder);

const pages = {};
for (const [where, site] of Object.entries(sites)) {
  const page = (pages[where] = await browser.newPage({ viewport: { width: 1440, height: 1000 } }));
  const start = Date.now();
  await page.goto(site.address + (where === "playground" ? PLAYGROUND : ADDRESS));
  if (where === "playground") await page.waitForSelector("#play-pause-button");
  else await page.waitForFunction(() => window.lab?.state.ready && window.lab.state.frame !== null, null, { timeout: 60_000 });
  console.log(`${where}: ready after ${Date.now() - start} ms`);
}

const contestants = {};
for (const where of ["static", "native"]) {
  for (const speed of ["normal", "fast"]) {
    contestants[`${where}, ${speed}`] = [where, async () => {
      await pages[where].evaluate((speed) => (lab.set({ speed }), lab.setUp(lab.state.setup)), speed);
      return trainFor(pages[where], MS);
    }];
  }
}
if (folder) contestants["TensorFlow Playground"] = ["playground", () => trainFor(pages.playground, MS, THEIRS)];

const found = {};
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, [where, run]] of Object.entries(contestants)) {
    await pages[where].bringToFront();
    await pages[where].waitForTimeout(300);
    (found[name] ??= []).push(await run());
  }
}
const rows = Object.entries(found).map(([name, runs]) => {
  const of = (key) => median(runs.map((run) => run[key])).toFixed(1);
  return [name, of("epochs"), of("pictures"), of("median"), of("most")];
});
const columns = ["2-8-8-2, 400 samples, batches of 10", "epochs/s", "pictures/s", "frame, ms", "95 %"];
for (const row of [columns, ...rows]) console.log(row.map((cell, k) => (k ? cell.padStart(11) : cell.padEnd(36))).join(""));
if (words.includes("--save")) {
  const kept = {
    command: "npm run benchmark",
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus()[0].model}, ${cpus().length} cores, ${type()}`,
    versions: { Chromium: browser.version(), "Node.js": process.versions.node },
    tables: [{ title: columns[0], columns, rows }],
  };
  writeFileSync(join(TREE, "benchmarks", "results", "lab.json"), `${JSON.stringify(kept, null, 1)}\n`);
}
await browser.close();
for (const site of Object.values(sites)) site.close();
