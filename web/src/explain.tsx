import { useState } from "preact/hooks";
import { short } from "./codec";
import { useLab } from "./context";
import { css, diverging } from "./draw";
import { Formula } from "./formula";
import { Picture } from "./panels";
import type { Explanation, TraceArray, TraceStep } from "./types";
import type { Word } from "./words";

const MOST = 12; // rows and columns of a matrix that are shown
const PARTS: Record<string, Word> = { given: "given", forward: "forward", loss: "lossPart", backward: "backward", update: "update", check: "check", explanation: "explanation" };

/** One sample from its features to the gradient: every formula, every number. */
export function Numbers() {
  const { store, state, t } = useLab("explanation", "chosen", "problem");
  const { explanation, chosen, problem } = state;
  const [entry, setEntry] = useState("");
  if (!problem) return null;
  const samples = problem.points[chosen.part]?.n ?? 0;
  return (
    <div>
      <p>{t("explainHint")}</p>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          store.choose({ entry });
        }}
      >
        <label>
          {t("part")}{" "}
          <select value={chosen.part} onChange={(event) => store.choose({ part: event.currentTarget.value as "train" | "test", sample: 0 })}>
            <option value="train">{t("train")}</option>
            {problem.points.test && <option value="test">{t("test")}</option>}
          </select>
        </label>
        <label>
          {t("sample")}{" "}
          <input type="number" min={0} max={samples - 1} value={chosen.sample} onChange={(event) => store.choose({ sample: Math.min(samples - 1, Math.max(0, Math.round(Number(event.currentTarget.value)))) })} />
        </label>
        <label>
          {t("whichNumber")}{" "}
          <input type="text" size={12} placeholder="W1[0,2]" value={entry || chosen.entry} onInput={(event) => setEntry(event.currentTarget.value)} />
        </label>
        <button type="submit">{t("explain")}</button>
      </form>
      {explanation && <Entry explanation={explanation} />}
      {explanation && <Steps explanation={explanation} />}
    </div>
  );
}

function Entry({ explanation }: { explanation: Explanation }) {
  const { state, t } = useLab("chosen");
  const { entry, sample, rows } = explanation;
  const gradient = entry && gradientOf(explanation, entry.name);
  return (
    <div class="entry">
      {sample.image && <Picture image={sample.image} label={`${t("sample")} ${state.chosen.sample}`} />}
      <div>
        <p>
          {t("sampleIs")} {rows.join(", ")}
          {sample.features && sample.features.length <= 12 && ` = (${sample.features.map((x) => short(x)).join(", ")})`}
        </p>
        {entry && (
          <dl>
            <dt>
              <code>{entry.name}</code>
            </dt>
            <dd>{entry.value.toPrecision(10)}</dd>
            {gradient !== undefined && (
              <>
                <dt>∂L/∂{entry.name}</dt>
                <dd>{gradient.toPrecision(10)}</dd>
              </>
            )}
            {Object.entries(entry.related).map(([name, value]) => (
              <>
                <dt>{t(name as Word)}</dt>
                <dd>{value.toPrecision(10)}</dd>
              </>
            ))}
          </dl>
        )}
        {entry?.worked && <p class="worked" tabIndex={0}><code>{entry.worked}</code></p>}
      </div>
    </div>
  );
}

/** The gradient that came down to an entry, where the backward pass names it: of h1[0, 2] that in dh1. */
function gradientOf({ steps, entry }: Explanation, name: string): number | undefined {
  if (Object.keys(entry!.related).length > 0) return undefined; // it is told there, beside others
  const [, array, places] = /^(\w+)\[(.*)\]$/.exec(name) ?? [];
  const values = steps.flatMap((step) => step.arrays).find((one) => one.name === `d${array}`)?.values;
  const found = places?.split(",").reduce<unknown>((inner, place) => (inner as unknown[] | undefined)?.[Number(place)], values);
  return typeof found === "number" ? found : undefined;
}

