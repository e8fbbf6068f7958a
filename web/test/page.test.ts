import { describe, expect, it } from "vitest";
import { diverging, mix } from "../src/draw";
import { ends, nearestEdge, places } from "../src/network";
import { FAULTS, nameOf, say } from "../src/words";

describe("the network's picture", () => {
  it("has a place for every unit, sixteen of a layer at most", () => {
    const spots = places([2, 40, 3], 600, 500);
    expect([0, 1, 2].map((layer) => spots.filter((s) => s.layer === layer).length)).toEqual([2, 16, 3]);
    for (const { x, y } of spots) expect(x > 0 && x < 600 && y > 0 && y < 500).toBe(true);
  });

  it("shows many pixels as one picture", () => {
    const spots = places([64, 16, 10], 600, 500, true);
    expect(spots.filter((s) => s.layer === 0).length).toBe(1);
    expect(spots[0]!.size).toBeGreaterThan(spots[1]!.size);
  });

  it("finds the weight whose line is clicked, and none far from all", () => {
    const spots = places([2, 2], 600, 250);
    const [a, , , d] = spots;
    expect(nearestEdge(spots, (a!.x + d!.x) / 2, 125)).not.toBeNull();
    const first = nearestEdge(spots, a!.x + 30, a!.y);
    expect([first!.from.unit, first!.to.layer]).toEqual([0, 1]);
    expect(nearestEdge(spots, 300, 5)).toBeNull();
  });

  it("is drawn in colours that tell the sign, and none at 0", () => {
    expect(diverging(0, false)).toEqual([255, 255, 255]);
    const [plus, minus] = [diverging(1, false), diverging(-1, false)];
    expect(plus[2]).toBeGreaterThan(plus[0]);
    expect(minus[0]).toBeGreaterThan(minus[2]);
    expect(diverging(NaN, true)).toEqual([24, 28, 36]);
    expect(mix([0, 0, 0], [100, 200, 50], 0.5)).toEqual([50, 100, 25]);
  });

  it("knows the ends of numbers, whatever else is among them", () => {
    expect(ends([3, NaN, -1, Infinity])).toEqual([-1, 3]);
    expect(ends([])).toEqual([0, 1]);
  });
});

describe("words", () => {
  it("are there in both languages", () => {
    expect(say("en", "run")).toBe("Train");
    expect(say("zh", "run")).toBe("训练");
    expect(nameOf("zh", "spirals")).toBe("三条螺旋");
    expect(nameOf("zh", "of-the-future")).toBe("of-the-future");
    for (const { title, watch } of Object.values(FAULTS)) expect([...title, ...watch].every((text) => text.length > 3)).toBe(true);
  });
});
