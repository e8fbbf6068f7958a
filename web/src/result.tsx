import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { percent, short, unpack } from "./codec";
import { useLab } from "./context";
import { CLASS_COLOURS, CLASS_SHAPES, css, diverging, fit, mark, paintGrid, regionColour } from "./draw";
import { ends } from "./network";
import { Confusion, Pairs } from "./panels";
import type { EpochRecord, Frame, Points, Problem } from "./types";

const EDGE = { left: 34, bottom: 22, top: 18, right: 6 };

interface Drawn {
  X: Float32Array;
  y: Float32Array;
  n: number;
  d: number;
  q: number;
}

const numbersOf = (points: Points | undefined): Drawn | null =>
  points ? { X: unpack(points.X) as Float32Array, y: unpack(points.y) as Float32Array, n: points.X.shape[0]!, d: points.X.shape[1]!, q: points.y.shape[1] ?? 1 } : null;

/** The main picture: regions or surface over two inputs, the fitted line over one. */
export function Result() {
  const { store, state, t } = useLab("problem", "frame", "showTest", "chosen");
  const { problem, frame, dark, showTest, chosen } = state;
  const canvas = useRef<HTMLCanvasElement>(null);
  const layer = useRef<HTMLCanvasElement>(null);
  const train = useMemo(() => numbersOf(problem?.points.train), [problem]);
  const test = useMemo(() => numbersOf(problem?.points.test), [problem]);
  const flat = (problem?.domain.length ?? 0) > 0;
  useEffect(() => {
    if (canvas.current && problem && frame?.plane && flat) drawPlane(canvas.current, problem, frame, train, dark);
  }, [frame, problem, dark, train, flat]);
  useEffect(() => {
    if (!layer.current || !problem || !flat) return;
    const scale = drawSamples(layer.current, problem, showTest ? [train, test] : [train], dark);
    const set = chosen.part === "train" ? train : test;
    if (set && chosen.sample < set.n) ring(layer.current, ...spotOf(problem, scale, set, chosen.sample), dark);
  }, [problem, dark, showTest, train, test, flat, chosen]);
  if (!problem || !frame) return <section class="card result" aria-busy="true" />;
  const pick = (event: MouseEvent) => {
    if (!train || !layer.current) return;
    const { width, height } = layer.current.getBoundingClientRect();
    const found = nearest(problem, train, event.offsetX, event.offsetY, width, height);
    if (found !== null) store.choose({ part: "train", sample: found });
  };
  const title = problem.domain.length === 1 ? t("fitted") : problem.kind === "numbers" ? t("fittedPlane") : t("regions");
  return (
    <section class="card result" aria-labelledby="result-title">
      <h2 id="result-title">{t("result")}</h2>
      {flat && (
        <figure>
          <figcaption>{title}</figcaption>
          <div class="plot">
            <canvas ref={canvas} role="img" aria-label={`${title}: ${problem.name}`} />
            <canvas ref={layer} class="over" onClick={pick} aria-hidden="true" />
          </div>
          <Legend />
          {problem.points.test && (
            <label class="check">
              <input type="checkbox" checked={showTest} onChange={(event) => store.set({ showTest: event.currentTarget.checked })} /> {t("showTest")}
            </label>
          )}
        </figure>
      )}
      {!flat && frame.predictions?.confusion && <Confusion matrix={frame.predictions.confusion} />}
      {!flat && problem.kind === "numbers" && frame.predictions?.pairs && <Pairs />}
      <Curves />
    </section>
  );
}

type Mark = [string, (typeof CLASS_SHAPES)[number]];
const SEVERAL: Mark = ["#7b52ab", "diamond"];
const NO_LABEL: Mark = ["#888888", "circle"];

function Legend() {
  const { state, t } = useLab("problem");
  const { problem } = state;
  if (!problem) return null;
  if (problem.kind === "numbers") return <p class="small">{problem.domain.length === 2 ? `${problem.target}` : ""}</p>;
  return (
    <ul class="legend">
      {problem.classes.slice(0, 10).map((name, k) => (
        <li key={name}>
          <svg width="14" height="14" aria-hidden="true">
            <Shape shape={problem.kind === "labels" ? "circle" : CLASS_SHAPES[k % CLASS_SHAPES.length]!} colour={CLASS_COLOURS[k % CLASS_COLOURS.length]!} />
          </svg>
          {name}
        </li>
      ))}
      {problem.kind === "labels" && [[SEVERAL, "severalLabels"] as const, [NO_LABEL, "noLabel"] as const].map(([[colour, shape], word]) => (
        <li key={word}>
          <svg width="14" height="14" aria-hidden="true"><Shape shape={shape} colour={colour} /></svg>
          {t(word)}
        </li>
      ))}
      {problem.classes.length > 10 && <li>+{problem.classes.length - 10} {t("allOthers")}</li>}
    </ul>
  );
}

