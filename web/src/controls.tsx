import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { base64 } from "./codec";
import { useLab } from "./context";
import type { Setup } from "./types";
import { nameOf } from "./words";

function Field({ label, children }: { label: string; children: (id: string) => ComponentChildren }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
    </div>
  );
}

export function Choice({ label, value, options, change, empty }: { label: string; value: string; options: string[]; change: (value: string) => void; empty?: string }) {
  const { state } = useLab();
  return (
    <Field label={label}>
      {(id) => (
        <select id={id} value={value} onChange={(event) => change(event.currentTarget.value)}>
          {empty !== undefined && <option value="">{empty}</option>}
          {options.map((name) => (
            <option key={name} value={name}>
              {nameOf(state.language, name)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** A number that is taken over when it is whole: on Enter, or when the field is left; what is refused goes back. */
export function NumberField({ label, value, change, step = "any", min, max, placeholder, list }: { label: string; value: number | null; change: (value: number | null) => unknown; step?: string | number; min?: number; max?: number; placeholder?: string; list?: string }) {
  const now = useRef(value);
  now.current = value;
  return (
    <Field label={label}>
      {(id) => (
        <input
          id={id}
          type="number"
          value={value ?? ""}
          step={step}
          min={min}
          max={max}
          placeholder={placeholder}
          list={list}
          onChange={async ({ currentTarget: input }) => {
            await change(input.value === "" ? null : Number(input.value));
            input.value = String(now.current ?? "");
          }}
        />
      )}
    </Field>
  );
}

const RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];

export function DataControls() {
  const { store, state, t } = useLab("setup", "choices", "problem", "table", "ready");
  const { setup, choices, problem, table } = state;
  const [over, setOver] = useState(false);
  const take = async (file: File | undefined) => {
    if (file) await store.readTable(file.name, base64(new Uint8Array(await file.arrayBuffer())));
  };
  useEffect(() => {
    // wherever on the page a file is dropped: a browser would leave the page for it
    const drag = (event: DragEvent) => {
      event.preventDefault();
      setOver(event.type === "dragover");
      if (event.type === "drop" && store.state.ready) void take(event.dataTransfer?.files[0]);
    };
    const kinds = ["dragover", "dragleave", "drop"] as const;
    for (const kind of kinds) window.addEventListener(kind, drag);
    return () => kinds.forEach((kind) => window.removeEventListener(kind, drag));
  }, [store]);
  if (!setup || !choices) return null;
  const entry = choices.data.find((one) => one.name === setup.data);
  const names = [...choices.data.map((one) => one.name), ...(table ? ["csv"] : [])];
  const pick = (name: string) => {
    const next = choices.data.find((one) => one.name === name);
    if (name === "csv") return store.change({ data: "csv", target: table!.target, loss: "", fault: "" });
    store.change({ data: name, loss: "", fault: "", noise: next?.noise ?? 0, hidden: next?.hidden ?? [] });
  };
  return (
    <section class="card" aria-labelledby="data-title">
      <h2 id="data-title">{t("data")}</h2>
      <Field label={t("dataSet")}>
        {(id) => (
          <select id={id} value={setup.data} onChange={(event) => pick(event.currentTarget.value)}>
            {names.map((name) => (
              <option key={name} value={name}>
                {name === "csv" ? table!.name : nameOf(state.language, name)}
              </option>
            ))}
          </select>
        )}
      </Field>
      {entry?.made && (
        <>
          <div class="pair">
            <NumberField label={t("samples")} value={setup.n} min={10} max={20000} step={10} change={(n) => n !== null && store.change({ n: Math.round(n) })} />
            <NumberField label={t("noise")} value={setup.noise} min={0} max={1} step={0.01} change={(noise) => noise !== null && store.change({ noise })} />
          </div>
          <NumberField label={t("dataSeed")} value={setup.data_seed} min={0} step={1} change={(seed) => seed !== null && store.change({ data_seed: Math.round(seed) })} />
        </>
      )}
      {setup.data === "csv" && table && (
        <>
          <Field label={t("target")}>
            {(id) => (
              <select id={id} value={setup.target} onChange={(event) => store.change({ target: event.currentTarget.value, loss: "" })}>
                {table.columns.map((column) => (
                  <option key={column.name} value={column.name}>
                    {column.name}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <details>
            <summary>
              {t("columns")}: {table.columns.length}, {table.rows} {t("rows")}
            </summary>
            <ul class="plain">
              {table.columns.map((column) => (
                <li key={column.name}>
                  <b>{column.name}</b> {t(column.kind === "number" ? "numberColumn" : column.kind === "category" ? "categoryColumn" : "leftOut")}
                  {column.gaps > 0 && `, ${column.gaps} ${t("gaps")}`}
                </li>
              ))}
            </ul>
          </details>
        </>
      )}
      {problem && (
        <p class="small">
          {t("train")} {problem.points.train.n}
          {problem.points.test && ` · ${t("test")} ${problem.points.test.n}`}
          {problem.target && ` · ${t("targetIs")} ${problem.target}`}
          {problem.scaled && <><br />{t(problem.scaled === "all" ? "scaledAll" : "scaledFeatures")}</>}
        </p>
      )}
      <div class={over ? "drop over" : "drop"}>
        <label class="button">
          <input
            class="hidden"
            type="file"
            accept=".csv,.tsv,.txt,text/csv"
            disabled={!state.ready}
            onChange={(event) => {
              void take(event.currentTarget.files?.[0]);
              event.currentTarget.value = "";
            }}
          />
          {t("ownTable")}
        </label>
        <p class="small">{t("ownHint")}</p>
      </div>
    </section>
  );
}

export function NetworkControls() {
  const { store, state, t } = useLab("setup", "choices", "problem");
  const { setup, choices, problem } = state;
  if (!setup || !choices) return null;
  const losses = Object.entries(choices.losses)
    .filter(([, kind]) => kind === (problem?.kind ?? "classes"))
    .map(([name]) => name);
  const own = choices.optimizers[setup.optimizer] ?? {};
  const several = setup.hidden.length > 0 && setup.activation.length === setup.hidden.length && new Set(setup.activation).size > 1;
  const setActivation = (layer: number, name: string) => {
    const names = setup.hidden.map((_, k) => setup.activation[k] ?? setup.activation[0] ?? "tanh");
    names[layer] = name;
    store.change({ activation: new Set(names).size === 1 ? [names[0]!] : names });
  };
  const names = Object.keys(choices.activations);
  return (
    <div class="controls">
      {setup.hidden.length > 0 && !several && (
        <Choice label={t("activation")} value={setup.activation[0] ?? "tanh"} options={names} change={(name) => store.change({ activation: [name] })} />
      )}
      {several && setup.activation.map((name, k) => (
        <Choice key={k} label={`${t("activation")} ${k + 1}`} value={name} options={names} change={(next) => setActivation(k, next)} />
      ))}
      <Choice label={t("lossFunction")} value={problem?.loss ?? ""} options={losses} change={(loss) => store.change({ loss })} />
      <Choice
        label={t("optimizer")}
        value={setup.optimizer}
        options={Object.keys(choices.optimizers)}
        change={(optimizer) =>
          store.change({ optimizer, momentum: null, beta1: null, beta2: null, learning_rate: choices.rates[optimizer] ?? (choices.rates[setup.optimizer] ? 0.1 : setup.learning_rate) })
        }
      />
      <NumberField label={t("rate")} value={setup.learning_rate} min={0} list="rates" change={(rate) => rate !== null && store.change({ learning_rate: rate })} />
      <datalist id="rates">
        {RATES.map((rate) => (
          <option key={rate} value={rate} />
        ))}
      </datalist>
      <NumberField label={t("batch")} value={setup.batch_size} min={1} step={1} change={(size) => size !== null && store.change({ batch_size: Math.round(size) })} />
      <Choice label={t("initialization")} value={setup.initialization} options={choices.initializations} change={(initialization) => store.change({ initialization })} />
      <details class="more">
        <summary>{t("more")}</summary>
        <div class="controls">
          {setup.hidden.length > 1 && !several && setup.hidden.map((_, k) => (
            <Choice key={k} label={`${t("activation")} ${k + 1}`} value={setup.activation[k] ?? setup.activation[0] ?? "tanh"} options={names} change={(next) => setActivation(k, next)} />
          ))}
          {setup.initialization === "normal" && <NumberField label={t("sigma")} value={setup.sigma} change={(sigma) => sigma !== null && store.change({ sigma })} />}
          {Object.entries(own)
            .filter(([name]) => name in setup)
            .map(([name, constant]) => (
              <NumberField key={name} label={name} value={setup[name as keyof Setup] as number | null} placeholder={String(constant.default)} change={(value) => store.change({ [name]: value })} />
            ))}
          <NumberField label={t("decay")} value={setup.weight_decay} min={0} change={(value) => store.change({ weight_decay: value ?? 0 })} />
          <NumberField label={t("l1")} value={setup.l1} min={0} change={(value) => store.change({ l1: value ?? 0 })} />
          {setup.hidden.length > 0 && <NumberField label={t("dropout")} value={setup.dropout} min={0} max={0.99} step={0.05} change={(value) => store.change({ dropout: value ?? 0 })} />}
          <Choice label={t("normalization")} value={setup.normalization ?? ""} options={choices.normalizations} empty={t("none")} change={(name) => store.change({ normalization: name || null })} />
          <Choice label={t("schedule")} value={setup.schedule} options={choices.schedules} change={(schedule) => store.change({ schedule })} />
          <NumberField label={t("epochs")} value={setup.epochs} min={1} step={1} change={(value) => value !== null && store.change({ epochs: Math.round(value) })} />
          <NumberField label={t("seed")} value={setup.seed} min={0} step={1} change={(value) => value !== null && store.change({ seed: Math.round(value) })} />
          {choices.engines.length > 1 && <Choice label={t("engine")} value={setup.engine} options={choices.engines} change={(engine) => store.change({ engine })} />}
          {choices.native && <Choice label={t("precision")} value={setup.dtype} options={["float64", "float32"]} change={(dtype) => store.change({ dtype })} />}
        </div>
      </details>
    </div>
  );
}
