"""Lesson 3.5: images as data: reading, scaling, showing, counting and splitting them."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from twofold.exercises.exercise import Case, Lesson
from twofold.exercises.lessons.shared import Array, T, generator, labels, mistake, normal

LESSON = Lesson("3.5", T("The image classification data set", "图像分类数据集"))
exercise = LESSON.exercise


def images(seed: int, n: int, height: int, width: int) -> Array:
    """Return grey images as they are on disk: bytes from 0 to 255."""
    return np.random.default_rng(seed).integers(0, 256, (n, height, width)).astype(np.uint8)


@exercise(
    "features",
    T(
        "Make features of grey images: images, (n, height, width), holds bytes from 0 to 255; return floats from 0 to 1, "
        "(n, height * width), one image a row. No loop over the images.",
        "把灰度图像变成特征：images，(n, height, width)，是 0 到 255 的字节；返回 0 到 1 的浮点数，(n, height * width)，每行一张"
        "图像。不要对图像循环。",
    ),
    T("Divide by 255, the largest byte; reshape(len(images), -1).", "除以最大的字节 255；reshape(len(images), -1)。"),
    cases=lambda: [
        (np.array([[[0, 51], [102, 255]]], dtype=np.uint8),),
        (images(1, 3, 2, 4),),
        (images(2, 4, 28, 28),),
    ],
    samples="images",
    many=lambda n: (images(3, n, 2, 3),),
    float32=True,
    mistakes=(
        mistake(
            "the bytes are divided by 256: the largest is 255, which is to become 1",
            "除以了 256：最大的字节是 255，它应变成 1",
            lambda images: images.reshape(len(images), -1) / 256,
        ),
        mistake(
            "the bytes are not scaled: divide by 255, features of up to 255 make the first steps far too long",
            "字节没有缩放：应除以 255，大到 255 的特征会使最初的步长过大",
            lambda images: images.reshape(len(images), -1).astype(float),
        ),
        mistake(
            "// cuts the fractions off, so that nearly all pixels are 0: divide with /",
            "// 截去了小数，几乎所有像素都成了 0：应用 / 除",
            lambda images: (images // 255).reshape(len(images), -1).astype(float),
        ),
        mistake(
            "the images keep their height and width: flatten them, reshape(len(images), -1)",
            "图像仍是二维的：应展平，reshape(len(images), -1)",
            lambda images: images / 255,
        ),
        mistake(
            "columns come before rows: the image is turned; flatten it as it is, reshape(len(images), -1)",
            "先列后行，图像被转置了：应直接展平，reshape(len(images), -1)",
            lambda images: images.transpose(0, 2, 1).reshape(len(images), -1) / 255,
        ),
        mistake(
            "each image is divided by its own largest pixel: divide all by 255, or dark images become bright",
            "每张图像除以了自己的最大像素：应都除以 255，否则暗的图像会变亮",
            lambda images: (F := images.reshape(len(images), -1)) / F.max(axis=1, keepdims=True),
        ),
    ),
)
def pixel_features(images: Array) -> Array:
    return images.reshape(len(images), -1) / 255  # (n, d)


NAMES = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]


@exercise(
    "class-names",
    T(
        "The names of classes: y, (n,), holds whole numbers from 0; return the list of names[i] for each i in y.",
        "类别的名称：y，(n,)，是从 0 开始的整数；返回由每个 names[i]（i 取自 y）组成的列表。",
    ),
    T("A list comprehension: [... for i in y].", "列表推导式：[... for i in y]。"),
    cases=lambda: [
        (np.array([9, 0, 3]), NAMES),
        (labels(1, 12, 10), NAMES),
        (np.array([1, 1]), ["dog", "cat", "chicken"]),
    ],
    mistakes=(
        mistake(
            "classes are counted from 0 here: names[i], not names[i - 1]",
            "这里的类别从 0 开始：names[i]，而不是 names[i - 1]",
            lambda y, names: [names[i - 1] for i in y],
        ),
        mistake(
            "the names are sorted: class 0 is the first of the list as it is given",
            "名称被排序了：类别 0 是给定列表的第一个",
            lambda y, names: [sorted(names)[i] for i in y],
        ),
        mistake(
            "each name occurs once: give one name for each sample",
            "每个名称只出现了一次：应为每个样本给出一个名称",
            lambda y, names: [names[i] for i in np.unique(y)],
        ),
        mistake(
            "this is one text: return a list of names",
            "这是一个字符串：应返回名称的列表",
            lambda y, names: " ".join(names[i] for i in y),
        ),
    ),
)
def class_names(y: Array, names: list[str]) -> list[str]:
    return [names[i] for i in y]


def _file(seed: int, n: int, height: int, width: int) -> bytes:
    return struct.pack(">IIII", 0x803, n, height, width) + images(seed, n, height, width).tobytes()


@exercise(
    "read-images",
    T(
        "Read a file of images as MNIST and Fashion-MNIST store them (IDX): four whole numbers of 4 bytes, most significant "
        "byte first: 2051, the number of images, of rows, of columns; then one byte for each pixel, row by row. data holds "
        "the file's bytes; return uint8, (n, rows, columns).",
        "读取 MNIST 和 Fashion-MNIST 的图像文件（IDX 格式）：先是四个 4 字节的整数，高位字节在前：2051、图像数、行数、列数；然后"
        "逐行存放像素，每个像素一个字节。data 是文件的全部字节；返回 uint8 数组，(n, rows, columns)。",
    ),
    T(
        "int.from_bytes(data[4:8], 'big'), and np.frombuffer(data, np.uint8, offset=16).",
        "int.from_bytes(data[4:8], 'big')，以及 np.frombuffer(data, np.uint8, offset=16)。",
    ),
    cases=lambda: [(_file(1, 2, 2, 3),), (_file(2, 5, 4, 2),), (_file(3, 1, 28, 28),)],
    mistakes=(
        mistake(
            "rows and columns are exchanged: reshape(n, rows, columns), as the header names them",
            "行和列弄反了：应按文件头的次序 reshape(n, rows, columns)",
            lambda data: _read(data).reshape(len(_read(data)), _read(data).shape[2], -1),
            lambda runs: all(not run.failure for run in runs) and [np.shape(run.got) for run in runs[:2]] == [(2, 3, 2), (5, 2, 4)],
        ),
        mistake(
            "the header of 16 bytes is read as pixels: begin at offset 16",
            "把 16 字节的文件头当成了像素：应从偏移 16 开始",
            lambda data: np.frombuffer(data, np.uint8)[: _read(data).size].reshape(_read(data).shape),
        ),
        mistake(
            "the images are flat: give them their rows and columns, reshape(n, rows, columns)",
            "图像是展平的：应恢复行和列，reshape(n, rows, columns)",
            lambda data: _read(data).reshape(len(_read(data)), -1),
        ),
        mistake(
            "the numbers of the header are read with the least significant byte first: they are big-endian, "
            "int.from_bytes(..., 'big') or dtype '>i4'",
            "文件头的整数按低位字节在前读取了：它们是大端序，int.from_bytes(..., 'big') 或 dtype '>i4'",
            lambda data: np.frombuffer(data, np.uint8, offset=16).reshape(*np.frombuffer(data, "<u4", 3, 4).tolist()),
            lambda runs: bool(runs[-1].failure and "reshape" in runs[-1].failure.message and "33554432" in runs[-1].failure.message),
        ),
    ),
)  # fmt: skip
def read_images(data: bytes) -> Array:
    header = [int.from_bytes(data[at : at + 4], "big") for at in (4, 8, 12)]
    pixels = np.frombuffer(data, np.uint8, offset=16)
    return pixels.reshape(header)


def _read(data: bytes) -> Array:
    n, rows, columns = struct.unpack(">III", data[4:16])
    return np.frombuffer(data, np.uint8, offset=16).reshape(n, rows, columns)


@exercise(
    "image-grid",
    T(
        "Put images side by side into one picture: images, (rows * columns, height, width), fill a grid row by row; return "
        "(rows * height, columns * width).",
        "把图像拼成一张大图：images，(rows * columns, height, width)，按行依次填入网格；返回 (rows * height, columns * width)。",
    ),
    T(
        "reshape to (rows, columns, height, width), bring the axes into the order rows, height, columns, width, reshape.",
        "先 reshape 成 (rows, columns, height, width)，再把轴换成 rows、height、columns、width 的顺序，最后 reshape。",
    ),
    cases=lambda: [(images(1, 2, 2, 2), 1, 2), (images(2, 6, 2, 3), 2, 3), (images(3, 12, 3, 2), 4, 3)],
    mistakes=(
        mistake(
            "reshape alone cuts the images to pieces: the rows of pixels must go side by side, so transpose first",
            "只用 reshape 会把图像切碎：像素行应左右相接，所以要先换轴（transpose）",
            lambda images, rows, columns: images.reshape(rows * images.shape[1], columns * images.shape[2]),
        ),
        mistake(
            "the grid is filled column by column: the first images belong into the first row",
            "网格是按列填的：最先的图像应在第一行",
            lambda images, rows, columns: _grid(images.reshape(columns, rows, *images.shape[1:]).swapaxes(0, 1)),
        ),
    ),
)
def image_grid(images: Array, rows: int, columns: int) -> Array:
    _, height, width = images.shape
    grid = images.reshape(rows, columns, height, width).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width)


def _grid(tiles: Array) -> Array:
    rows, columns, height, width = tiles.shape
    return tiles.swapaxes(1, 2).reshape(rows * height, columns * width)


@exercise(
    "class-counts",
    T(
        "How many samples has each class? y, (n,), holds classes from 0 to q - 1; return q whole numbers, 0 where a class does "
        "not occur. No loop over the samples.",
        "每个类别有多少样本？y，(n,)，是 0 到 q - 1 的类别；返回 q 个整数，没有出现的类别为 0。不要对样本循环。",
    ),
    T("np.bincount counts; minlength sets its length.", "np.bincount 可以计数；minlength 指定长度。"),
    cases=lambda: [(np.array([2, 0, 2]), 3), (np.array([0, 1, 1, 3]), 6), (labels(1, 40, 10), 10)],
    samples="y",
    many=lambda n: (labels(2, n, 5), 5),
    mistakes=(
        mistake(
            "classes after the last that occurs are missing: the result has q entries, minlength=q",
            "最后出现的类别之后的类别缺失了：结果应有 q 个元素，minlength=q",
            lambda y, q: np.bincount(y),
        ),
        mistake(
            "classes that do not occur are left out: np.unique counts only those that do; take np.bincount(y, minlength=q)",
            "没有出现的类别被漏掉了：np.unique 只统计出现过的；应用 np.bincount(y, minlength=q)",
            lambda y, q: np.unique(y, return_counts=True)[1],
        ),
        mistake(
            "these are shares: return the numbers, without dividing by n",
            "这是比例：应返回个数，不要除以 n",
            lambda y, q: np.bincount(y, minlength=q) / len(y),
        ),
    ),
)
def class_counts(y: Array, q: int) -> Array:
    return np.bincount(y, minlength=q)  # (q,)


@exercise(
    "nearest-image",
    T(
        "The image that is most like another: images, (n, height, width), and image, (height, width), hold bytes (uint8); "
        "return the place of the one with the smallest sum of squared differences. No loop over the images.",
        "找出最相像的图像：images，(n, height, width)，和 image，(height, width)，是字节（uint8）；返回差的平方和最小的那张的"
        "位置。不要对图像循环。",
    ),
    T("Bytes wrap around: 3 - 5 is 254 in uint8. Make floats first.", "字节会回绕：在 uint8 中 3 - 5 是 254。先转成浮点数。"),
    cases=lambda: [_near(1, 3), _near(2, 20), _near(3, 50), (images(4, 2, 2, 2), images(4, 2, 2, 2)[1])],
    samples="images",
    many=lambda n: (images(5, n, 3, 3), images(6, 1, 3, 3)[0]),
    mistakes=(
        mistake(
            "the differences are taken in bytes, which wrap around: 3 - 5 is 254, and squares are cut to one byte. Convert "
            "first: images.astype(float)",
            "差是在字节中计算的，会回绕：3 - 5 是 254，平方也被截成一个字节。先转换：images.astype(float)",
            lambda images, image: int(((images - image) ** 2).sum(axis=(1, 2)).argmin()),
            lambda runs: all(not run.failure and run.got == _wrapped(*run.case) for run in runs),
        ),
        mistake(
            "this is the most different image: argmin in place of argmax",
            "这是最不相像的图像：应用 argmin 而不是 argmax",
            lambda images, image: int(((images.astype(float) - image) ** 2).sum(axis=(1, 2)).argmax()),
        ),
        mistake(
            "positive and negative differences cancel: square them before they are added up",
            "正负差相互抵消：应先平方再求和",
            lambda images, image: int(np.abs((images.astype(float) - image).sum(axis=(1, 2))).argmin()),
        ),
    ),
)  # fmt: skip
def nearest_image(images: Array, image: Array) -> int:
    differences = images.astype(float) - image  # (n, height, width)
    return int((differences**2).sum(axis=(1, 2)).argmin())


def _wrapped(images: Array, image: Array) -> int:
    return int(((images - image) ** 2).sum(axis=(1, 2)).argmin())


def _near(seed: int, n: int) -> Case:
    """Return images of which the middle one is near another, and the first differs from it by 16 everywhere."""
    many = images(seed, n, 4, 4)
    image = np.clip(many[n // 2], 20, 200)
    many[n // 2] = np.clip(image + np.round(3 * normal(seed, 4, 4)), 0, 255).astype(np.uint8)
    many[0] = image + 16  # 16 * 16 is 0 in a byte
    return many, image


def _about_split(returned: Any, arguments: Case) -> dict[str, Any]:
    X, y, share, _ = arguments
    (X_train, y_train), (X_valid, y_valid) = [[np.asarray(part) for part in pair] for pair in returned]
    place = {tuple(row): i for i, row in enumerate(X.tolist())}
    train, valid = ([place.get(tuple(row), -1) for row in part.tolist()] for part in (X_train, X_valid))
    paired = all(
        len(rows) == len(part) and bool(np.all(y[rows] == part)) for rows, part in ((train, y_train), (valid, y_valid))
    )
    return {
        "sizes": [len(train), len(valid)],
        "no sample in both": not set(train) & set(valid),
        "every sample once": sorted(train + valid) == list(range(len(X))),
        "y of the same samples": paired,
        "drawn at random": valid != list(range(len(X) - len(valid), len(X))) and valid != list(range(len(valid))),
        "share": share,
    }


def _taken(X: Array, y: Array, train: Array, valid: Array) -> Any:
    return (X[train], y[train]), (X[valid], y[valid])


def _cut(X: Array, y: Array, count: int) -> Any:
    return (X[count:], y[count:]), (X[:count], y[:count])


def _shuffled(X: Array, y: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    order = rng.permutation(len(X))
    return X[order], y[order]


@exercise(
    "validation-split",
    T(
        "Split a training set for choosing settings: share of the n samples, rounded down, drawn at random, for validation, "
        "the rest for training. X is (n, d), y is (n,); return (X_train, y_train), (X_valid, y_valid). Draw from rng, a "
        "np.random.Generator.",
        "为选择超参数而划分训练集：随机抽取 n 个样本中的 share（向下取整）作验证，其余用于训练。X 是 (n, d)，y 是 (n,)；返回 "
        "(X_train, y_train), (X_valid, y_valid)。用 np.random.Generator rng 抽取。",
    ),
    T("One permutation of the places; its beginning for validation, its rest for training.", "对位置做一次排列；前一部分用于验证，其余用于训练。"),
    cases=lambda: [(normal(n, n, 2), labels(n, n, 3), share, generator(n)) for n, share in ((10, 0.3), (55, 0.1), (40, 0.5))],
    observe=_about_split,
    mistakes=(
        mistake(
            "the parts are not drawn at random: files are often sorted by class; take a permutation first",
            "不是随机划分：文件常按类别排序；应先做排列（permutation）",
            lambda X, y, share, rng: _taken(X, y, np.arange(int(len(X) * share), len(X)), np.arange(int(len(X) * share))),
        ),
        mistake(
            "training and validation share samples: two draws overlap; take both parts from one permutation",
            "训练和验证有相同的样本：两次抽取会重叠；应从同一个排列中取两部分",
            lambda X, y, share, rng: _taken(X, y, rng.permutation(len(X))[int(len(X) * share):], rng.permutation(len(X))[:int(len(X) * share)]),
            lambda runs: all(not run.failure and not run.got["no sample in both"] and run.got["y of the same samples"] for run in runs),
        ),
        mistake(
            "X and y are drawn apart, so samples get others' labels: take both by the same places",
            "X 和 y 是分别抽取的，样本配上了别人的标签：两者应使用同一组位置",
            lambda X, y, share, rng: _cut(rng.permutation(X), rng.permutation(y), int(len(X) * share)),
        ),
        mistake(
            "the parts are exchanged: validation gets share, training the rest, and training is returned first",
            "两部分弄反了：验证集占 share，其余是训练集，并且先返回训练集",
            lambda X, y, share, rng: _cut(*_shuffled(X, y, rng), int(len(X) * share))[::-1],
        ),
    ),
)  # fmt: skip
def validation_split(X: Array, y: Array, share: float, rng: np.random.Generator) -> Any:
    order = rng.permutation(len(X))
    count = int(len(X) * share)
    valid, train = order[:count], order[count:]
    return (X[train], y[train]), (X[valid], y[valid])