function Shape({ shape, colour }: { shape: (typeof CLASS_SHAPES)[number]; colour: string }) {
  if (shape === "circle") return <circle cx="7" cy="7" r="5" fill={colour} />;
  if (shape === "square") return <rect x="2.5" y="2.5" width="9" height="9" fill={colour} />;
  if (shape === "triangle") return <path d="M7 1.5 12.5 11.5H1.5Z" fill={colour} />;
  return <path d="M7 1 13 7 7 13 1 7Z" fill={colour} />;
}

type Scales = ReturnType<typeof scales>;

function scales(problem: Problem, width: number, height: number, train: Drawn | null) {
  const [x0, x1] = problem.domain[0]!;
  const x = scaleLinear([x0!, x1!], [EDGE.left, width - EDGE.right]);
  let range = problem.domain[1] as [number, number] | undefined;
  if (range === undefined) {
    const [low, high] = ends(train?.y ?? [0, 1]);
    const room = Math.max(1e-9, high - low) * 0.15;
    range = [low - room, high + room];
  }
  return { x, y: scaleLinear(range, [height - EDGE.bottom, EDGE.top]) };
}

function axes(context: CanvasRenderingContext2D, problem: Problem, scale: Scales, width: number, height: number, dark: boolean): void {
  context.fillStyle = dark ? "#b9c2d0" : "#4a5568";
  context.font = "10px system-ui, sans-serif";
  context.textAlign = "center";
  for (const tick of scale.x.ticks(5)) context.fillText(String(tick), scale.x(tick), height - EDGE.bottom + 12);
  context.textAlign = "right";
  for (const tick of scale.y.ticks(5)) context.fillText(String(tick), EDGE.left - 4, scale.y(tick) + 3);
  context.textAlign = "right";
  context.fillText((problem.features[0] ?? "x").slice(0, 24), width - EDGE.right, height - 1);
  context.textAlign = "left";
  context.fillText(((problem.domain.length === 2 ? problem.features[1] : problem.target) ?? "y").slice(0, 48), 2, 10);
  context.strokeStyle = dark ? "#475060" : "#cbd2dc";
  context.strokeRect(EDGE.left, EDGE.top, width - EDGE.left - EDGE.right, height - EDGE.top - EDGE.bottom);
}

function drawPlane(canvas: HTMLCanvasElement, problem: Problem, frame: Frame, train: Drawn | null, dark: boolean): void {
  const { context, width, height } = fit(canvas);
  const scale = scales(problem, width, height, train);
  const outputs = unpack(frame.plane!.outputs) as Float32Array;
  if (problem.domain.length === 2) {
    const q = problem.kind === "numbers" ? 1 : problem.classes.length;
    const box = { context, x: EDGE.left, y: EDGE.top, width: width - EDGE.left - EDGE.right, height: height - EDGE.top - EDGE.bottom };
    paintGrid(box, 40, 40, regionColour(problem.kind, outputs, q, 1600, ends(train?.y ?? [0, 1]), dark));
  }
  axes(context, problem, scale, width, height, dark);
  if (problem.domain.length === 1) {
    const n = frame.plane!.outputs.shape[1]!;
    const [x0, x1] = problem.domain[0]!;
    context.save();
    context.beginPath();
    context.rect(EDGE.left, EDGE.top, width - EDGE.left - EDGE.right, height - EDGE.top - EDGE.bottom);
    context.clip();
    context.beginPath();
    for (let k = 0; k < n; k++) context.lineTo(scale.x(x0! + ((x1! - x0!) * k) / (n - 1)), scale.y(outputs[k]!));
    context.lineWidth = 3;
    context.strokeStyle = css(diverging(-0.9, dark));
    context.stroke();
    context.restore();
  }
}

function drawSamples(canvas: HTMLCanvasElement, problem: Problem, sets: (Drawn | null)[], dark: boolean): Scales {
  const { context, width, height } = fit(canvas);
  const scale = scales(problem, width, height, sets[0] ?? null);
  const range = ends(sets[0]?.y ?? [0, 1]);
  sets.forEach((set, which) => {
    if (!set || set.d === 0) return;
    const radius = set.n > 2000 ? 1.6 : set.n > 800 ? 2.4 : 3.4;
    for (let i = 0; i < set.n; i++) {
      const [x, y] = spotOf(problem, scale, set, i);
      const [colour, shape] = look(problem, set, i, range, dark);
      mark(context, x, y, colour, shape, radius, which === 1);
    }
  });
  return scale;
}

const spotOf = (problem: Problem, scale: Scales, set: Drawn, i: number): [number, number] => [
  scale.x(set.X[i * set.d]!),
  scale.y(problem.domain.length === 2 ? set.X[i * set.d + 1]! : set.y[i]!),
];

