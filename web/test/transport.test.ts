import { describe, expect, it } from "vitest";
import { workerTransport } from "../src/transport";

type Handler = (event: { data: { text?: string; error?: string } }) => void;

class FakeWorker {
  static last: FakeWorker;
  onmessage!: Handler;
  sent: string[] = [];
  constructor() {
    FakeWorker.last = this;
  }
  postMessage(text: string): void {
    this.sent.push(text);
  }
}

describe("an engine", () => {
  it("that is gone answers what is open and what is asked later, and is told of", async () => {
    Object.assign(globalThis, { Worker: FakeWorker });
    const transport = workerTransport(() => undefined);
    const first = transport.ask({ do: "choices" });
    FakeWorker.last.onmessage({ data: { text: '{"id": 1, "python": "x"}' } });
    expect(await first).toEqual({ id: 1, python: "x" });
    const open = transport.ask({ do: "view" });
    FakeWorker.last.onmessage({ data: { error: "no memory" } });
    expect((await open).error).toBe("no memory");
    expect(await transport.gone).toBe("no memory");
    expect((await transport.ask({ do: "view" })).error).toBe("no memory");
    expect(FakeWorker.last.sent.length).toBe(2);
  });
});
