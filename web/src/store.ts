import { fromAddress, toAddress } from "./codec";
import { firstAnswers, serverTransport, workerTransport, type Message, type Transport } from "./transport";
import type { Answer, Choices, EpochRecord, Explanation, Frame, Problem, Setup, TableInfo } from "./types";
import { say, type Language } from "./words";

export type Tab = "numbers" | "mistakes" | "weights" | "surface" | "break" | "share";
export type Speed = "slow" | "normal" | "fast";

export interface State {
  language: Language;
  dark: boolean;
  ready: boolean;
  progress: number;
  error: string;
  choices: Choices | null;
  setup: Setup | null;
  problem: Problem | null;
  frame: Frame | null;
  records: EpochRecord[];
  playing: boolean;
  speed: Speed;
  tab: Tab;
  showTest: boolean;
  size: { width: number; height: number }; // of the network's picture, in pixels
  table: TableInfo | null;
  chosen: { part: "train" | "test"; sample: number; entry: string };
  explanation: Explanation | null;
  python: { text: string; exact: boolean } | null;
}

/** What a browser keeps for this page; one that keeps nothing, as some schools set theirs, begins anew. */
export function kept(name: string): string | null {
  try {
    return localStorage.getItem(`twofold-lab-${name}`);
  } catch {
    return null;
  }
}

export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`twofold-lab-${name}`, value);
  } catch {
    // it holds until the page is closed
  }
}

const SLOW_MS = 400;
const WORK_MS = 48; // of the engine for one picture in fast forward
const EPOCH_MS = 1000 / 60; // at normal speed, as far as the engine keeps up: one epoch a picture where the screen does
const MOST_EPOCHS_LATE = 4; // that one picture makes up for

/** All that the page knows, and what may be done. */
export class Store {
  state: State;
  private readonly listeners = new Set<() => void>();
  private transport: Transport | null = null;
  private drawn: Promise<void> = Promise.resolve();
  private wanted: Setup | null = null;
  private going: number | null = null; // the step that is asked for, while an answer is awaited
  private looping = false;
  readonly reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
  framesDrawn = 0;

