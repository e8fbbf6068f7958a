import dataclasses
import gzip
import hashlib
import os
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from twofold import load_dataset
from twofold.data import layout
from twofold.data.idx import read_idx, write_idx
from twofold.data.idx_folder import read_idx_folder
from twofold.data.image_sets import (
    IMAGE_SETS,
    ImageSet,
    cache_folder,
    find_files,
    get_image_set,
    read_image_set,
)
from twofold.data.layout import FILE_NAMES
from twofold.errors import (
    ChecksumError,
    DataError,
    DataNotFoundError,
    DownloadError,
    FileFormatError,
    UnknownNameError,
)

PLAIN_NAMES = [name.removesuffix(".gz") for name in FILE_NAMES]
KAGGLE_NAMES = tuple(name.replace("-idx", ".idx") for name in PLAIN_NAMES)
ARRAY_NAMES = ["train_images", "train_labels", "test_images", "test_labels"]


def fake_arrays(seed):
    return [
        np.full((6, 2, 3), seed, np.uint8),
        np.arange(6, dtype=np.uint8) % 3,
        np.full((4, 2, 3), seed + 1, np.uint8),
        np.array([2, 1, 0, seed % 3], np.uint8),
    ]


def write_four(folder, arrays, names=FILE_NAMES):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(names, arrays, strict=True):
        write_idx(folder / name, array)
    return folder


