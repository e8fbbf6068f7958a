import { useEffect, useMemo, useRef } from "preact/hooks";
import { unpack } from "./codec";
import { NetworkControls } from "./controls";
import { useLab } from "./context";
import { type Box, CLASS_COLOURS, css, diverging, fit, mix, paintGrid, paper, regionColour } from "./draw";
import type { Frame, Packed, Problem } from "./types";

const MOST_DRAWN = 16;

interface Place {
  layer: number; // 0 for the inputs
  unit: number;
  x: number;
  y: number;
  size: number; // in pixels
}

/** Whether the inputs are drawn as one picture: there are too many pixels for a unit each. */
export const asPicture = (problem: Problem): boolean => problem.image.length === 2 && problem.inputs > MOST_DRAWN;

/** Where each unit stands, as far as it is drawn; of layers that are one picture, the first. */
export function places(widths: number[], width: number, height: number, picture = false): Place[] {
  const narrow = width < 420;
  const drawn = widths.map((n, layer) => (picture && layer === 0 ? 1 : Math.min(n, MOST_DRAWN)));
  const tallest = Math.max(...drawn);
  const usual = narrow || tallest > 10 ? 28 : height / tallest > 62 ? 48 : 38;
  const first = picture ? (narrow ? 56 : 112) : usual;
  const [left, right] = [(narrow ? 22 : 60) + first / 2, (narrow ? 56 : 96) + usual / 2];
  const gap = widths.length > 1 ? (width - left - right) / (widths.length - 1) : 0;
  return drawn.flatMap((n, layer) => {
    const space = Math.min(1.7 * usual, (height - 4) / n);
    const size = layer === 0 ? first : usual;
    return Array.from({ length: n }, (_, unit) => ({ layer, unit, x: left + layer * gap, y: height / 2 + (unit - (n - 1) / 2) * space, size }));
  });
}

function gridOf(values: Uint8Array | Float32Array, unit: number): Uint8Array | Float32Array {
  const size = 1600;
  return values.subarray(unit * size, (unit + 1) * size);
}

/** Draw what a unit gives: over the input plane or line, or for the sample that is followed. */
function drawUnit(context: CanvasRenderingContext2D, place: Place, frame: Frame, problem: Problem, dark: boolean): void {
  const { size } = place;
  const box = { context, x: place.x - size / 2, y: place.y - size / 2, width: size, height: size };
  context.save();
  context.beginPath();
  context.roundRect(box.x, box.y, size, size, 8);
  context.clip();
  context.fillStyle = css(paper(dark));
  context.fillRect(box.x, box.y, size, size);
  if (problem.domain.length === 2 && frame.plane) drawOverPlane(box, place, frame.plane, problem, dark);
  else if (problem.domain.length === 1 && frame.plane) drawOverLine(box, place, frame.plane, problem, dark);
  else if (place.layer === 1 && problem.image.length === 2) paintWeights(box, frame.layers[0]!, place.unit, problem.image, dark);
  else if (frame.followed) drawFollowed(box, place, frame.followed.layers, problem, dark);
  context.restore();
}

type Plane = NonNullable<Frame["plane"]>;

function drawOverPlane(box: Box, place: Place, plane: Plane, problem: Problem, dark: boolean): void {
  if (place.layer === 0) return paintGrid(box, 20, 20, (p) => diverging(((place.unit === 0 ? p % 20 : Math.floor(p / 20)) - 9.5) / 10, dark));
  if (place.layer < problem.widths.length - 1) {
    const layer = plane.units[place.layer - 1];
    if (!layer) return;
    const values = gridOf(unpack(layer.values), place.unit);
    return paintGrid(box, 40, 40, (p) => diverging((values[p]! - 127) / 127, dark));
  }
  const own = gridOf(unpack(plane.outputs), place.unit) as Float32Array;
  if (problem.kind === "numbers") paintGrid(box, 40, 40, regionColour("numbers", own, 1, 1600, ends(own), dark));
  else paintGrid(box, 40, 40, (p) => tint(CLASS_COLOURS[place.unit % CLASS_COLOURS.length]!, own[p]!, dark));
}

