// CPython in WebAssembly with NumPy and this package's own files, all from beside the page; messages go to its session.

interface Python {
  runPython(code: string): unknown;
  FS: { writeFile(path: string, data: Uint8Array): void };
  globals: { get(name: string): (text: string) => string };
}

declare function loadPyodide(options: { indexURL: string; packages: string[] }): Promise<Python>;

interface WorkerScope {
  location: Location;
  onmessage: ((event: MessageEvent<string>) => void) | null;
  postMessage(message: unknown): void;
  importScripts(address: string): void;
}

const scope = self as unknown as WorkerScope;
const base = new URL(".", scope.location.href).href;
const early: string[] = [];
let answer: ((text: string) => string) | null = null;

scope.onmessage = ({ data }: MessageEvent<string>) => {
  if (answer === null) early.push(data);
  else scope.postMessage({ text: answer(data) });
};

async function start(): Promise<void> {
  const archive = fetch(`${base}twofold.zip`).then((found) => {
    if (!found.ok) throw new Error(`twofold.zip: ${found.status}`);
    return found.arrayBuffer();
  });
  scope.postMessage({ progress: 0.1 });
  scope.importScripts(`${base}pyodide/pyodide.js`);
  const python = await loadPyodide({ indexURL: `${base}pyodide/`, packages: ["numpy"] });
  scope.postMessage({ progress: 0.7 });
  python.FS.writeFile("/twofold.zip", new Uint8Array(await archive));
  python.runPython(`
import sys
sys.path.insert(0, "/twofold.zip")
from twofold.lab.session import Session
answer = Session().answer
`);
  answer = python.globals.get("answer");
  scope.postMessage({ progress: 1 });
  for (const text of early.splice(0)) scope.postMessage({ text: answer(text) });
}

start().catch((error: unknown) => scope.postMessage({ error: `the engine could not be loaded: ${String(error)}` }));

export {};