def md5_of(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def make_set(folder, name, arrays, addresses=()):
    """A set whose published sums are those of its files in `folder`."""
    write_four(folder, arrays)
    sums = tuple(md5_of((folder / file).read_bytes()) for file in FILE_NAMES)
    return ImageSet(name, name.upper(), ("a", "b", "c"), tuple(addresses), sums, shapes=None)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """No TWOFOLD_DATA, a cache in the temporary folder, and no network."""
    monkeypatch.delenv("TWOFOLD_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def origin(home):
    return home / "origin"


@pytest.fixture
def first(origin, monkeypatch):
    image_set = make_set(origin / "first", "first", fake_arrays(1))
    monkeypatch.setitem(layout.IMAGE_SETS, "first", image_set)
    return image_set


@pytest.fixture
def second(origin, monkeypatch):
    image_set = make_set(origin / "second", "second", fake_arrays(2))
    monkeypatch.setitem(layout.IMAGE_SETS, "second", image_set)
    return image_set


@pytest.fixture
def served(monkeypatch, origin):
    """The addresses ``fake:/NAME/`` deliver from the origin, and each delivery is noted."""
    asked = []

    def deliver(addresses, target, *, md5, progress):
        asked.append((list(addresses), target.name))
        if not addresses:
            raise DownloadError(f"{target.name}: download failed")
        content = (origin / addresses[0].removeprefix("fake:/")).read_bytes()
        assert md5_of(content) == md5
        progress(len(content), None)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    monkeypatch.setattr("twofold.data.download.download", deliver)
    return asked


def with_address(image_set, *addresses):
    return ImageSet(image_set.name, image_set.folder, image_set.classes, addresses, image_set.md5, shapes=None)


def assert_arrays(found, expected):
    for name, array, wanted in zip(ARRAY_NAMES, found, expected, strict=True):
        np.testing.assert_array_equal(array, wanted, err_msg=name)
        assert getattr(found, name) is array


@pytest.mark.parametrize("name", ["FIRST", "fi-rst", "Fi_rst"])
def test_a_set_is_found_by_its_name_in_any_spelling(home, first, name):
    folder = write_four(home / "r" / "first", fake_arrays(1), PLAIN_NAMES)
    assert find_files(name, home / "r") == [folder / each for each in PLAIN_NAMES]


@pytest.mark.parametrize("name", ["Digits", "toy_animals", "ToyAnimals"])
def test_built_in_sets_are_found_by_their_names_in_any_spelling(name):
    assert load_dataset(name).name == {"Digits": "digits"}.get(name, "toy-animals")


def test_a_name_that_is_none_gets_a_suggestion_whatever_its_case():
    with pytest.raises(UnknownNameError, match="unknown data set 'FasionMNST'; did you mean 'fashion-mnist'"):
        load_dataset("FasionMNST")


def test_the_registry_holds_three_sets_with_distinct_sums():
    assert list(IMAGE_SETS) == ["fashion-mnist", "mnist", "kmnist"]
    assert [image_set.folder for image_set in IMAGE_SETS.values()] == ["FashionMNIST", "MNIST", "KMNIST"]
    sums = [md5 for image_set in IMAGE_SETS.values() for md5 in image_set.md5]
    assert len(set(sums)) == 12
    assert all(len(bytes.fromhex(md5)) == 16 for md5 in sums)
    for name, image_set in IMAGE_SETS.items():
        assert image_set.name == name
        assert len(image_set.classes) == 10
        assert all(address.startswith("http") and address.endswith("/") for address in image_set.addresses)


def test_an_unknown_name_gets_a_suggestion(home):
    message = r"^unknown image set 'fashion'; did you mean 'fashion-mnist'\? \(known: fashion-mnist, mnist, kmnist\)$"
    for function in (find_files, get_image_set, read_image_set):
        with pytest.raises(UnknownNameError, match=message):
            function("fashion")


@pytest.mark.parametrize(
    ("variable", "expected"),
    [("/somewhere", "/somewhere/twofold"), ("", "~/.cache/twofold"), ("relative", "~/.cache/twofold")],
)
def test_the_cache_is_where_xdg_says(monkeypatch, variable, expected):
    monkeypatch.setenv("XDG_CACHE_HOME", variable)
    assert cache_folder() == Path(expected).expanduser()


@pytest.mark.parametrize("place", [".", "first", "FIRST/raw", "raw"])
@pytest.mark.parametrize("names", [FILE_NAMES, PLAIN_NAMES, KAGGLE_NAMES], ids=["gzip", "plain", "dotted"])
@pytest.mark.parametrize("base", ["root", "variable", "cache"])
def test_files_are_found_in_each_place(home, first, second, monkeypatch, place, names, base):
    root = {"root": home / "r", "variable": home / "v", "cache": cache_folder()}[base]
    folder = write_four(root / place, fake_arrays(1), names)
    (home / "v").mkdir(exist_ok=True)
    monkeypatch.setenv("TWOFOLD_DATA", str(home / "v"))
    given = root if base == "root" else None
    assert find_files("first", given) == [folder / name for name in names]
    assert_arrays(read_image_set("first", given), fake_arrays(1))


def test_nothing_anywhere_is_none(home, first):
    assert find_files(first) is None
    assert find_files(first, home / "nowhere") is None


def test_a_root_is_the_only_place_searched(home, first, origin, monkeypatch):
    monkeypatch.setenv("TWOFOLD_DATA", str(origin))
    assert find_files(first) is not None
    assert find_files(first, home / "empty") is None


def test_the_variable_comes_before_the_cache_and_may_be_empty(home, first, origin, monkeypatch):
    cached = shutil.copytree(origin / "first", cache_folder() / "first")
    monkeypatch.setenv("TWOFOLD_DATA", "")
    monkeypatch.chdir(origin)  # an empty path would be this folder
    assert find_files(first)[0].parent == cached
    monkeypatch.setenv("TWOFOLD_DATA", str(origin))
    assert find_files(first)[0].parent == origin / "first"


def test_a_tilde_is_the_home_folder(home, first, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    assert find_files(first, "~/origin")[0] == home / "origin" / "first" / FILE_NAMES[0]


def test_the_gzip_file_wins_over_the_extracted_one(home, first, origin):
    folder = origin / "first"
    for name in PLAIN_NAMES:
        (folder / name).write_bytes(b"something else")
    assert find_files(first, origin) == [folder / name for name in FILE_NAMES]
    assert_arrays(read_image_set(first, origin), fake_arrays(1))


@pytest.mark.parametrize("place", [".", "raw"])
def test_another_registered_set_is_passed_over(home, first, second, place):
    write_four(home / "r" / place, fake_arrays(1))
    assert find_files("first", home / "r") is not None
    assert find_files("second", home / "r") is None
    own = write_four(home / "r" / "SECOND" / "raw", fake_arrays(2))
    assert find_files("second", home / "r") == [own / name for name in FILE_NAMES]
    assert_arrays(read_image_set("second", home / "r"), fake_arrays(2))


@pytest.mark.parametrize("base", ["first", "FIRST"])
@pytest.mark.parametrize("place", [".", "raw"])
def test_extracted_files_in_another_sets_folder_are_passed_over(home, first, second, base, place):
    write_four(home / base / place, fake_arrays(1), PLAIN_NAMES)
    assert find_files("first", home / base) is not None
    assert find_files("second", home / base) is None


@pytest.mark.parametrize("place", [".", "first", "FIRST/raw", "raw"])
def test_a_wrong_sum_is_told_with_both_sums(home, first, second, place):
    folder = write_four(home / "r" / place, fake_arrays(1))
    damaged = folder / FILE_NAMES[2]
    damaged.write_bytes(b"garbage")
    assert find_files("first", home / "r") is not None
    with pytest.raises(ChecksumError) as caught:
        read_image_set("first", home / "r")
    assert str(caught.value) == (
        f"{damaged}: MD5 sum {md5_of(b'garbage')} instead of {first.md5[2]}; delete it and run `twofold data get first`"
    )


def test_another_set_under_this_sets_name_is_a_wrong_sum(home, first, second):
    write_four(home / "r" / "second", fake_arrays(1))
    with pytest.raises(ChecksumError, match=f"MD5 sum {first.md5[0]} instead of {second.md5[0]}"):
        read_image_set("second", home / "r")


@pytest.mark.parametrize(
    ("part", "array", "message"),
    [
        (
            0,
            np.zeros((6, 6), np.uint8),
            r"images must be uint8 of shape \(n, height, width\), not uint8 of shape \(6, 6\)",
        ),
        (
            2,
            np.zeros((4, 2, 3), np.float32),
            r"images must be uint8 of shape \(n, height, width\), not float32 of shape \(4, 2, 3\)",
        ),
        (1, np.zeros((6, 1), np.uint8), r"labels must be uint8 of shape \(n,\), not uint8 of shape \(6, 1\)"),
        (3, np.zeros(4, np.int32), r"labels must be uint8 of shape \(n,\), not int32 of shape \(4,\)"),
        (3, np.array([0, 1, 3, 2], np.uint8), "label 3 in row 2, but first has labels from 0 to 2"),
    ],
)
def test_arrays_that_are_no_images_and_labels_are_refused(home, first, part, array, message):
    arrays = fake_arrays(1)
    arrays[part] = array
    folder = write_four(home / "r", arrays, PLAIN_NAMES)
    with pytest.raises(
        DataError, match=f"^{folder / PLAIN_NAMES[part]}: {message}; check that the file is the set's own$"
    ):
        read_image_set(first, home / "r")


def cases_that_do_not_fit():
    images, labels = np.zeros((5, 2, 3), np.uint8), np.zeros(5, np.uint8)
    return [
        ({1: labels}, "train-labels{}: 5 labels for the 6 images of train-images{}; take both files from one source"),
        ({2: images}, "t10k-labels{}: 4 labels for the 5 images of t10k-images{}; take both files from one source"),
        (
            {2: images[:4, :, :1]},
            r"t10k-images{}: images of shape \(2, 1\), but those of train-images{} have \(2, 3\);",
        ),
        ({0: images[:0], 1: labels[:0]}, "train-images{}: there are no images in it; check the file"),
    ]


@pytest.mark.parametrize(("changes", "message"), cases_that_do_not_fit())
@pytest.mark.parametrize("by_name", [True, False])
def test_four_files_must_fit_together(home, first, changes, message, by_name):
    arrays = fake_arrays(1)
    for part, array in changes.items():
        arrays[part] = array
    folder = write_four(home / "r", arrays, PLAIN_NAMES)
    with pytest.raises(DataError, match=f"^{folder}/{message.replace('{}', '-idx.-ubyte')}"):
        read_image_set(first, folder) if by_name else read_idx_folder(folder)


def test_a_damaged_extracted_file_is_named(home, first):
    folder = write_four(home / "r", fake_arrays(1), PLAIN_NAMES)
    (folder / PLAIN_NAMES[1]).write_bytes(b"")
    with pytest.raises(FileFormatError, match=f"^{folder / PLAIN_NAMES[1]}: the file is empty"):
        read_image_set(first, folder)


def test_a_set_is_downloaded_and_extracted_into_torchvisions_layout(home, first, served, origin):
    told = []
    image_set = with_address(first, "fake:/first/")
    raw = get_image_set(image_set, home / "r", progress=lambda *values: told.append(values))
    assert raw == home / "r" / "FIRST" / "raw"
    assert sorted(path.name for path in raw.iterdir()) == sorted([*FILE_NAMES, *PLAIN_NAMES])
    for name, plain in zip(FILE_NAMES, PLAIN_NAMES, strict=True):
        assert (raw / name).read_bytes() == (origin / "first" / name).read_bytes()
        assert (raw / plain).read_bytes() == gzip.decompress((raw / name).read_bytes())
    assert [name for name, _, _ in told] == list(FILE_NAMES)
    assert told[0][1:] == ((raw / FILE_NAMES[0]).stat().st_size, None)
    assert [addresses for addresses, _ in served] == [[f"fake:/first/{name}"] for name in FILE_NAMES]


def test_a_complete_folder_is_left_alone(home, first, served):
    raw = get_image_set(with_address(first, "fake:/first/"), home / "r")
    before = {path.name: path.stat().st_ino for path in raw.iterdir()}
    served.clear()
    assert get_image_set(first, home / "r") == raw
    assert served == []
    assert {path.name: path.stat().st_ino for path in raw.iterdir()} == before


def test_what_is_wrong_or_missing_is_made_good(home, first, served):
    image_set = with_address(first, "fake:/first/")
    raw = get_image_set(image_set, home / "r")
    (raw / FILE_NAMES[0]).write_bytes(b"damaged")
    (raw / PLAIN_NAMES[1]).write_bytes(b"cut")
    (raw / PLAIN_NAMES[2]).unlink()
    served.clear()
    get_image_set(image_set, home / "r")
    assert [name for _, name in served] == [FILE_NAMES[0]]
    assert_arrays(read_idx_folder(raw), fake_arrays(1))
    for name, array in zip(PLAIN_NAMES, fake_arrays(1), strict=True):
        np.testing.assert_array_equal(read_idx(raw / name), array)


@pytest.mark.parametrize("root", [None, "r"])
def test_files_found_elsewhere_are_copied_not_downloaded(home, first, origin, served, monkeypatch, root):
    monkeypatch.setenv("TWOFOLD_DATA", str(origin))
    raw = get_image_set(first, None if root is None else home / root)
    assert raw == (cache_folder() if root is None else home / root) / "FIRST" / "raw"
    assert served == []
    assert_arrays(read_idx_folder(raw), fake_arrays(1))


def test_files_of_another_place_below_the_root_are_copied(home, first, origin, served):
    assert get_image_set(first, origin) == origin / "FIRST" / "raw"
    assert served == []


@pytest.mark.parametrize("root", [None, "r"])
def test_reading_downloads_what_is_not_here(home, first, served, root):
    given = None if root is None else home / root
    if given is not None:
        given.mkdir()
    told = []
    image_set = with_address(first, "fake:/first/")
    assert_arrays(read_image_set(image_set, given, progress=lambda *values: told.append(values)), fake_arrays(1))
    assert len(told) == 4
    assert find_files(first, given)[0].parent == (cache_folder() if root is None else given) / "FIRST" / "raw"
    served.clear()
    assert_arrays(read_image_set(image_set, given), fake_arrays(1))
    assert served == []


def test_a_root_or_variable_that_is_no_folder_is_told_before_anything_is_downloaded(home, first, served, monkeypatch):
    with pytest.raises(
        DataNotFoundError, match=r"nowhere: no such folder; `twofold data get first --root .*` makes it"
    ):
        read_image_set(first, home / "nowhere")
    monkeypatch.setenv("TWOFOLD_DATA", str(home / "nowhere"))
    with pytest.raises(DataNotFoundError, match=r"TWOFOLD_DATA is .*nowhere, and there is no such folder"):
        read_image_set(first)
    assert served == []


def test_files_of_other_sizes_are_not_the_set(home):
    real = dataclasses.replace(IMAGE_SETS["mnist"], classes=("a", "b", "c"))
    raw = home / "r" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, array in zip(FILE_NAMES, fake_arrays(1), strict=True):
        write_idx(raw / name.removesuffix(".gz"), array)
    with pytest.raises(DataError, match=r"mnist has \(60000, 28, 28\) and \(10000, 28, 28\); check that"):
        read_image_set(real, home / "r")


def test_a_set_is_read_without_its_files_in_memory():
    if "TWOFOLD_DATA" not in os.environ:
        pytest.skip("TWOFOLD_DATA is not set: it names the folder that holds fashion-mnist/")
    tracemalloc.start()
    try:
        arrays = read_image_set("fashion-mnist")
        assert tracemalloc.get_traced_memory()[1] < sum(array.nbytes for array in arrays) + 4_000_000
    finally:
        tracemalloc.stop()


def test_progress_may_be_left_out(home, first, served):
    assert_arrays(read_image_set(with_address(first, "fake:/first/")), fake_arrays(1))


def test_when_a_download_fails_the_missing_files_are_told(home, first, origin, served):
    folder = write_four(home / "r" / "first", fake_arrays(1))
    (folder / FILE_NAMES[1]).unlink()
    (folder / FILE_NAMES[3]).unlink()
    with pytest.raises(DownloadError) as caught:
        read_image_set(first, home / "r")
    assert str(caught.value) == (
        f"{FILE_NAMES[1]}: download failed; {folder} holds a part of the set, but not {FILE_NAMES[1]}, {FILE_NAMES[3]}"
    )


def test_when_a_download_fails_and_nothing_is_here_the_error_is_the_downloads(home, first, served):
    with pytest.raises(DownloadError, match=f"^{FILE_NAMES[0]}: download failed$"):
        read_image_set(first)


def test_without_any_address_the_real_download_says_so(home, first):
    with pytest.raises(DownloadError, match=r"no address is known; place the file in .*FIRST/raw by hand"):
        get_image_set(first)


def test_a_folder_that_cannot_be_written_is_told(home, first, origin, monkeypatch):
    monkeypatch.setenv("TWOFOLD_DATA", str(origin))
    (home / "r").write_bytes(b"a file")
    with pytest.raises(
        DownloadError, match=f"^{home}/r/FIRST/raw/{FILE_NAMES[0]}: cannot be written: Not a directory;"
    ):
        get_image_set(first, home / "r")


@pytest.mark.parametrize("test", ["t10k", "test"])
@pytest.mark.parametrize("ending", ["-idx{}-ubyte", "-idx{}-ubyte.gz", ".idx{}-ubyte", ".idx", ".gz", ""])
@pytest.mark.parametrize("images", [np.uint8, np.float32, np.int16], ids=lambda dtype: dtype.__name__)
def test_any_folder_of_four_idx_files_is_read(home, test, ending, images):
    arrays = fake_arrays(1)
    arrays[0], arrays[2] = arrays[0].astype(images), arrays[2].astype(images)
    arrays[1], arrays[3] = arrays[1].astype(np.int32), arrays[3].astype(np.int8)
    names = [
        f"{part}-{kind}{ending.format(dimensions)}"
        for part in ("train", test)
        for kind, dimensions in (("images", 3), ("labels", 1))
    ]
    found = read_idx_folder(str(write_four(home / "r", arrays, names)))
    assert_arrays(found, arrays)
    assert [array.dtype for array in found] == [array.dtype for array in arrays]


def test_other_files_and_folders_are_passed_over(home):
    folder = write_four(home / "r", fake_arrays(1))
    (folder / "README").write_bytes(b"")
    (folder / "train-images").mkdir()
    assert_arrays(read_idx_folder(folder), fake_arrays(1))


def test_x_and_x_gz_are_one_file_and_the_gzip_file_is_read(home):
    folder = write_four(home / "r", fake_arrays(1))
    write_four(folder, fake_arrays(5), PLAIN_NAMES)
    assert_arrays(read_idx_folder(folder), fake_arrays(1))


def test_missing_files_of_a_folder_are_listed(home):
    folder = write_four(home / "r", fake_arrays(1))
    (folder / FILE_NAMES[1]).unlink()
    (folder / FILE_NAMES[2]).unlink()
    with pytest.raises(DataNotFoundError) as caught:
        read_idx_folder(folder)
    assert str(caught.value) == (
        f"{folder}: no file named train-labels*, t10k-images* or test-images*; put it there, or give another folder"
    )


def test_two_files_for_one_part_are_ambiguous(home):
    folder = write_four(home / "r", fake_arrays(1))
    write_idx(folder / "test-labels.gz", np.zeros(4, np.uint8))
    with pytest.raises(DataError) as caught:
        read_idx_folder(folder)
    assert str(caught.value) == (
        f"{folder}: only one of these can be meant: t10k-labels-idx1-ubyte.gz, test-labels.gz; move the others away"
    )


@pytest.mark.parametrize(
    ("part", "array", "message"),
    [
        (0, np.zeros(6, np.uint8), r"images need at least 2 dimensions, not shape \(6,\)"),
        (1, np.zeros(6, np.float32), r"labels must be integers of shape \(n,\), not float32 of shape \(6,\)"),
        (3, np.zeros((4, 1), np.uint8), r"labels must be integers of shape \(n,\), not uint8 of shape \(4, 1\)"),
    ],
)
def test_a_folder_of_other_arrays_is_refused(home, part, array, message):
    arrays = fake_arrays(1)
    arrays[part] = array
    folder = write_four(home / "r", arrays)
    with pytest.raises(DataError, match=f"^{folder / FILE_NAMES[part]}: {message}; check the file$"):
        read_idx_folder(folder)


def test_a_folder_that_is_none_is_told(home, monkeypatch):
    (home / "file").write_bytes(b"")
    for name in ("no", "file"):
        with pytest.raises(DataNotFoundError, match=f"^{home / name}: no such folder; check the path$"):
            read_idx_folder(home / name)

    def refuse(_path):
        raise PermissionError(13, "Permission denied")  # chmod would not stop root

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(
        DataError, match=f"^{home}: cannot be read: Permission denied; give a folder that you may read$"
    ):
        read_idx_folder(home)


@pytest.fixture
def real(monkeypatch):
    if "TWOFOLD_DATA" not in os.environ:
        pytest.skip("TWOFOLD_DATA is not set: it names the folder that holds fashion-mnist/")
    return Path(os.environ["TWOFOLD_DATA"])


def test_fashion_mnist_is_as_its_readme_describes_it(real):
    # README of Fashion-MNIST: 60000 and 10000 images of 28 x 28, ten classes; both parts are balanced.
    data = read_image_set("fashion-mnist")
    assert data.train_images.shape == (60_000, 28, 28)
    assert data.test_images.shape == (10_000, 28, 28)
    assert {array.dtype for array in data} == {np.dtype(np.uint8)}
    np.testing.assert_array_equal(np.bincount(data.train_labels), np.full(10, 6000))
    np.testing.assert_array_equal(np.bincount(data.test_labels), np.full(10, 1000))
    assert IMAGE_SETS["fashion-mnist"].classes[data.train_labels[0]] == "Ankle boot"  # the README's first sprite


@pytest.mark.parametrize("root", ["", "fashion-mnist"])
def test_fashion_mnist_is_found_but_not_taken_for_mnist(real, root, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert find_files("fashion-mnist", real / root) == [real / "fashion-mnist" / name for name in FILE_NAMES]
    assert find_files("mnist", real / root) is None
