import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { percent, short } from "./codec";
import { DataControls } from "./controls";
import { useLab } from "./context";
import { Numbers } from "./explain";
import { NetworkView } from "./network";
import { Break, Mistakes, Share, Surface, Weights } from "./panels";
import { Result } from "./result";
import { keep, type Speed, type Tab } from "./store";
import type { Word } from "./words";

export function App() {
  const { state, t } = useLab();
  useEffect(() => {
    document.documentElement.lang = state.language === "zh" ? "zh-CN" : "en";
    document.documentElement.dataset.theme = state.dark ? "dark" : "light";
    document.title = t("title");
  }, [state.language, state.dark]);
  return (
    <>
      <a class="skip" href="#controls" onClick={(event) => { event.preventDefault(); document.getElementById("run")?.focus(); }}>{t("skip")}</a>
      <Header />
      <Time />
      <main>
        <div class="columns">
          <DataControls />
          <NetworkView />
          <Result />
        </div>
        <Tabs />
      </main>
      <footer class="small">{t("privacy")}</footer>
    </>
  );
}

function Header() {
  const { store, state, t } = useLab();
  return (
    <header>
      <svg viewBox="0 0 32 32" width="30" height="30" aria-hidden="true">
        <circle cx="11" cy="16" r="9" fill="#0868be" />
        <circle cx="21" cy="16" r="9" fill="#de7014" fill-opacity=".85" />
      </svg>
      <div>
        <h1>{t("title")}</h1>
        <p>{t("tagline")}</p>
      </div>
      <div class="row end">
        <button type="button" lang={state.language === "en" ? "zh-CN" : "en"} onClick={() => store.speak(state.language === "en" ? "zh" : "en")}>{t("other")}</button>
        <button type="button" onClick={() => { keep("dark", state.dark ? "no" : "yes"); store.set({ dark: !state.dark }); }}>{state.dark ? t("light") : t("dark")}</button>
      </div>
    </header>
  );
}

/** Training's controls: they stay in sight. */
function Time() {
  const { store, state, t } = useLab("frame", "playing", "ready", "records", "speed", "error", "progress");
  const { frame, playing, ready, records, speed } = state;
  const step = frame?.step ?? 0;
  const perEpoch = frame?.stepsPerEpoch ?? 1;
  const reached = Math.max(step, (records.length - 1) * perEpoch, perEpoch);
  const last = records[Math.floor(step / perEpoch)] ?? records.at(-1); // of the epoch that is shown
  const running = frame?.running;
  return (
    <section class="time" id="controls" aria-label={t("train")}>
      <div class="row">
        <button type="button" id="run" class="primary" disabled={!ready} onClick={() => (playing ? store.pause() : void store.play())}>
          <span aria-hidden="true">{playing ? "❚❚" : "▶"}</span> {playing ? t("pause") : t("run")}
        </button>
        <button type="button" disabled={!ready} onClick={() => void store.advance({ steps: 1 })}>{t("stepOne")}</button>
        <button type="button" disabled={!ready} onClick={() => void store.advance({ epochs: 1 })}>{t("stepEpoch")}</button>
        <button type="button" disabled={!ready || step === 0} onClick={() => void store.back()}>{t("back")}</button>
        <button type="button" disabled={!ready || step === 0} onClick={() => void store.goTo(0)}>{t("reset")}</button>
        <label>
          <span class="wide">{t("speed")}</span>{" "}
          <select value={speed} onChange={(event) => store.set({ speed: event.currentTarget.value as Speed })}>
            {(["slow", "normal", "fast"] as const).map((name) => <option key={name} value={name}>{t(name)}</option>)}
          </select>
        </label>
        <p class="numbers" data-step={step}>
          <span>{t("epoch")} <b>{Math.floor(step / perEpoch)}</b></span>
          <span>{t("step")} <b>{step}</b></span>
          <span>{t("loss")} <b>{short(step > 0 ? running?.loss : last?.loss)}</b></span>
          {last?.test_accuracy != null && <span>{t("testAccuracy")} <b>{percent(last.test_accuracy)}</b></span>}
        </p>
      </div>
      <label class="slider">
        <span>{t("time")}</span>
        <input type="range" min={0} max={reached} value={step} disabled={!ready || frame === null} aria-valuetext={`${t("step")} ${step}`} onInput={(event) => void store.goTo(Number(event.currentTarget.value))} />
      </label>
      <p class="status" role="status">
        {state.error !== "" && <span class="error">{state.error} </span>}
        {frame?.diverged && <span class="error">{t("diverged")} </span>}
        {!ready && state.error === "" && (
          <>
            <progress value={state.progress} max={1} aria-label={t("loading")} /> {t("loading")} … {t("loadingHint")}
          </>
        )}
      </p>
    </section>
  );
}

const TABS: [Tab, Word, () => ComponentChildren][] = [
  ["numbers", "numbersTab", () => <Numbers />],
  ["mistakes", "mistakesTab", () => <Mistakes />],
  ["weights", "weightsTab", () => <Weights />],
  ["surface", "surfaceTab", () => <Surface />],
  ["break", "breakTab", () => <Break />],
  ["share", "shareTab", () => <Share />],
];

function Tabs() {
  const { store, state, t } = useLab("tab");
  const list = useRef<HTMLDivElement>(null);
  const at = TABS.findIndex(([name]) => name === state.tab);
  const move = (event: KeyboardEvent) => {
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const place = (next + TABS.length) % TABS.length;
    store.show(TABS[place]![0]);
    list.current?.querySelectorAll("button")[place]?.focus();
  };
  return (
    <section class="card tabs">
      <div role="tablist" ref={list} onKeyDown={move} aria-label={t("numbersTab")}>
        {TABS.map(([name, word]) => (
          <button key={name} type="button" role="tab" id={`tab-${name}`} aria-selected={state.tab === name} aria-controls="panel" tabIndex={state.tab === name ? 0 : -1} onClick={() => store.show(name)}>
            {t(word)}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="panel" aria-labelledby={`tab-${state.tab}`}>
        {TABS[at]![2]()}
      </div>
    </section>
  );
}