function drawOverLine({ context, x, y, width: size }: Box, place: Place, plane: Plane, problem: Problem, dark: boolean): void {
  const values = lineOf(plane, place, problem.widths.length - 1);
  if (values === null) return;
  const [low, high] = ends(values);
  context.beginPath();
  values.forEach((value, k) => context.lineTo(x + (k / (values.length - 1)) * size, y + size * (0.9 - (0.8 * (value - low)) / Math.max(1e-9, high - low))));
  context.strokeStyle = dark ? "#7db8ff" : "#0868be";
  context.lineWidth = 2;
  context.stroke();
}

function drawFollowed(box: Box, place: Place, layers: Packed[], problem: Problem, dark: boolean): void {
  const own = unpack(layers[place.layer]!) as Float32Array;
  if (place.layer === 0 && asPicture(problem)) return paintImage(box, problem.image, own, dark);
  const [value, [low, high]] = [own[place.unit]!, ends(own)];
  const chance = place.layer === problem.widths.length - 1 && problem.kind !== "numbers";
  box.context.fillStyle = css(chance ? tint(CLASS_COLOURS[place.unit % CLASS_COLOURS.length]!, value, dark) : diverging(value / Math.max(1e-9, -low, high), dark));
  box.context.fillRect(box.x, box.y, box.width, box.height);
}

const tint = (hex: string, p: number, dark: boolean): [number, number, number] => {
  const back = dark ? [24, 28, 36] : [255, 255, 255];
  const own = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const t = Number.isFinite(p) ? 0.9 * p : 0;
  return [0, 1, 2].map((i) => Math.round(back[i]! + (own[i]! - back[i]!) * t)) as [number, number, number];
};

export function ends(values: ArrayLike<number>): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  return low <= high ? [low, high] : [0, 1];
}

function lineOf(plane: NonNullable<Frame["plane"]>, place: Place, last: number): number[] | null {
  if (place.layer === 0) return [0, 1];
  const source: Packed | undefined = place.layer === last ? plane.outputs : plane.units[place.layer - 1]?.values;
  if (!source) return null;
  const values = unpack(source);
  const n = source.shape[1]!;
  return Array.from(values.subarray(place.unit * n, (place.unit + 1) * n));
}

/** Draw an image of values from 0 to 1. */
function paintImage(place: Box, [height, width]: number[], values: Float32Array, dark: boolean): void {
  paintGrid(place, width!, height!, (p) => mix(paper(dark), dark ? [255, 255, 255] : [20, 24, 32], values[p]!), { smooth: false, topDown: true });
}

/** Draw a unit's weights as an image of the inputs' shape. */
export function paintWeights(place: HTMLCanvasElement | Box, layer: Frame["layers"][number], unit: number, image: number[], dark: boolean): void {
  const [height, width] = [image[0]!, image[1]!];
  const W = unpack(layer.W);
  const columns = layer.W.shape[1]!;
  let largest = 1e-9;
  for (let i = 0; i < width * height; i++) largest = Math.max(largest, Math.abs(W[i * columns + unit] ?? 0));
  paintGrid(place, width, height, (p) => diverging((W[p * columns + unit] ?? 0) / largest, dark), { smooth: false, topDown: true });
}

