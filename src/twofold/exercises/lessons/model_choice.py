"""Lesson 3.10, second half: when to stop, and which model to choose."""

from __future__ import annotations

import numpy as np

from twofold.exercises.lessons.perceptron_concise import LESSON
from twofold.exercises.lessons.shared import T, mistake

exercise = LESSON.exercise


def _stopped(losses: list[float], patience: int, *, late: int = 0, equal: bool = False) -> tuple[int, int]:
    best, epoch = 0, 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best] or (equal and loss == losses[best]):
            best = epoch
        if epoch - best >= patience + late:
            break
    return best, epoch


@exercise(
    "early-stopping",
    T(
        "Early stopping: losses holds the validation loss of each epoch, as far as training would go. Training stops after "
        "patience epochs in a row without a new smallest loss (an equal one is not new). Return the place of the best epoch and "
        "that of the last one trained, both counted from 0.",
        "早停：losses 是每个轮次的验证损失。若连续 patience 个轮次没有出现新的最小损失（相等不算新），训练停止。返回最好的轮次和"
        "最后训练的轮次的位置，都从 0 数起。",
    ),
    T("Go through the losses, and keep the place of the best so far.", "逐个查看损失，并记住目前最好的位置。"),
    cases=lambda: [
        ([0.9, 0.5, 0.6, 0.7, 0.4], 2),
        ([0.9, 0.5, 0.6, 0.4, 0.5, 0.4, 0.5, 0.1], 3),
        ([3.0, 2.0, 1.0], 2),
        ([1.0, 1.0, 1.0, 1.0, 1.0], 3),
        ([0.5, 0.6, 0.7, 0.3], 1),
    ],
    returns=("best", "last"),
    mistakes=(
        mistake(
            "the best of all epochs is taken, also of those after the stop, which are never trained: end the loop at the stop",
            "取了所有轮次中最好的，包括停止之后的，它们根本没有训练：到停止处就应结束循环",
            lambda losses, patience: (int(np.argmin(losses)), _stopped(losses, patience)[1]),
        ),
        mistake(
            "it waits one epoch too long: stop when patience epochs have gone by without a new best",
            "多等了一个轮次：已过去 patience 个轮次没有新的最好值时就应停止",
            lambda losses, patience: _stopped(losses, patience, late=1),
        ),
        mistake(
            "an equal loss counts as new best here: only a smaller one is, < in place of <=",
            "把相等的损失当成了新的最好值：只有更小的才算，用 < 而不是 <=",
            lambda losses, patience: _stopped(losses, patience, equal=True),
        ),
        mistake(
            "the last epoch is returned as the best: keep the place of the smallest loss so far",
            "把最后的轮次当成了最好的：应记住目前最小损失的位置",
            lambda losses, patience: (_stopped(losses, patience)[1],) * 2,
        ),
        mistake(
            "the epochs without a new best are counted in all, not in a row: begin again at 0 at each new best",
            "没有新最好值的轮次是累计的，而不是连续的：每次出现新的最好值应重新从 0 计数",
            lambda losses, patience: _in_all(losses, patience),
        ),
    ),
)
def early_stopping(losses: list[float], patience: int) -> tuple[int, int]:
    best = epoch = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return best, epoch


def _in_all(losses: list[float], patience: int) -> tuple[int, int]:
    best = epoch = bad = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        elif epoch:
            bad += 1
        if bad >= patience:
            break
    return best, epoch


@exercise(
    "chosen-model",
    T(
        "Choose among models and say how good the choice is: validation and test hold the accuracies of the same models. Return "
        "the place of the model to choose, the first if several are equal, and the accuracy to report for it.",
        "在多个模型中选择，并说明选中的有多好：validation 和 test 是同一批模型的准确率。返回应选模型的位置（若相等取第一个），"
        "以及应报告的准确率。",
    ),
    T("The test set is looked at once, after the choice.", "测试集只在选定之后看一次。"),
    cases=lambda: [([0.80, 0.85, 0.83], [0.81, 0.82, 0.84]), ([0.9, 0.7, 0.9], [0.6, 0.95, 0.7]), ([0.5], [0.4])],
    returns=("place", "accuracy"),
    mistakes=(
        mistake(
            "the model is chosen by the test set: then its test accuracy is too good to be true for new data; choose by the "
            "validation set",
            "用测试集来选模型：这样它的测试准确率对新数据来说就偏高了；应按验证集选择",
            lambda validation, test: (int(np.argmax(test)), max(test)),
        ),
        mistake(
            "the validation accuracy is reported: it is the largest of several, so too good; report the chosen model's test "
            "accuracy",
            "报告的是验证准确率：它是几个中最大的，所以偏高；应报告所选模型的测试准确率",
            lambda validation, test: (int(np.argmax(validation)), max(validation)),
        ),
        mistake(
            "the largest test accuracy is reported, which belongs to another model: take the chosen one's",
            "报告的是最大的测试准确率，但它属于别的模型：应取所选模型的",
            lambda validation, test: (int(np.argmax(validation)), max(test)),
        ),
        mistake(
            "the last of the equal ones is chosen: the first is asked for",
            "相等时选了最后一个：题目要求第一个",
            lambda validation, test: (k := len(validation) - 1 - int(np.argmax(validation[::-1])), test[k]),
        ),
    ),
)
def chosen_model(validation: list[float], test: list[float]) -> tuple[int, float]:
    place = int(np.argmax(validation))
    return place, test[place]
