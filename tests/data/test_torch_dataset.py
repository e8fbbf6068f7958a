import pickle
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image  # noqa: E402 - only worth importing when torch is there
from torch.utils.data import DataLoader, Dataset  # noqa: E402

from twofold.data.torch_dataset import as_torch_dataset  # noqa: E402
from twofold.errors import DataError, MissingDependencyError  # noqa: E402

IMAGES = np.arange(24, dtype=np.uint8).reshape(4, 2, 3) * 10
LABELS = np.array([3, 1, 0, 2], dtype=np.uint8)
TABLE = np.arange(8.0).reshape(4, 2)


def double(item):
    return item * 2


def size_and_mode(image):
    return image.size, image.mode


def test_uint8_images_become_float32_from_0_to_1():
    dataset = as_torch_dataset(IMAGES, LABELS)
    assert isinstance(dataset, Dataset)
    assert len(dataset) == 4
    image, label = dataset[1]
    assert image.dtype == torch.float32
    assert image.shape == (1, 2, 3)
    torch.testing.assert_close(image[0], torch.tensor(IMAGES[1] / np.float32(255)), rtol=0, atol=0)
    assert label == 1
    assert type(label) is int


def test_a_transform_of_uint8_images_gets_what_torchvision_gives():
    seen = []
    dataset = as_torch_dataset(IMAGES, LABELS, transform=seen.append)
    dataset[2]
    (image,) = seen
    assert isinstance(image, Image.Image)
    assert (image.mode, image.size) == ("L", (3, 2))
    np.testing.assert_array_equal(np.asarray(image), IMAGES[2])


def test_a_transform_cannot_write_into_the_data():
    images = IMAGES.copy()
    as_torch_dataset(images, LABELS, transform=lambda image: image.putpixel((0, 0), 255))[0]
    as_torch_dataset(TABLE, LABELS, transform=lambda row: row.fill_(9))[0]
    np.testing.assert_array_equal(images, IMAGES)
    assert TABLE[0, 0] == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, ">f4"])
def test_tables_keep_their_type(dtype):
    dataset = as_torch_dataset(TABLE.astype(dtype), LABELS)
    row, _ = dataset[3]
    assert row.dtype == torch.from_numpy(np.zeros(1, np.dtype(dtype).newbyteorder("="))).dtype
    assert row.tolist() == [6, 7]


def test_a_transform_of_a_table_gets_the_tensor():
    row, _ = as_torch_dataset(TABLE, LABELS, transform=double)[1]
    assert row.tolist() == [4, 6]


def test_float_images_keep_their_type_and_get_a_channel():
    image, _ = as_torch_dataset(IMAGES.astype(np.float64), LABELS, transform=double)[0]
    assert image.dtype == torch.float64
    assert image.tolist() == [[[0, 20, 40], [60, 80, 100]]]


def test_uint8_tables_are_not_taken_for_images():
    row, _ = as_torch_dataset(IMAGES.reshape(4, 6), LABELS, transform=double)[0]
    assert row.dtype == torch.uint8
    assert row.tolist() == [0, 20, 40, 60, 80, 100]


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.uint64, bool])
def test_class_labels_become_python_ints(dtype):
    _, label = as_torch_dataset(TABLE, np.array([0, 1, 1, 0], dtype))[1]
    assert label == 1
    assert type(label) is int


@pytest.mark.parametrize(
    ("y", "shape"), [(np.arange(4.0), ()), (np.arange(8.0).reshape(4, 2), (2,)), (np.eye(4, dtype=np.int64), (4,))]
)
def test_other_targets_become_tensors(y, shape):
    _, target = as_torch_dataset(TABLE, y)[2]
    assert target.shape == shape
    assert target.tolist() == y[2].tolist()


def test_a_target_transform_gets_the_label():
    assert as_torch_dataset(TABLE, LABELS, target_transform=double)[0][1] == 6


def test_read_only_arrays_and_lists_will_do():
    images = IMAGES.copy()
    images.flags.writeable = False
    assert as_torch_dataset(images, [0, 1, 2, 3])[1][1] == 1  # torch warns of such arrays, and warnings are errors
    as_torch_dataset(images, LABELS, transform=size_and_mode)[0]


def test_it_survives_pickling():
    dataset = pickle.loads(pickle.dumps(as_torch_dataset(IMAGES, LABELS, size_and_mode, double)))  # noqa: S301 - our own
    assert dataset[0] == (((3, 2), "L"), 6)


def test_a_loop_over_it_ends():
    assert [label for _, label in as_torch_dataset(IMAGES, LABELS)] == [3, 1, 0, 2]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_loader_reads_it(workers):
    loader = DataLoader(as_torch_dataset(IMAGES, LABELS), batch_size=3, num_workers=workers)
    batches = list(loader)
    assert [tuple(images.shape) for images, _ in batches] == [(3, 1, 2, 3), (1, 1, 2, 3)]
    assert torch.cat([labels for _, labels in batches]).tolist() == [3, 1, 0, 2]


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (TABLE, LABELS[:3], "X has 4 rows and y has 3; give one target for each row"),
        (TABLE[:, 0], LABELS, r"X must have shape \(n, d\) or \(n, height, width\), not \(4,\); reshape it"),
        (IMAGES[None], LABELS, r"X must have shape .* not \(1, 4, 2, 3\); reshape it"),
        (TABLE, IMAGES, r"y must have shape \(n,\) or \(n, q\), not \(4, 2, 3\); reshape it"),
        (TABLE, list("abcd"), "y must be numbers, not <U1; encode it as numbers first"),
        (TABLE.astype(object), LABELS, "X must be numbers, not object; encode it as numbers first"),
    ],
)
def test_what_does_not_fit_is_refused(X, y, message):
    with pytest.raises(DataError, match=f"^{message}$"):
        as_torch_dataset(X, y)


def torch_is_loaded_after(*modules: str) -> str:
    code = f"import sys, {', '.join(modules)}; print('torch' in sys.modules)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_only_this_module_imports_torch():
    modules = [f"twofold.data.{name}" for name in ("idx", "download", "layout", "image_sets")]
    assert torch_is_loaded_after(*modules) == "False\n"
    assert torch_is_loaded_after(*modules, "twofold.data.torch_dataset") == "True\n"


def test_without_torch_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "twofold.data.torch_dataset")
    with pytest.raises(
        MissingDependencyError, match=r"^PyTorch is not installed; install it with: pip install 'twofold\[torch\]'$"
    ):
        __import__("twofold.data.torch_dataset")