export function NetworkView() {
  const { store, state, t } = useLab("setup", "problem", "frame", "size", "chosen");
  const { setup, problem, frame, dark, chosen } = state;
  const box = useRef<HTMLDivElement>(null);
  const edges = useRef<HTMLCanvasElement>(null);
  const picture = problem !== null && asPicture(problem);
  const tall = Math.max(...(problem?.widths ?? [1]).map((n, layer) => (picture && layer === 0 ? 1 : Math.min(n, MOST_DRAWN))));
  const { width, height } = useSize(box);
  const spots = useMemo(() => (problem ? places(problem.widths, width, height, picture) : []), [problem, width, height, picture]);
  useEffect(() => {
    if (!edges.current || !frame || !problem) return;
    const { context } = fit(edges.current);
    frame.layers.forEach((layer, l) => drawEdges(context, picture && l === 0 ? null : layer, spots.filter((s) => s.layer === l), spots.filter((s) => s.layer === l + 1), dark));
    for (const spot of spots) drawUnit(context, spot, frame, problem, dark);
  }, [frame, problem, spots, dark, picture]);
  const controls = useMemo(() => <NetworkControls />, []);
  const buttons = useMemo(() => <LayerButtons />, []);
  if (!setup || !problem || !frame) return <section class="card network" aria-busy="true" />;
  const last = problem.widths.length - 1;
  const label = ({ layer, unit }: Place) =>
    layer === 0 && picture
      ? `${t("inputs")}: ${t("sample")} ${chosen.sample}`
    : layer === 0
      ? `${t("inputs")} ${problem.features.length === problem.inputs ? problem.features[unit] : `x${unit + 1}`}`
      : layer === last
        ? `${t("outputs")} ${problem.classes[unit] ?? problem.target}`
        : `${t("layer")} ${layer}, ${t("unit")} ${unit + 1}`;
  const entryOf = ({ layer, unit }: Place) => {
    if (setup.normalization === "batch" || (layer === 0 && picture)) return "";
    return layer === 0 ? `x[${unit}]` : layer === last ? `o[${unit}]` : `h${layer}[${unit}]`;
  };
  const pick = (event: MouseEvent) => {
    const found = nearestEdge(spots, event.offsetX, event.offsetY);
    if (found && !(picture && found.from.layer === 0)) store.choose({ entry: `W${last > 1 ? found.from.layer + 1 : ""}[${found.from.unit},${found.to.unit}]` });
  };
  return (
    <section class="card network" aria-labelledby="network-title">
      <h2 id="network-title">
        {t("network")} <span class="small">{problem.widths.join(" – ")} · {problem.parameters} {t("parameters")}</span>
      </h2>
      {buttons}
      <div class="diagram" ref={box} style={{ minHeight: `${Math.max(picture ? 200 : 130, Math.min(520, tall * 50))}px` }} role="group" aria-labelledby="network-hint">
        <canvas ref={edges} class="edges" onClick={pick} aria-hidden="true" />
        {spots.map((place) => (
          <button
            key={`${place.layer}-${place.unit}`}
            type="button"
            class={chosen.entry !== "" && chosen.entry === entryOf(place) ? "unit chosen" : "unit"}
            style={{ left: `${place.x}px`, top: `${place.y}px`, width: `${place.size}px`, height: `${place.size}px` }}
            aria-label={label(place)}
            title={label(place)}
            onClick={() => store.choose({ entry: entryOf(place) })}
          />
        ))}
        {!picture && spots.filter((s) => s.layer === 0).map((s) => (
          <span key={s.unit} class="tag left" style={{ top: `${s.y}px`, width: `${s.x - s.size / 2 - 4}px` }}>{problem.features.length === problem.inputs ? problem.features[s.unit] : `x${s.unit + 1}`}</span>
        ))}
        {spots.filter((s) => s.layer === last).map((s) => (
          <span key={s.unit} class="tag right" style={{ top: `${s.y}px`, left: `${s.x + s.size / 2 + 4}px` }}>{problem.classes[s.unit] ?? problem.target}</span>
        ))}
        {problem.widths.map((n, layer) => n > MOST_DRAWN && !(picture && layer === 0) && (
          <span key={layer} class="tag more" style={{ left: `${spots.find((s) => s.layer === layer)?.x ?? 0}px` }}>+{n - MOST_DRAWN}</span>
        ))}
      </div>
      <p class="small" id="network-hint">{t(problem.domain.length > 0 ? "networkHint" : picture ? "imageHint" : "sampleHint")}{state.language === "en" && " "}{t("linesHint")}</p>
      {controls}
    </section>
  );
}