function Steps({ explanation }: { explanation: Explanation }) {
  const { t } = useLab();
  const parts = [...new Set(explanation.steps.map((step) => step.part))];
  return (
    <div class="steps">
      {parts.map((part) => (
        <details key={part} open={part === "forward" || part === "loss" || part === "backward"}>
          <summary>{t(PARTS[part] ?? "given")}</summary>
          {explanation.steps.filter((step) => step.part === part).map((step) => (
            <Step key={step.title} step={step} symbols={explanation.symbols} chosen={explanation.entry?.name.replaceAll(" ", "") ?? ""} />
          ))}
        </details>
      ))}
    </div>
  );
}

function Step({ step, symbols, chosen }: { step: TraceStep; symbols: Record<string, string>; chosen: string }) {
  const { t } = useLab();
  return (
    <article class="step">
      <h3>{step.title}</h3>
      {step.latex && <Formula latex={step.latex} block />}
      {step.latex && step.shapes && <p class="small">{t("shapes")}: <code>{step.shapes}</code></p>}
      {step.worked && <p class="worked" tabIndex={0}><code>{step.worked}</code></p>}
      {step.arrays.map((array) => (
        <Matrix key={array.name} array={array} latex={symbols[array.name] ?? array.name} chosen={chosen} />
      ))}
      {step.note && <p class="small">{step.note}</p>}
      {step.table && (
        <div class="scroll" tabIndex={0} role="group" aria-label={step.title}>
          <table>
            <thead><tr>{step.table.columns.map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
            <tbody>{step.table.rows.map((row, k) => <tr key={k}>{row.map((cell, j) => <td key={j}>{typeof cell === "number" ? short(cell, 6) : String(cell ?? "")}</td>)}</tr>)}</tbody>
          </table>
        </div>
      )}
    </article>
  );
}

function Matrix({ array, latex, chosen }: { array: TraceArray; latex: string; chosen: string }) {
  const { store } = useLab();
  const { values } = array;
  if (values === undefined) {
    return <p class="small"><Formula latex={latex} /> {array.shape.join(" × ")}: {short(array.smallest)} … {short(array.largest)}</p>;
  }
  if (typeof values === "number") {
    return <p><Formula latex={`${latex} =`} /> <Cell name={array.name} value={values} largest={Math.abs(values)} choose={() => store.choose({ entry: array.name })} chosen={false} /></p>;
  }
  const rows = (array.shape.length === 2 ? values : [values]) as number[][];
  const largest = Math.max(1e-12, ...rows.flat().map(Math.abs));
  const flat = array.shape.length === 1;
  const place = (i: number, j: number) => (flat ? `${array.name}[${j}]` : `${array.name}[${i},${j}]`);
  return (
    <div class="named">
      <Formula latex={`${latex} =`} />
      <div class="scroll" tabIndex={0} role="group" aria-label={array.name}>
        <table class="matrix">
          {array.columns.length === rows[0]?.length && <thead><tr>{array.columns.slice(0, MOST).map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>}
          <tbody>
            {rows.slice(0, MOST).map((row, i) => (
              <tr key={i}>
                {row.slice(0, MOST).map((value, j) => (
                  <td key={j}><Cell name={place(i, j)} value={value} largest={largest} choose={() => store.choose({ entry: place(i, j) })} chosen={chosen === place(i, j)} /></td>
                ))}
                {row.length > MOST && <td>…</td>}
              </tr>
            ))}
            {rows.length > MOST && <tr><td>⋮</td></tr>}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Cell({ name, value, largest, choose, chosen }: { name: string; value: number; largest: number; choose: () => void; chosen: boolean }) {
  const { state } = useLab();
  const tint = css(diverging((0.22 * value) / largest, state.dark));
  return (
    <button type="button" class={chosen ? "cell chosen" : "cell"} style={{ background: tint }} aria-label={`${name} = ${short(value)}`} title={`${name} = ${value}`} onClick={choose}>
      {short(value)}
    </button>
  );
}
