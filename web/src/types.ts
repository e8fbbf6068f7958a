/** What the session says; its names are those of `twofold.lab.session`. */

export interface Packed {
  shape: number[];
  type: "f4" | "u1";
  data: string;
}

export interface Setup {
  data: string;
  n: number;
  noise: number;
  data_seed: number;
  target: string;
  hidden: number[];
  activation: string[];
  loss: string;
  dropout: number;
  normalization: string | null;
  initialization: string;
  sigma: number;
  engine: string;
  dtype: string;
  fault: string;
  epochs: number;
  batch_size: number;
  learning_rate: number;
  optimizer: string;
  momentum: number | null;
  beta1: number | null;
  beta2: number | null;
  weight_decay: number;
  l1: number;
  clip_norm: number | null;
  label_smoothing: number;
  ema_decay: number;
  schedule: string;
  warmup_epochs: number;
  seed: number;
}

export interface DataChoice {
  name: string;
  made: boolean;
  noise: number;
  hidden: number[];
}

export interface Choices {
  native: boolean;
  data: DataChoice[];
  activations: Record<string, string>;
  losses: Record<string, string>;
  initializations: string[];
  normalizations: string[];
  optimizers: Record<string, Record<string, { default: number; low: number; high: number | null }>>;
  rates: Record<string, number | null>;
  schedules: string[];
  engines: string[];
  faults: Record<string, Partial<Setup>>;
  most: { layers: number; units: number };
  setup: Setup;
}

export interface Points {
  n: number;
  X: Packed;
  y: Packed;
}

export interface Problem {
  name: string;
  kind: "numbers" | "classes" | "labels";
  classes: string[];
  features: string[];
  target: string;
  inputs: number;
  image: number[];
  widths: number[];
  activations: string[];
  loss: string;
  link: string;
  parameters: number;
  scaled: "" | "features" | "all";
  engine: string;
  points: { train: Points; test?: Points };
  domain: number[][];
}

export interface EpochRecord {
  epoch: number;
  loss: number | null;
  accuracy: number | null;
  test_loss: number | null;
  test_accuracy: number | null;
}

export interface Worst {
  index: number;
  loss: number;
  true: number | number[];
  predicted: number | number[];
  probability?: number;
  image?: Packed;
}

export interface Frame {
  step: number;
  stepsPerEpoch: number;
  lastStep: number;
  running: { loss: number | null; accuracy: number | null };
  records: EpochRecord[];
  known: number;
  rate: number;
  diverged: boolean;
  layers: { W: Packed; b: Packed; shape: number[] }[];
  plane?: { outputs: Packed; units: { largest: number; values: Packed }[]; domain: number[][] };
  followed?: { layers: Packed[] };
  activity?: { on: Packed[] };
  predictions?: { worst?: Worst[]; confusion?: number[][]; pairs?: { true: Packed; predicted: Packed }; rmse?: number };
  surface?: {
    names: string[];
    exact: number[];
    least: number;
    curvature: number[][];
    path: Packed;
    distance: number;
  };
  collapsed?: { W: number[][]; b: number[] };
}

export interface TraceArray {
  name: string;
  shape: number[];
  columns: string[];
  values?: number | number[] | number[][];
  smallest?: number;
  largest?: number;
  norm?: number;
}

export interface TraceStep {
  part: string;
  title: string;
  plain: string;
  latex: string;
  shapes: string;
  worked: string;
  note: string;
  arrays: TraceArray[];
  table: { columns: string[]; rows: (string | number | boolean | null)[][] } | null;
}

export interface Explanation {
  steps: TraceStep[];
  symbols: Record<string, string>;
  rows: number[];
  sample: { image?: Packed; features?: number[] };
  entry?: { name: string; value: number; related: Record<string, number>; worked: string };
}

export interface TableInfo {
  name: string;
  rows: number;
  columns: { name: string; kind: string; gaps: number }[];
  target: string;
}

export interface Answer {
  id: number;
  error?: string;
  setup?: Setup;
  problem?: Problem;
  frame?: Frame;
  table?: TableInfo;
  explanation?: Explanation;
  python?: string;
  exact?: boolean;
  model?: string;
  rows?: string;
  parameters?: Record<string, unknown>[];
}
