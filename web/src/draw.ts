/** Pictures on canvases: colours, heat maps, samples. */

/** Okabe and Ito's colours, told apart by colour-blind people too. */
export const CLASS_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d1f", "#7b52ab", "#666666", "#b3262e"];
export const CLASS_SHAPES = ["circle", "square", "triangle", "diamond"] as const;

type RGB = [number, number, number];
const BLUE: RGB = [8, 104, 190];
const ORANGE: RGB = [222, 112, 20];

const rgb = (hex: string): RGB => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)) as RGB;

export const mix = (a: RGB, b: RGB, t: number): RGB => [Math.round(a[0] + (b[0] - a[0]) * t), Math.round(a[1] + (b[1] - a[1]) * t), Math.round(a[2] + (b[2] - a[2]) * t)];

const WHITE: RGB = [255, 255, 255];
const NIGHT: RGB = [24, 28, 36];
export const paper = (dark: boolean): RGB => (dark ? NIGHT : WHITE);

const SHADES = 255; // on each side of 0

const scaleOf = (dark: boolean): RGB[] =>
  Array.from({ length: 2 * SHADES + 1 }, (_, k) => mix(paper(dark), k >= SHADES ? BLUE : ORANGE, 0.95 * Math.sqrt(Math.abs(k - SHADES) / SHADES)));

const SCALES = { light: scaleOf(false), dark: scaleOf(true) };

/** Blue above 0, orange below, paper at 0; t from -1 to 1. */
export function diverging(t: number, dark: boolean): RGB {
  const place = Math.round(SHADES * (1 + Math.max(-1, Math.min(1, t))));
  return (dark ? SCALES.dark : SCALES.light)[place] ?? paper(dark);
}

export const css = ([r, g, b]: RGB): string => `rgb(${r} ${g} ${b})`;

interface Sheet {
  canvas: HTMLCanvasElement;
  context: CanvasRenderingContext2D;
  image: ImageData;
}

const sheets = new Map<string, Sheet>();

/** A small canvas of a size, made once. */
function sheetOf(width: number, height: number): Sheet {
  const key = `${width} ${height}`;
  let sheet = sheets.get(key);
  if (sheet === undefined) {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    sheet = { canvas, context, image: context.createImageData(width, height) };
    sheets.set(key, sheet);
  }
  return sheet;
}

/** A part of a canvas, in its present units. */
export interface Box {
  context: CanvasRenderingContext2D;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Paint a grid of colours, its first row at the bottom, over a whole canvas or a box of one. */
export function paintGrid(place: HTMLCanvasElement | Box, width: number, height: number, colour: (place: number) => RGB, options: { smooth?: boolean; topDown?: boolean } = {}): void {
  const { canvas: small, context, image } = sheetOf(width, height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const found = colour((options.topDown ? row : height - 1 - row) * width + column);
      const to = 4 * (row * width + column);
      image.data[to] = found[0];
      image.data[to + 1] = found[1];
      image.data[to + 2] = found[2];
      image.data[to + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  const target = "context" in place ? place.context : place.getContext("2d")!;
  target.imageSmoothingEnabled = options.smooth ?? true;
  if ("context" in place) return target.drawImage(small, place.x, place.y, place.width, place.height);
  target.save();
  target.setTransform(1, 0, 0, 1, 0, 0); // all of it, whatever the screen's density
  target.drawImage(small, 0, 0, place.width, place.height);
  target.restore();
}

const sizes = new WeakMap<HTMLCanvasElement, { width: number; height: number }>();

// Asking for a size lays the page out: once for each canvas, until it changes.
const observer = new ResizeObserver((entries) => {
  for (const { target } of entries) sizes.delete(target as HTMLCanvasElement);
});

function sizeOf(canvas: HTMLCanvasElement): { width: number; height: number } {
  let size = sizes.get(canvas);
  if (size === undefined) {
    const { width, height } = canvas.getBoundingClientRect();
    size = { width, height };
    sizes.set(canvas, size);
    observer.observe(canvas);
  }
  return size;
}

/** Fit a canvas to its place on a screen of any density; returns width and height in CSS pixels. */
export function fit(canvas: HTMLCanvasElement): { width: number; height: number; context: CanvasRenderingContext2D } {
  const { width, height } = sizeOf(canvas);
  const density = Math.min(2, window.devicePixelRatio || 1);
  const [w, h] = [Math.max(1, Math.round(width * density)), Math.max(1, Math.round(height * density))];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = canvas.getContext("2d")!;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, w, h);
  context.scale(w / Math.max(1, width), h / Math.max(1, height));
  return { width, height, context };
}

/** The colour of a point of the plane: of classes their mixture, of labels each one's, of numbers their size. */
export function regionColour(kind: string, outputs: Float32Array, q: number, size: number, range: [number, number], dark: boolean): (place: number) => RGB {
  const back = paper(dark);
  if (kind === "numbers") {
    const middle = (range[0] + range[1]) / 2;
    const half = Math.max(1e-9, (range[1] - range[0]) / 2);
    return (place) => mix(back, diverging((outputs[place]! - middle) / half, dark), 0.75);
  }
  const colours = Array.from({ length: q }, (_, k) => rgb(CLASS_COLOURS[k % CLASS_COLOURS.length]!));
  return (place) => {
    let best = 0;
    for (let k = 1; k < q; k++) if (outputs[k * size + place]! > outputs[best * size + place]!) best = k;
    if (kind === "labels") {
      let found = back;
      for (let k = 0; k < q; k++) found = mix(found, colours[k]!, 0.45 * (outputs[k * size + place]! > 0.5 ? 1 : 0.15));
      return found;
    }
    const p = outputs[best * size + place]!;
    if (!Number.isFinite(p)) return back;
    return mix(back, colours[best]!, 0.12 + 0.5 * Math.max(0, (p - 1 / q) / (1 - 1 / q)));
  };
}

/** Draw one sample's mark. */
export function mark(context: CanvasRenderingContext2D, x: number, y: number, colour: string, shape: (typeof CLASS_SHAPES)[number], radius: number, hollow: boolean): void {
  context.beginPath();
  if (shape === "circle") context.arc(x, y, radius, 0, 2 * Math.PI);
  else if (shape === "square") context.rect(x - radius * 0.9, y - radius * 0.9, 1.8 * radius, 1.8 * radius);
  else if (shape === "triangle") {
    context.moveTo(x, y - 1.2 * radius);
    context.lineTo(x + 1.1 * radius, y + 0.8 * radius);
    context.lineTo(x - 1.1 * radius, y + 0.8 * radius);
    context.closePath();
  } else {
    context.moveTo(x, y - 1.3 * radius);
    context.lineTo(x + 1.3 * radius, y);
    context.lineTo(x, y + 1.3 * radius);
    context.lineTo(x - 1.3 * radius, y);
    context.closePath();
  }
  if (hollow) {
    context.lineWidth = 1.5;
    context.strokeStyle = colour;
    context.stroke();
  } else {
    context.fillStyle = colour;
    context.fill();
    context.lineWidth = 0.8;
    context.strokeStyle = "rgb(255 255 255 / 0.85)";
    context.stroke();
  }
}
