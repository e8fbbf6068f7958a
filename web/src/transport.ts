import type { Answer, Choices } from "./types";

export type Message = { do: string; [name: string]: unknown };

/** One session, wherever it runs: a message goes out, its answer comes back. */
export interface Transport {
  ask(message: Message): Promise<Answer>;
  /** Settles, with what to tell a person, once the engine is gone. */
  gone: Promise<string>;
}

type Progress = (fraction: number) => void;

class Waiting {
  private next = 1;
  private error = "";
  private readonly open = new Map<number, (answer: Answer) => void>();
  readonly gone: Promise<string>;
  private tell!: (error: string) => void;

  constructor() {
    this.gone = new Promise((resolve) => (this.tell = resolve));
  }

  send(message: Message, post: (text: string) => void): Promise<Answer> {
    const id = this.next++;
    if (this.error) return Promise.resolve({ id, error: this.error });
    return new Promise((resolve) => {
      this.open.set(id, resolve);
      post(JSON.stringify({ ...message, id }));
    });
  }

  receive(text: string): void {
    const answer = JSON.parse(text) as Answer;
    this.open.get(answer.id)?.(answer);
    this.open.delete(answer.id);
  }

  /** Answer all that is open, and all that is asked from now on, with a mistake: nobody else will. */
  fail(error: string): void {
    this.error = error;
    this.tell(error);
    for (const [id, resolve] of this.open) resolve({ id, error });
    this.open.clear();
  }
}

/** CPython in a worker of this page. */
export function workerTransport(progress: Progress): Transport {
  const waiting = new Waiting();
  const worker = new Worker(new URL("./worker.ts", import.meta.url));
  worker.onmessage = ({ data }: MessageEvent<{ text?: string; progress?: number; error?: string }>) => {
    if (data.text !== undefined) waiting.receive(data.text);
    if (data.progress !== undefined) progress(data.progress);
    if (data.error !== undefined) waiting.fail(data.error);
  };
  worker.onerror = (event) => waiting.fail(event.message || "the engine could not be loaded");
  return { gone: waiting.gone, ask: (message) => waiting.send(message, (text) => worker.postMessage(text)) };
}

/** The process that serves this page; `lost` is what to tell a person once it has ended. */
export function serverTransport(lost: string): Transport {
  const waiting = new Waiting();
  const address = new URL("session", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.search = new URLSearchParams({ token: new URLSearchParams(location.search).get("token") ?? "" }).toString();
  address.hash = "";
  const socket = new WebSocket(address);
  const open = new Promise((resolve) => (socket.onopen = resolve));
  socket.onclose = () => waiting.fail(lost);
  socket.onmessage = ({ data }) => waiting.receive(data as string);
  return { gone: waiting.gone, ask: (message) => waiting.send(message, (text) => void open.then(() => socket.send(text))) };
}

/** What the page shows before the engine is there: answers that were kept when it was built. */
export async function firstAnswers(): Promise<{ choices: Choices; first: Answer } | null> {
  try {
    const answer = await fetch("first.json");
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