  constructor() {
    const [stored, dark] = [kept("language"), kept("dark")];
    this.state = {
      language: stored === "zh" || stored === "en" ? stored : navigator.language.startsWith("zh") ? "zh" : "en",
      dark: dark === null ? matchMedia("(prefers-color-scheme: dark)").matches : dark === "yes",
      ready: false,
      progress: 0,
      error: "",
      choices: null,
      setup: null,
      problem: null,
      frame: null,
      records: [],
      playing: false,
      speed: "normal",
      tab: "numbers",
      showTest: false,
      size: { width: 560, height: 300 },
      table: null,
      chosen: { part: "train", sample: 0, entry: "" },
      explanation: null,
      python: null,
    };
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  async start(): Promise<void> {
    const native = document.documentElement.dataset.transport === "server";
    this.transport = native ? serverTransport(say(this.state.language, "lost")) : workerTransport((progress) => this.set({ progress }));
    void this.transport.gone.then((error) => this.set({ error, ready: false, playing: false }));
    if (!native) {
      const kept = await firstAnswers();
      if (kept && !this.state.ready) {
        this.set({ choices: kept.choices });
        this.take(kept.first);
      }
    }
    const choices = (await this.transport.ask({ do: "choices" })) as unknown as Choices & Answer;
    if (choices.error) return this.set({ error: choices.error });
    this.set({ choices, ready: true, progress: 1 });
    if (this.wanted === null) await this.openAddress(); // what was chosen while Python was loading stands
    window.addEventListener("hashchange", () => void this.openAddress());
  }

  /** Take the setup and the step that stand in the address. */
  private async openAddress(): Promise<void> {
    const { choices } = this.state;
    if (choices === null || (this.address !== null && location.hash.slice(1) === this.address)) return;
    const { setup, step } = fromAddress(location.hash, choices.setup);
    const refused = await this.setUp(setup, step);
    if (refused && this.state.problem === null) await this.setUp(choices.setup, 0, refused);
    else if (refused) this.set({ error: refused, setup: this.state.setup ?? choices.setup });
  }

  private address: string | null = null;

  private writeAddress(): void {
    const { setup, choices, frame, playing } = this.state;
    if (setup === null || choices === null || playing || setup.data === "csv") return;
    this.address = toAddress(setup, choices.setup, frame?.step ?? 0);
    history.replaceState(null, "", `${location.pathname}${location.search}#${this.address}`);
  }

  /** The pictures that are seen: of data with one or two inputs the plane, of others a sample and the predictions. */
  private views(flat = (this.state.problem?.domain.length ?? 0) > 0): string[] {
    const { tab, setup } = this.state;
    const wanted = flat ? ["plane"] : ["plane", "followed", "predictions"];
    if (flat && tab === "mistakes") wanted.push("predictions");
    if (tab === "surface") wanted.push("surface");
    if (tab === "break" && setup?.fault === "no-activation") wanted.push("collapsed");
    if (tab === "break" && setup?.fault === "dead-relu") wanted.push("activity");
    return wanted;
  }

  private async ask(message: Message): Promise<Answer> {
    if (this.transport === null) return { id: 0, error: "the engine is not here yet" };
    const answer = await this.transport.ask(message);
    if (answer.error) this.set({ error: answer.error });
    return answer;
  }

  private take(answer: Answer): void {
    const change: Partial<State> = {};
    if (answer.setup) change.setup = answer.setup;
    if (answer.problem) change.problem = answer.problem;
    if (answer.frame) {
      const { known, records } = answer.frame;
      change.frame = { ...this.state.frame, ...answer.frame };
      change.records = [...(answer.problem ? [] : this.state.records.slice(0, known)), ...records];
      if (answer.problem) change.frame = answer.frame;
    }
    this.set(change);
  }

  /** Start again with a setup; returns what is wrong with it, if anything. */
  async setUp(setup: Setup, step = 0, error = ""): Promise<string> {
    this.wanted = setup;
    this.going = null;
    this.set({ playing: false });
    if (this.transport === null) return "";
    const answer = await this.transport.ask({ do: "setup", setup, step, views: this.views(false) });
    if (this.wanted !== setup) return ""; // another came after it
    if (answer.error) {
      this.wanted = null; // the next change begins with what is sound
      this.set({ error: answer.error });
      return answer.error;
    }
    this.set({ error, explanation: null, python: null, chosen: { part: "train", sample: 0, entry: "" } });
    this.take(answer);
    this.writeAddress();
    await this.refresh();
    return "";
  }

  /** Start again with some fields changed, or changed as a function says of the setup that is on its way; settles once
   * that is done or refused. */
  async change(change: Partial<Setup> | ((setup: Setup) => Partial<Setup>)): Promise<void> {
    const setup = this.wanted ?? this.state.setup;
    if (setup !== null) await this.setUp({ ...setup, ...(typeof change === "function" ? change(setup) : change) });
  }

  async advance(message: { steps?: number; epochs?: number }): Promise<void> {
    this.set({ playing: false, error: "" });
    this.take(await this.ask({ do: "advance", ...message, ...this.asked() }));
    this.writeAddress();
    await this.refresh();
  }

  /** Go to a step; while an answer is awaited only the last step that was asked for counts. */
  async goTo(step: number): Promise<void> {
    const busy = this.going !== null;
    this.going = step;
    this.set({ playing: false, error: "" });
    if (busy) return;
    let asked: number | null = null;
    while (this.going !== null && this.going !== asked) {
      asked = this.going;
      this.take(await this.ask({ do: "goto", step: asked, ...this.asked() }));
    }
    this.going = null;
    this.writeAddress();
    await this.refresh();
  }

  back(): Promise<void> {
    return this.goTo(Math.max(0, (this.going ?? this.state.frame?.step ?? 0) - 1));
  }

  /** What every frame is asked for: its pictures, the records not yet here, and the sample that is followed. */
  private asked(): Record<string, unknown> {
    const { part, sample } = this.state.chosen;
    return { known: this.state.records.length, views: this.views(), part, sample };
  }

  async play(): Promise<void> {
    if (this.state.playing) return;
    this.set({ playing: true, error: "" });
    if (this.looping) return; // the one that was about to end goes on
    this.looping = true;
    await this.loop();
    this.looping = false;
    this.writeAddress();
    await this.refresh();
  }

  pause(): void {
    this.set({ playing: false });
  }

  private get epochs(): number {
    const { frame } = this.state;
    return frame === null ? 0 : frame.step / frame.stepsPerEpoch;
  }

  private async loop(): Promise<void> {
    let from = { ms: performance.now(), epochs: this.epochs };
    while (this.state.playing) {
      const { speed, frame } = this.state;
      const late = (performance.now() - from.ms) / EPOCH_MS - (this.epochs - from.epochs);
      if (Math.abs(late) > MOST_EPOCHS_LATE) from = { ms: performance.now(), epochs: this.epochs };
      const epochs = Math.max(1, Math.min(MOST_EPOCHS_LATE, Math.round(late)));
      const normal = { epochs, ms: epochs > 1 ? Math.round(2 * EPOCH_MS) : 200 };
      const work = { slow: { steps: 1 }, normal, fast: { epochs: 1000, ms: WORK_MS } }[speed];
      const answer = await this.ask({ do: "advance", ...work, ...this.asked() });
      if (answer.error) return this.set({ playing: false });
      await this.drawn; // the engine has worked while the last picture was drawn
      if (this.state.frame !== frame) continue; // the answer is of before a change
      this.take(answer);
      this.framesDrawn += 1;
      const wait = speed === "slow" ? SLOW_MS : this.reduced ? 250 : 0;
      this.drawn = new Promise((resolve) => (wait ? setTimeout(resolve, wait) : requestAnimationFrame(() => resolve())));
      const reached = answer.frame;
      if (reached && (reached.diverged || reached.step >= reached.lastStep)) this.set({ playing: false });
    }
  }

  show(tab: Tab): void {
    this.set({ tab });
    void this.refresh();
  }

  /** Ask for what the open tab shows, while nothing runs. */
  async refresh(): Promise<void> {
    const { tab, ready, playing, chosen, problem, frame, language } = this.state;
    if (!ready || playing) return;
    const step = frame?.step;
    if (tab === "share") {
      const answer = await this.ask({ do: "python" });
      if (answer.python !== undefined) this.set({ python: { text: answer.python, exact: answer.exact === true } });
    } else if (tab === "numbers" && frame?.diverged) {
      this.set({ explanation: null });
    } else if (tab === "numbers") {
      const answer = await this.ask({ do: "explain", ...chosen, language });
      if (answer.explanation && this.state.frame?.step === step) this.set({ explanation: answer.explanation });
    }
    if (tab !== "share" && (tab !== "numbers" || problem?.domain.length === 0)) {
      const answer = await this.ask({ do: "view", ...this.asked() });
      if (!this.state.playing && answer.frame?.step === step) this.take(answer);
    }
  }

  /** Go on in a language; what the engine has said is asked for again. */
  speak(language: Language): void {
    keep("language", language);
    this.set({ language });
    void this.refresh();
  }

  /** Follow a sample, or one number: its formulas come into sight. */
  choose(change: Partial<State["chosen"]>): void {
    this.set({ chosen: { ...this.state.chosen, ...change }, tab: "numbers", playing: false, error: "" });
    void this.refresh();
    const panel = document.getElementById("panel");
    if (panel && panel.getBoundingClientRect().top > 0.7 * innerHeight) panel.scrollIntoView({ behavior: this.reduced ? "auto" : "smooth" });
  }

  async readTable(name: string, content: string): Promise<void> {
    const answer = await this.ask({ do: "table", name, content });
    if (!answer.table || !this.state.setup) return;
    this.set({ table: answer.table });
    await this.setUp({ ...this.state.setup, data: "csv", target: answer.table.target, loss: "", fault: "" });
  }

  async model(): Promise<Answer> {
    return this.ask({ do: "model" });
  }

  async parameters(): Promise<Answer> {
    return this.ask({ do: "parameters" });
  }
}
