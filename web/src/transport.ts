import type { Answer, Choices } from "./types";

export type Message = { do: string; [name: string]: unknown };

/** One session, wherever it runs: a message goes out, its answer comes back. */
export interface Transport {
  ask(message: Message): Promise<Answer>;
  /** Settles once the engine answers. */
  ready: Promise<void>;
}

type Progress = (fraction: number) => void;

class Waiting {
  private next = 1;
  private readonly open = new Map<number, (answer: Answer) => void>();

  send(message: Message, post: (text: string) => void): Promise<Answer> {
    const id = this.next++;
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

  /** Answer all that is open with a mistake: nobody else will. */
  fail(error: string): void {
    for (const [id, resolve] of this.open) resolve({ id, error });
    this.open.clear();
  }
}

/** CPython in a worker of this page. */
export function workerTransport(progress: Progress): Transport {
  const waiting = new Waiting();
  const worker = new Worker(new URL("./worker.ts", import.meta.url));
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<{ text?: string; progress?: number; ready?: boolean; error?: string }>) => {
      if (data.text !== undefined) waiting.receive(data.text);
      if (data.progress !== undefined) progress(data.progress);
      if (data.ready) resolve();
      if (data.error !== undefined) {
        waiting.fail(data.error);
        reject(new Error(data.error));
      }
    };
    worker.onerror = (event) => reject(new Error(event.message || "the engine could not be loaded"));
  });
  return { ready, ask: (message) => waiting.send(message, (text) => worker.postMessage(text)) };
}

/** The process that serves this page. */
export function serverTransport(): Transport {
  const waiting = new Waiting();
  const address = new URL("session", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.search = new URLSearchParams({ token: new URLSearchParams(location.search).get("token") ?? "" }).toString();
  address.hash = "";
  const socket = new WebSocket(address);
  const lost = "the lab's process does not answer; start it again: twofold lab";
  const ready = new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onclose = () => {
      waiting.fail(lost);
      reject(new Error(lost));
    };
  });
  socket.onmessage = ({ data }) => waiting.receive(data as string);
  const post = (text: string) => void ready.then(() => socket.send(text), () => waiting.fail(lost));
  return { ready, ask: (message) => waiting.send(message, post) };
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