function LayerButtons() {
  const { store, state, t } = useLab("setup", "choices");
  const { setup, choices } = state;
  if (!setup || !choices) return null;
  const { hidden } = setup;
  const { layers, units } = choices.most;
  const setHidden = (next: (hidden: number[]) => number[]) =>
    store.change(({ hidden, activation }) => {
      const wanted = next(hidden).slice(0, layers).map((n) => Math.min(units, Math.max(1, n)));
      const names = activation.length > 1 ? [...activation, activation.at(-1)!].slice(0, Math.max(1, wanted.length)) : activation;
      return { hidden: wanted, activation: names };
    });
  const grow = (k: number, by: number) => setHidden((hidden) => hidden.map((n, j) => (j === k ? n + by : n)));
  return (
    <div class="layers" role="group" aria-label={t("hiddenLayers")}>
      <span>{t("hiddenLayers")}: {hidden.length}</span>
      <button type="button" aria-label={t("removeLayer")} disabled={hidden.length === 0} onClick={() => setHidden((all) => all.slice(0, -1))}>−</button>
      <button type="button" aria-label={t("addLayer")} disabled={hidden.length >= layers} onClick={() => setHidden((all) => [...all, all.at(-1) ?? 4])}>+</button>
      {hidden.map((n, k) => (
        <span key={k} class="layer">
          <button type="button" aria-label={`${t("removeUnit")} ${k + 1}`} disabled={n <= 1} onClick={() => grow(k, -1)}>−</button>
          <span>{n}</span>
          <button type="button" aria-label={`${t("addUnit")} ${k + 1}`} disabled={n >= units} onClick={() => grow(k, 1)}>+</button>
        </span>
      ))}
    </div>
  );
}

function drawEdges(context: CanvasRenderingContext2D, layer: Frame["layers"][number] | null, from: Place[], to: Place[], dark: boolean): void {
  const W = layer ? unpack(layer.W) : [];
  const columns = layer?.W.shape[1] ?? 0;
  const [low, high] = ends(W);
  const largest = Math.max(1e-9, Math.abs(low), Math.abs(high));
  for (const a of from) {
    for (const b of to) {
      const weight = W[a.unit * columns + b.unit] ?? 0;
      const size = Math.min(1, Math.abs(weight) / largest);
      context.beginPath();
      context.moveTo(a.x, a.y);
      context.bezierCurveTo((a.x + b.x) / 2, a.y, (a.x + b.x) / 2, b.y, b.x, b.y);
      context.lineWidth = 0.5 + 4.5 * size * Math.min(1, largest / 0.5);
      context.strokeStyle = layer ? css(diverging(Math.sign(weight) * (0.15 + 0.85 * size), dark)) : dark ? "#39424f" : "#d5dbe4";
      context.stroke();
    }
  }
}

/** The weight whose line passes a place closest, within a few pixels. */
export function nearestEdge(spots: Place[], x: number, y: number): { from: Place; to: Place } | null {
  let best: { from: Place; to: Place; distance: number } | null = null;
  for (const from of spots) {
    for (const to of spots) {
      if (to.layer !== from.layer + 1 || x < from.x || x > to.x) continue;
      const t = (x - from.x) / (to.x - from.x);
      const s = t < 0.5 ? 2 * t * t : 1 - 2 * (1 - t) * (1 - t); // close to the curve that is drawn
      const distance = Math.abs(from.y + (to.y - from.y) * s - y);
      if (distance < 10 && (best === null || distance < best.distance)) best = { from, to, distance };
    }
  }
  return best;
}

function useSize(box: { current: HTMLDivElement | null }): { width: number; height: number } {
  const { store, state } = useLab("frame", "size");
  const there = state.frame !== null;
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => {
      const [width, height] = [Math.round(entry!.contentRect.width), Math.round(entry!.contentRect.height)];
      const { size } = store.state;
      if (width > 0 && (Math.abs(width - size.width) > 1 || Math.abs(height - size.height) > 1)) store.set({ size: { width, height } });
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [there]);
  return state.size;
}
