import type { Packed, Setup } from "./types";

const unpacked = new WeakMap<Packed, Float32Array | Uint8Array>();

/** Numbers out of their bytes in base 64; once for each array. */
export function unpack(packed: Packed): Float32Array | Uint8Array {
  let found = unpacked.get(packed);
  if (found === undefined) {
    const text = atob(packed.data);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    found = packed.type === "u1" ? bytes : new Float32Array(bytes.buffer);
    unpacked.set(packed, found);
  }
  return found;
}

/** Bytes in base 64, as the session reads a file. */
export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

/** A setup and a step as they stand in the address: only what differs from the usual one. */
export function toAddress(setup: Setup, usual: Setup, step: number): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(setup)) {
    if (JSON.stringify(value) !== JSON.stringify(usual[name as keyof Setup])) {
      words.set(name, Array.isArray(value) ? value.join(",") : value === null ? "" : String(value));
    }
  }
  if (step > 0) words.set("step", String(step));
  return words.toString();
}

const MAYBE_NUMBER = new Set(["momentum", "beta1", "beta2", "clip_norm"]);
const MAYBE_TEXT = new Set(["normalization"]);
const NUMBERS_IN_A_ROW = /^\d{1,6}(,\d{1,6}){0,15}$/;

/** Undo `toAddress`; what is not of the right kind is left out, and the session checks the rest. */
export function fromAddress(text: string, usual: Setup): { setup: Setup; step: number } {
  const words = new URLSearchParams(text.replace(/^#/, "").slice(0, 4000));
  const setup: Record<string, unknown> = { ...usual };
  for (const [name, standard] of Object.entries(usual)) {
    const word = words.get(name);
    if (word === null) continue;
    const value = read(name, word, standard);
    if (value !== undefined) setup[name] = value;
  }
  const step = Number(words.get("step") ?? 0);
  return { setup: setup as unknown as Setup, step: Number.isSafeInteger(step) && step >= 0 ? step : 0 };
}

function read(name: string, word: string, standard: unknown): unknown {
  if (name === "hidden") {
    if (word === "") return [];
    return NUMBERS_IN_A_ROW.test(word) ? word.split(",").map(Number) : undefined;
  }
  if (name === "activation") return word.split(",").slice(0, 16);
  if (MAYBE_TEXT.has(name)) return word || null;
  if (MAYBE_NUMBER.has(name) && word === "") return null;
  if (typeof standard === "number" || MAYBE_NUMBER.has(name)) {
    const number = Number(word);
    return word.trim() !== "" && Number.isFinite(number) ? number : undefined;
  }
  return word;
}

/** A number for people: four digits, never more than the place allows. */
export function short(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-4) return value.toExponential(digits > 3 ? 2 : 0).replace("e+", "e");
  return Number(value.toPrecision(digits)).toString();
}

export const percent = (value: number | null | undefined): string =>
  value === null || value === undefined ? "" : `${(100 * value).toFixed(1)} %`;
