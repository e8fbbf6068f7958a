import { nameOf, type Language } from "./words";

/** The titles of a trace's steps in Chinese; names of arrays stay as they are. */
const TITLES: [RegExp, string][] = [
  [/^The sample$/, "样本"],
  [/^The (\d+) samples$/, "$1 个样本"],
  [/^Weights and bias of layer (\d+)$/, "第 $1 层的权重和偏置"],
  [/^Weights and bias$/, "权重和偏置"],
  [/^Learning rate$/, "学习率"],
  [/^Hidden layer (\d+)$/, "隐藏层 $1"],
  [/^Activation (.+)$/, "激活函数 $1"],
  [/^Outputs$/, "输出"],
  [/^Largest output$/, "最大的输出"],
  [/^Outputs less the largest$/, "输出减去最大值"],
  [/^Exponentials$/, "指数"],
  [/^Their sum$/, "它们的和"],
  [/^Probabilities$/, "概率"],
  [/^Loss (.+)$/, "损失：$1"],
  [/^Loss$/, "损失"],
  [/^Slope at the outputs$/, "损失对输出的梯度"],
  [/^Gradient of (.+)$/, "$1 的梯度"],
  [/^Down to (.+)$/, "传回 $1"],
  [/^Through the activation (.+)$/, "穿过激活函数 $1"],
  [/^New (.+)$/, "更新后的 $1"],
  [/^The loss after the step$/, "更新之后的损失"],
  [/^The same gradient from autograd$/, "自动求导的梯度"],
  [/^The same gradient from central differences$/, "中心差分的梯度"],
  [/^The affine map in force at this sample$/, "在此样本处起作用的仿射变换"],
];

export function titleOf(language: Language, title: string): string {
  if (language === "en") return title;
  const found = TITLES.find(([pattern]) => pattern.test(title));
  return found ? title.replace(found[0], (_, name: string) => found[1].replace("$1", () => nameOf(language, name?.replaceAll(" ", "_")))) : title;
}
