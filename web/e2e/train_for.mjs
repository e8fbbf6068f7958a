const LAB = {
  play: () => void lab.play(),
  pause: () => lab.pause(),
  reached: () => ({ epochs: lab.state.frame.step / lab.state.frame.stepsPerEpoch, pictures: lab.framesDrawn, ms: performance.now() }),
};
const SETTLE_MS = 300; // until the first pictures are there

/** Let a page train for a time and measure what the screen does; `ways` are functions that run in the page. */
export async function trainFor(page, ms, ways = LAB) {
  await page.evaluate(ways.play);
  await page.waitForTimeout(SETTLE_MS);
  const before = await page.evaluate(ways.reached);
  const gaps = await page.evaluate(async (ms) => {
    const gaps = [];
    let last = performance.now();
    const end = last + ms;
    await new Promise((done) => {
      const tick = (now) => (gaps.push(now - last), (last = now), now < end ? requestAnimationFrame(tick) : done());
      requestAnimationFrame(tick);
    });
    return gaps.sort((a, b) => a - b);
  }, ms);
  const after = await page.evaluate(ways.reached);
  await page.evaluate(ways.pause);
  const rate = (key) => (1000 * (after[key] - before[key])) / (after.ms - before.ms);
  const at = (part) => Math.round(gaps[Math.floor(gaps.length * part)] * 10) / 10;
  return { epochs: rate("epochs"), pictures: rate("pictures"), median: at(0.5), most: at(0.95) };
}
