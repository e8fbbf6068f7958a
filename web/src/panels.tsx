import { scaleLinear } from "d3-scale";
import { useEffect, useRef, useState } from "preact/hooks";
import { percent, short, unpack } from "./codec";
import { useLab } from "./context";
import { css, diverging, fit, mix, paintGrid, paper } from "./draw";
import { ends, paintWeights } from "./network";
import type { Packed } from "./types";
import { FAULTS } from "./words";

/** A small grey image, 0 dark or light as the paper is not. */
export function Picture({ image, label }: { image: Packed; label: string }) {
  const { state } = useLab();
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!canvas.current) return;
    fit(canvas.current);
    const values = unpack(image);
    const back = paper(state.dark);
    const ink: [number, number, number] = state.dark ? [255, 255, 255] : [20, 24, 32];
    paintGrid(canvas.current, image.shape[1]!, image.shape[0]!, (p) => mix(back, ink, values[p]! / 255), { smooth: false, topDown: true });
  }, [image, state.dark]);
  return <canvas ref={canvas} class="picture" role="img" aria-label={label} />;
}

export function Confusion({ matrix }: { matrix: number[][] }) {
  const { state, t } = useLab("problem");
  const { problem, dark } = state;
  const totals = matrix.map((row) => Math.max(1, row.reduce((a, b) => a + b, 0)));
  return (
    <figure>
      <figcaption>{t("confusion")}</figcaption>
      <p class="small">{t("confusionHint")}</p>
      <div class="scroll" tabIndex={0} role="group" aria-label={t("confusion")}>
        <table class="confusion">
          <thead>
            <tr><th><span class="hidden">{t("trueWord")}</span></th>{problem?.classes.map((name) => <th key={name} scope="col">{name}</th>)}</tr>
          </thead>
          <tbody>
            {matrix.map((row, i) => (
              <tr key={i}>
                <th scope="row">{problem?.classes[i]}</th>
                {row.map((n, j) => <td key={j} class={n === 0 ? "zero" : ""} style={{ background: css(diverging(((i === j ? 0.4 : -0.5) * n) / totals[i]!, dark)) }}>{n}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  );
}

export function Mistakes() {
  const { store, state, t } = useLab("frame", "problem");
  const { frame, problem } = state;
  const found = frame?.predictions;
  if (!found || !problem) return null;
  const name = (value: number | number[]) =>
    Array.isArray(value)
      ? problem.kind === "labels" ? problem.classes.filter((_, k) => value[k]! > 0.5).join(" + ") || t("none") : value.map((x) => short(x)).join(", ")
      : (problem.classes[value] ?? String(value));
  return (
    <div class="two">
      {found.confusion && <Confusion matrix={found.confusion} />}
      {found.pairs && problem.kind === "numbers" && <Pairs />}
      <figure>
        <figcaption>{t("worst")}</figcaption>
        <ul class="worst">
          {found.worst?.map((one) => (
            <li key={one.index}>
              <button type="button" onClick={() => store.choose({ part: problem.points.test ? "test" : "train", sample: one.index })}>
                {one.image && <Picture image={one.image} label={`${t("sample")} ${one.index}`} />}
                <span class={one.probability !== undefined && one.true !== one.predicted ? "wrong" : ""}>
                  {one.probability !== undefined && (one.true === one.predicted ? "✓ " : "✗ ")}#{one.index} {t("trueWord")} <b>{name(one.true)}</b>, {t("predicted")} <b>{name(one.predicted)}</b> {percent(one.probability)} · {t("loss")} {short(one.loss)}
                </span>
              </button>
            </li>
          ))}
        </ul>
      </figure>
    </div>
  );
}

export function Pairs() {
  const { state, t } = useLab("frame");
  const canvas = useRef<HTMLCanvasElement>(null);
  const pairs = state.frame?.predictions?.pairs;
  useEffect(() => {
    if (!canvas.current || !pairs) return;
    const { context, width, height } = fit(canvas.current);
    const [yes, guess] = [unpack(pairs.true), unpack(pairs.predicted)];
    const [low, high] = ends(yes);
    const x = scaleLinear([low, high], [40, width - 10]);
    const y = scaleLinear([low, high], [height - 24, 10]);
    context.strokeStyle = state.dark ? "#667" : "#99a";
    context.beginPath();
    context.moveTo(x(low), y(low));
    context.lineTo(x(high), y(high));
    context.stroke();
    context.fillStyle = state.dark ? "#b9c2d0" : "#4a5568";
    context.font = "10px system-ui, sans-serif";
    for (const tick of x.ticks(5)) context.fillText(String(tick), x(tick) - 8, height - 8);
    for (const tick of y.ticks(5)) context.fillText(String(tick), 2, y(tick) + 3);
    context.fillStyle = css(diverging(0.9, state.dark));
    for (let i = 0; i < yes.length; i++) context.fillRect(x(yes[i]!) - 2, y(guess[i]!) - 2, 4, 4);
  }, [pairs, state.dark]);
  return (
    <figure>
      <figcaption>{t("pairs")}</figcaption>
      <p class="small">{t("rmse")} {short(state.frame?.predictions?.rmse, 6)}</p>
      <canvas ref={canvas} class="square" role="img" aria-label={t("pairs")} />
    </figure>
  );
}

export function Weights() {
  const { store, state, t } = useLab("frame", "problem");
  const { frame, problem, dark } = state;
  if (!frame || !problem) return null;
  const units = Math.min(32, problem.widths[1] ?? 0);
  const last = problem.widths.length - 1;
  const nameOfUnit = (layer: number, unit: number) =>
    layer === 0
      ? problem.features.length === problem.inputs ? problem.features[unit] : `x[${unit}]`
      : layer === last ? (problem.classes[unit] ?? problem.target) : `h${layer}[${unit}]`;
  return (
    <div class="weights">
      {problem.image.length === 2 && (
        <>
          <p>{t("weightsHint")}</p>
          <ul class="images">
            {Array.from({ length: units }, (_, k) => (
              <li key={k}>
                <WeightImage unit={k} />
                <span class="small">{problem.widths.length === 2 ? (problem.classes[k] ?? k) : k + 1}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {frame.layers.map((layer, k) => {
        const [W, b] = [unpack(layer.W), unpack(layer.b)];
        const [inputs, columns] = layer.W.shape as [number, number];
        const shown = Array.from({ length: Math.min(16, columns) }, (_, j) => j);
        const number = last > 1 ? k + 1 : "";
        const [low, high] = ends(W);
        const largest = Math.max(1e-9, -low, high);
        const rows = Array.from({ length: Math.min(16, inputs) }, (_, i) => ({ name: nameOfUnit(k, i), values: shown.map((j) => W[i * columns + j]!), entry: (j: number) => `W${number}[${i},${j}]` }));
        rows.push({ name: t("bias"), values: shown.map((j) => b[j]!), entry: (j) => `b${number}[${j}]` });
        return (
          <details key={k} open={inputs <= 16}>
            <summary>{t("layerWeights")} {k + 1} {state.language === "zh" && "层"} ({layer.shape.join(" × ")})</summary>
            <div class="scroll" tabIndex={0} role="group" aria-label={`${t("layerWeights")} ${k + 1}`}>
              <table class="matrix">
                <thead>
                  <tr><td />{shown.map((j) => <th key={j} scope="col">{nameOfUnit(k + 1, j)}</th>)}{columns > 16 && <td>…</td>}</tr>
                </thead>
                <tbody>
                  {rows.map(({ name, values, entry }, i) => (
                    <tr key={i}>
                      <th scope="row">{inputs > 16 && i === 16 && "⋮ "}{name}</th>
                      {values.map((value, j) => (
                        <td key={j}>
                          <button type="button" class="cell" style={{ background: css(diverging((0.22 * value) / largest, dark)) }} aria-label={`${entry(j)} = ${short(value, 3)}`} title={entry(j)} onClick={() => store.choose({ entry: entry(j) })}>
                            {short(value, 3)}
                          </button>
                        </td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </details>
        );
      })}
    </div>
  );
}

function WeightImage({ unit }: { unit: number }) {
  const { state, t } = useLab("frame", "problem");
  const canvas = useRef<HTMLCanvasElement>(null);
  const { frame, problem, dark } = state;
  useEffect(() => {
    if (!canvas.current || !frame || !problem) return;
    fit(canvas.current);
    paintWeights(canvas.current, frame.layers[0]!, unit, problem.image, dark);
  }, [frame, problem, dark, unit]);
  return <canvas ref={canvas} class="picture" role="img" aria-label={`${t("weight")} ${unit + 1}`} />;
}

/** The loss of linear regression over two parameters, and the way that training took. */
export function Surface() {
  const { store, state, t } = useLab("frame", "choices");
  const { frame, dark, choices } = state;
  const canvas = useRef<HTMLCanvasElement>(null);
  const surface = frame?.surface;
  const there = surface !== undefined && Object.keys(surface).length > 0;
  useEffect(() => {
    if (!canvas.current || !surface || !there) return;
    drawSurface(canvas.current, surface, dark);
  }, [surface, dark, there]);
  if (!there) {
    return (
      <div>
        <p>{t("surfaceNone")}</p>
        <button type="button" onClick={() => choices && void store.setUp({ ...choices.setup, data: "plane", noise: 0.1, hidden: [], learning_rate: 0.03 })}>{t("showLine")}</button>
      </div>
    );
  }
  return (
    <div class="two">
      <figure>
        <canvas ref={canvas} class="square" role="img" aria-label={t("surfaceTab")} />
      </figure>
      <div>
        <p>{t("surfaceHint")}</p>
        <dl>
          <dt>{t("exact")}</dt>
          <dd>{surface.exact.map((x, k) => `${surface.names[k]} = ${short(x, 6)}`).join(", ")}</dd>
          <dt>{t("away")}</dt>
          <dd>{short(surface.distance)}</dd>
          <dt>{t("leastLoss")}</dt>
          <dd>{short(surface.least, 6)}</dd>
        </dl>
      </div>
    </div>
  );
}

function drawSurface(canvas: HTMLCanvasElement, surface: NonNullable<NonNullable<ReturnType<typeof useLab>["state"]["frame"]>["surface"]>, dark: boolean): void {
  const path = unpack(surface.path) as Float32Array;
  const [ex, ey] = surface.exact as [number, number];
  let reach = 1e-6;
  const far = Math.min(path.length, 2 * 2000);
  for (let i = 0; i < far; i++) {
    const away = Math.abs(path[i]! - (i % 2 === 0 ? ex : ey));
    if (Number.isFinite(away)) reach = Math.max(reach, Math.min(away, 50 * Math.max(1, Math.abs(ex), Math.abs(ey))));
  }
  reach *= 1.2;
  const { context, width, height } = fit(canvas);
  const x = scaleLinear([ex - reach, ex + reach], [0, width]);
  const y = scaleLinear([ey - reach, ey + reach], [height, 0]);
  const [[a, b], [, d]] = surface.curvature as [[number, number], [number, number]];
  const above = (p: number, q: number) => (a * p * p + 2 * b * p * q + d * q * q) / 2;
  const top = Math.max(above(reach, reach), above(reach, -reach));
  const picture = document.createElement("canvas");
  picture.width = picture.height = 160;
  const levels = 14;
  paintGrid(picture, 160, 160, (k) => {
    const value = above(((k % 160) / 80 - 1) * reach, (Math.floor(k / 160) / 80 - 1) * reach);
    const level = Math.floor(Math.sqrt(Math.max(0, value) / top) * levels) / levels;
    return mix(paper(dark), dark ? [90, 140, 200] : [20, 70, 130], 0.06 + 0.72 * level);
  });
  context.drawImage(picture, 0, 0, width, height);
  context.beginPath();
  for (let i = 0; i + 1 < path.length; i += 2) context.lineTo(x(path[i]!), y(path[i + 1]!));
  context.strokeStyle = dark ? "#ffb469" : "#c2410c";
  context.lineWidth = 2;
  context.stroke();
  const n = path.length;
  context.beginPath();
  context.arc(x(path[n - 2]!), y(path[n - 1]!), 5, 0, 2 * Math.PI);
  context.fillStyle = dark ? "#ffb469" : "#c2410c";
  context.fill();
  context.beginPath();
  context.moveTo(x(ex) - 8, y(ey));
  context.lineTo(x(ex) + 8, y(ey));
  context.moveTo(x(ex), y(ey) - 8);
  context.lineTo(x(ex), y(ey) + 8);
  context.strokeStyle = dark ? "#fff" : "#111";
  context.stroke();
  context.fillStyle = dark ? "#fff" : "#111";
  context.font = "12px system-ui, sans-serif";
  context.fillText(surface.names[0]!, width - 24, height - 6);
  context.fillText(surface.names[1]!, 6, 14);
}

export function Break() {
  const { store, state, t } = useLab("choices", "setup", "frame");
  const { choices, setup, frame, language } = state;
  if (!choices || !setup) return null;
  const i = language === "en" ? 0 : 1;
  const toggle = (name: string) => {
    const fault = setup.fault === name ? "" : name;
    const base = choices.setup;
    void store.setUp({ ...base, ...choices.faults[name]!, fault, engine: "scratch" });
  };
  const dead = frame?.activity?.on.reduce((sum, layer) => sum + Array.from(unpack(layer)).filter((part) => part === 0).length, 0);
  return (
    <div>
      <p>{t("breakHint")}</p>
      <ul class="faults">
        {Object.keys(choices.faults).map((name) => {
          const words = FAULTS[name];
          const on = setup.fault === name;
          return (
            <li key={name} class={on ? "on" : ""}>
              <button type="button" role="switch" aria-checked={on} onClick={() => toggle(name)}>
                <span class="switch" aria-hidden="true" /> {words?.title[i] ?? name}
              </button>
              <p class={on ? "" : "small"}><b>{t("watch")}</b> {words?.watch[i]}</p>
              {on && name === "dead-relu" && dead !== undefined && <p>{dead} {t("deadUnits")}</p>}
              {on && name === "no-activation" && frame?.collapsed?.W && (
                <div>
                  <p>{t("collapsed")}</p>
                  <table class="matrix"><tbody>
                    {frame.collapsed.W.map((row, k) => <tr key={k}>{row.map((value, j) => <td key={j}><code>{short(value)}</code></td>)}</tr>)}
                    <tr>{frame.collapsed.b.map((value, j) => <td key={j}><code>b {short(value)}</code></td>)}</tr>
                  </tbody></table>
                </div>
              )}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function save(name: string, content: BlobPart, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function Share() {
  const { store, state, t } = useLab("python", "problem", "setup", "choices");
  const { python, problem, setup, choices } = state;
  const [copied, setCopied] = useState("");
  const copy = async (what: string, text: string) => {
    await navigator.clipboard?.writeText(text).catch(() => undefined);
    setCopied(what);
  };
  const download = async (which: "model" | "rows") => {
    const answer = await store.model();
    if (answer.model === undefined) return;
    if (which === "rows") return save("test.csv", answer.rows ?? "", "text/csv");
    save("model.safetensors", Uint8Array.from(atob(answer.model), (c) => c.charCodeAt(0)), "application/octet-stream");
  };
  const address = `${location.origin}${location.pathname}${location.hash}`;
  const labels = problem?.kind === "labels"; // of which `twofold evaluate` reads no table
  const image = problem !== null && problem.image.length > 0;
  const evaluate = image ? `twofold evaluate model.safetensors --data ${setup?.data}` : "twofold evaluate model.safetensors test.csv";
  return (
    <div class="two">
      <div>
        <h3>{t("address")}</h3>
        <p>{t(setup?.data === "csv" ? "shareTable" : choices?.native ? "shareNative" : "shareHint")}</p>
        {setup?.data !== "csv" && <p class="row"><code class="address">{address}</code> <button type="button" onClick={() => void copy("address", address)}>{copied === "address" ? t("copied") : t("copy")}</button></p>}
        <h3>{t("modelFile")}</h3>
        <p>{t(labels ? "modelLabels" : image ? "modelAlone" : "modelHint")} <code>{labels ? 'twofold.load_model("model.safetensors")' : evaluate}</code></p>
        <p class="row">
          <button type="button" onClick={() => void download("model")}>{t("download")} model.safetensors</button>
          {!image && !labels && <button type="button" onClick={() => void download("rows")}>{t("downloadRows")}</button>}
        </p>
      </div>
      <div>
        <h3>{t("python")}</h3>
        <p>{t("pythonHint")} {python && !python.exact && t("pythonPart")} <button type="button" onClick={() => python && void copy("python", python.text)}>{copied === "python" ? t("copied") : t("copy")}</button></p>
        <pre class="python" tabIndex={0}>{python?.text}</pre>
      </div>
    </div>
  );
}