/** Mark the sample that is followed. */
function ring(canvas: HTMLCanvasElement, x: number, y: number, dark: boolean): void {
  const context = canvas.getContext("2d")!;
  for (const [width, colour] of [[5, dark ? "#10141b" : "#ffffff"], [2.5, dark ? "#ffffff" : "#171c26"]] as const) {
    context.beginPath();
    context.arc(x, y, 8, 0, 2 * Math.PI);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }
}

function look(problem: Problem, set: Drawn, i: number, range: [number, number], dark: boolean): Mark {
  if (problem.domain.length === 1) return ["#0868be", "circle"];
  if (problem.kind === "numbers") {
    const middle = (range[0] + range[1]) / 2;
    return [css(diverging((set.y[i]! - middle) / Math.max(1e-9, (range[1] - range[0]) / 2), dark)), "circle"];
  }
  if (problem.kind === "classes") {
    const k = set.y[i]!;
    return [CLASS_COLOURS[k % CLASS_COLOURS.length]!, CLASS_SHAPES[k % CLASS_SHAPES.length]!];
  }
  const labels = Array.from({ length: set.q }, (_, k) => set.y[i * set.q + k]! > 0.5);
  const first = labels.indexOf(true);
  const both = labels.filter(Boolean).length > 1;
  return both ? SEVERAL : first < 0 ? NO_LABEL : [CLASS_COLOURS[first]!, "circle"];
}

function nearest(problem: Problem, set: Drawn, px: number, py: number, width: number, height: number): number | null {
  const scale = scales(problem, width, height, set);
  let [best, found] = [400, -1];
  for (let i = 0; i < set.n; i++) {
    const [x, y] = spotOf(problem, scale, set, i);
    const away = (x - px) ** 2 + (y - py) ** 2;
    if (away < best) [best, found] = [away, i];
  }
  return found < 0 ? null : found;
}

/** Loss and accuracy of every epoch so far; epochs after the present one are pale. */
function Curves() {
  const { store, state, t } = useLab("records", "frame", "problem");
  const { records, frame, problem } = state;
  if (!frame || !problem) return null;
  const now = frame.step / frame.stepsPerEpoch;
  const last = records[Math.floor(now)] ?? records.at(-1); // of the epoch that is shown
  const accuracy = records.some((record) => record.accuracy !== null);
  return (
    <figure>
      <figcaption>{t(accuracy ? "curves" : "lossCurve")}</figcaption>
      <button type="button" class="plain-button" onClick={() => store.choose({ entry: "L" })} title={t("numbersTab")}>
        <Chart records={records} now={now} keys={["loss", "test_loss"]} label={t("loss")} />
      </button>
      {accuracy && <Chart records={records} now={now} keys={["accuracy", "test_accuracy"]} label={t("accuracy")} top={1} />}
      <p class="small key">
        <span><i class="key-train" /> {t("train")} {short(last?.loss)} {percent(last?.accuracy)}</span>
        <span><i class="key-test" /> {t("test")} {short(last?.test_loss)} {percent(last?.test_accuracy)}</span>
      </p>
    </figure>
  );
}

const MOST_POINTS = 400;

function Chart({ records, now, keys, label, top }: { records: EpochRecord[]; now: number; keys: [keyof EpochRecord, keyof EpochRecord]; label: string; top?: number }) {
  const [width, height] = [320, 92];
  const every = Math.ceil(records.length / MOST_POINTS);
  const shown = records.filter((_, k) => k % every === 0 || k === records.length - 1);
  const values = shown.flatMap((record) => keys.map((key) => record[key])).filter((value): value is number => value !== null);
  const [low, high] = ends(values);
  const x = scaleLinear([0, Math.max(1, records.length - 1)], [36, width - 6]);
  const y = scaleLinear([top === undefined ? Math.min(0, low) : Math.min(low, 0.5), top ?? Math.max(high, 1e-9)], [height - 16, 6]).nice(3);
  const path = (key: keyof EpochRecord) =>
    line<EpochRecord>()
      .defined((record) => record[key] !== null)
      .x((record) => x(record.epoch))
      .y((record) => y(record[key] as number))(shown) ?? "";
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${label}: ${short(records.at(-1)?.[keys[0]] as number)}`}>
      {y.ticks(3).map((tick) => (
        <g key={tick}>
          <line x1="36" x2={width - 6} y1={y(tick)} y2={y(tick)} class="grid" />
          <text x="32" y={y(tick) + 3} text-anchor="end">{short(tick, 3)}</text>
        </g>
      ))}
      {x.ticks(5).filter(Number.isInteger).map((tick) => (
        <text key={tick} x={x(tick)} y={height - 4} text-anchor="middle">{tick}</text>
      ))}
      <path d={path(keys[1])} class="curve test" />
      <path d={path(keys[0])} class="curve train" />
      <line x1={x(now)} x2={x(now)} y1="6" y2={height - 16} class="now" />
      <text x={width - 10} y={top === undefined ? 15 : height - 22} text-anchor="end" class="name">{label}</text>
    </svg>
  );
}
