import { describe, expect, it } from "vitest";
import { base64, fromAddress, percent, short, toAddress, unpack } from "../src/codec";
import type { Setup } from "../src/types";

const USUAL: Setup = {
  data: "circles", n: 500, noise: 0.05, data_seed: 0, target: "", hidden: [4, 2], activation: ["tanh"], loss: "",
  dropout: 0, normalization: null, initialization: "xavier", sigma: 0.01, engine: "scratch", dtype: "float64",
  fault: "", epochs: 500, batch_size: 10, learning_rate: 0.1, optimizer: "sgd", momentum: null, beta1: null,
  beta2: null, weight_decay: 0, l1: 0, clip_norm: null, label_smoothing: 0, ema_decay: 0, schedule: "constant",
  warmup_epochs: 0, seed: 0,
};

describe("the address", () => {
  it("holds nothing but what is not usual", () => {
    expect(toAddress(USUAL, USUAL, 0)).toBe("");
    expect(toAddress({ ...USUAL, hidden: [8, 8], learning_rate: 0.03 }, USUAL, 40)).toBe("hidden=8%2C8&learning_rate=0.03&step=40");
  });

  it("gives back every field", () => {
    const setup: Setup = { ...USUAL, data: "xor", hidden: [], activation: ["relu", "tanh"], normalization: "batch", momentum: 0.5, fault: "dead-relu" };
    expect(fromAddress(`#${toAddress(setup, USUAL, 7)}`, USUAL)).toEqual({ setup, step: 7 });
  });

  it.each([
    "#n=Infinity", "#n=NaN", "#n=", "#hidden=1e9", "#hidden=a,b", "#hidden=-1", "#step=-4", "#step=1e400", "#nonsense=1",
    "#__proto__=1", "#constructor=2", "#n=%00", "#hidden=" + "9,".repeat(4000),
  ])("leaves out what is of no kind: %s", (text) => {
    expect(fromAddress(text, USUAL)).toEqual({ setup: USUAL, step: 0 });
  });

  it("takes text as text: the session knows the names", () => {
    expect(fromAddress("#data=<script>alert(1)</script>", USUAL).setup.data).toBe("<script>alert(1)</script>");
  });
});

describe("numbers", () => {
  it("come out of base 64 as they went in", () => {
    const floats = new Float32Array([0, -1.5, 3e38, 1e-40]);
    const packed = { shape: [4], type: "f4" as const, data: base64(new Uint8Array(floats.buffer)) };
    expect(Array.from(unpack(packed))).toEqual(Array.from(floats));
    expect(unpack(packed)).toBe(unpack(packed)); // unpacked once
  });

  it("are short for people", () => {
    expect([0, 0.12345678, 123456, 1e-9, -2.5, null, Infinity].map((x) => short(x))).toEqual(["0", "0.1235", "1.23e5", "1.00e-9", "-2.5", "∞", "∞"]);
    expect([0.5, 1, null].map(percent)).toEqual(["50.0 %", "100.0 %", ""]);
  });
});
