"""What the fused engine alone has: kernels, products, one row, bfloat16."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from helpers import FUSED_NUMBA, AfterStep, every_pair, open_kind, random_dataset
from twofold import Network, Recipe, initialize, open_engine, train
from twofold.errors import DataError
from twofold.functions import ACTIVATIONS, LOSSES, NORMALIZATIONS, OPTIMIZERS
from twofold.network import distance, largest

torch = pytest.importorskip("torch")

from twofold.engines.pytorch import cuda_graphs, kernels, products, running_metrics, update_kernels  # noqa: E402 - these need PyTorch


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_kernels_of_activations_are_their_formulas(name):
    Z = np.linspace(-30, 30, 601)[:, None]
    z = torch.from_numpy(Z.copy())
    H = kernels.activation_of(name).value(z, torch.empty_like(z))
    np.testing.assert_allclose(H.numpy(), ACTIVATIONS[name].value(Z), rtol=1e-13, atol=1e-15)
    dZ = kernels.activation_of(name).backward(torch.full_like(H, 2.0), z, H)
    np.testing.assert_allclose(dZ.numpy(), 2 * ACTIVATIONS[name].derivative(Z), rtol=1e-12, atol=1e-14)


def test_the_first_of_several_largest_outputs_is_the_prediction():
    O = torch.tensor([[1.0, 3.0, 2.0], [1.0, 3.0, 5.0]])
    y, classes = torch.tensor([1, 0, 1]), LOSSES["cross_entropy"].targets
    assert kernels.correct(classes, O, y).tolist() == [0, 1, 1]
    assert kernels.correct(classes, O[:, 2:], y[2:]).tolist() == [1]  # nothing ties
    assert kernels.correct(classes, O, torch.tensor([[0.5, 1.0, 0.0], [0.5, 0.0, 1.0]])).tolist() == [1, 1, 1]


@pytest.mark.parametrize("largest", [1.0, 50.0, 1e4])
def test_the_loss_of_many_outputs_is_that_of_few(largest, monkeypatch):
    rng = np.random.default_rng(0)
    outputs, y = rng.uniform(-largest, largest, size=(3, 40)).astype(np.float32), rng.integers(3, size=40)
    expected, slope = LOSSES["cross_entropy"].samples(outputs.T, y)
    for many in (0, 2**15):
        monkeypatch.setattr(kernels, "MIN_LARGE_OUTPUTS", many)
        out = torch.empty(3, 40)
        losses = kernels.LOSSES["cross_entropy"](torch.from_numpy(outputs), torch.from_numpy(y), 1.0, out)
        np.testing.assert_allclose(losses.numpy(), expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(out.numpy().T, slope, rtol=1e-6, atol=1e-6)


def test_kernels_hold_what_the_registries_hold():
    assert set(kernels.LOSSES) <= set(LOSSES)
    assert set(update_kernels.UPDATE_KERNELS) <= set(OPTIMIZERS)


@pytest.mark.parametrize("kind", [products.PLAIN, products.ONEDNN], ids=["plain", "onednn"])
def test_products_are_those_of_a_layer(kind):
    if kind is products.ONEDNN and not products.has_onednn():
        pytest.skip("this PyTorch has no oneDNN here")
    rng = torch.Generator().manual_seed(0)
    H, W, b, dZ = (torch.randn(shape, generator=rng) for shape in ((5, 6), (4, 5), (4,), (4, 6)))
    torch.testing.assert_close(kind.affine(W, H, b=b, scale=0.5), 0.5 * W @ H + b[:, None])
    torch.testing.assert_close(kind.affine(W, H.t().contiguous().t(), b=None, scale=2.0), 2 * W @ H)
    torch.testing.assert_close(kind.below(W, dZ), W.T @ dZ)
    torch.testing.assert_close(kind.below(W, dZ[:, :1]), W.T @ dZ[:, :1])
    torch.testing.assert_close(kind.below(W, dZ[:, :1], out=torch.empty(5, 1)), W.T @ dZ[:, :1])
    torch.testing.assert_close(kind.gradient(dZ, H), dZ @ H.T)


def test_products_of_bfloat16_add_b_in_its_own_type():
    W, H, b = torch.ones(1, 2).bfloat16(), torch.ones(2, 3).bfloat16(), torch.tensor([1e-4])
    Z = products.PLAIN.affine(W, H, b=b)
    assert Z.dtype == torch.float32
    assert torch.equal(Z, (2 + b).expand(1, 3))  # in bfloat16 it would be 2


def test_products_are_chosen_by_work_type_and_device():
    cpu, many = torch.device("cpu"), products.MIN_ONEDNN_WORK
    large = products.choose_products(work=many, dtype=torch.float32, device=cpu)
    assert large is (products.ONEDNN if products.has_onednn() else products.PLAIN)
    assert products.choose_products(work=many - 1, dtype=torch.float32, device=cpu) is products.PLAIN
    assert products.choose_products(work=many, dtype=torch.float64, device=cpu) is products.PLAIN
    assert products.choose_products(work=many, dtype=torch.float32, device=torch.device("meta")) is products.PLAIN


@pytest.mark.parametrize("failure", [AttributeError, RuntimeError, TypeError])
def test_without_the_operator_plain_products_take_the_same_steps(failure, monkeypatch):
    network = Network((120, 100, 60))
    assert products.MIN_ONEDNN_WORK <= 120 * 100 * 100
    data = random_dataset(network, 200)

    def run():
        engine = open_engine("fused", network, initialization="he")
        list(train(engine, data, Recipe(epochs=2, batch_size=100)))
        return engine.parameters()

    expected = run()

    def broken(*_arguments):
        raise failure("no such operator")

    monkeypatch.setattr(products, "_linear", broken)
    products.has_onednn.cache_clear()
    try:
        assert not products.has_onednn()
        assert distance(run(), expected) <= 1e-6 * largest(expected)
    finally:
        products.has_onednn.cache_clear()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("extra", [{}, {"weight_decay": 0.1, "clip_norm": 0.5}], ids=["plain", "regularised"])
def test_replayed_steps_are_the_steps(optimizer, extra, monkeypatch):
    """On a GPU a step is recorded and replayed; here the recording is the work itself, so all else can be seen."""
    network = Network((5, 8, 3), "tanh", dropout=0.3)
    data = random_dataset(network, 50, weighted=True)
    recipe = Recipe(epochs=3, batch_size=13, optimizer=optimizer, learning_rate=0.05, schedule="cosine", **extra)
    eager = open_engine("fused", network, initialization="he", dtype="float64")
    records = list(train(eager, data, recipe))
    recorded = []

    def capture(work):
        recorded.append(work)
        return work

    monkeypatch.setattr("twofold.engines.fused.device_capture", lambda _device: capture)
    replayed = open_engine("fused", network, initialization="he", dtype="float64")
    again = list(train(replayed, data, recipe))
    assert distance(eager.parameters(), replayed.parameters()) <= 1e-12
    assert [r.loss for r in again] == pytest.approx([r.loss for r in records], rel=1e-12)
    assert len(recorded) == 2  # an epoch of 50 in minibatches of at most 13 has two sizes


def test_a_recording_is_made_at_the_second_run_and_forgotten_when_told():
    made, done = [], []
    runs = cuda_graphs.CudaGraphs(lambda work: made.append(work) or work)
    for _ in range(3):
        runs.run(7, lambda: done.append(7))
    assert (len(made), len(done)) == (1, 3)
    runs.forget()
    runs.run(7, lambda: done.append(7))
    assert len(made) == 1
    assert cuda_graphs.device_capture(torch.device("cpu")) is None
    assert cuda_graphs.device_capture(torch.device("cuda")) is cuda_graphs.capture_cuda


def test_running_means_may_be_read_at_any_step_without_changing_them(monkeypatch):
    monkeypatch.setattr(running_metrics, "MAX_PENDING_OUTPUTS", 20)
    network = Network((5, 3))
    data = random_dataset(network, 60)
    quiet, curious = (open_engine("fused", network, initialization="he") for _ in range(2))
    recipe = Recipe(epochs=2, batch_size=7)
    expected = list(train(quiet, data, recipe))
    seen = list(train(curious, data, recipe, AfterStep(lambda engine, _done: engine.running())))
    assert [r.loss for r in seen] == [r.loss for r in expected]


def test_many_sizes_of_minibatch_keep_no_more_than_a_few_buffers():
    network = Network((5, 4, 3))
    data = random_dataset(network, 60)
    engines = [open_kind(name, network, dtype="float64", initialization="he") for name in ("scratch", "fused")]
    for engine in engines:
        engine.load(data.train.X, data.train.y)
        for n in range(1, 12):
            engine.step(np.arange(n), 0.1)
    assert distance(*(engine.parameters() for engine in engines)) <= 1e-12
    assert len(engines[1]._buffers) <= 4


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_row_is_a_batch_of_one(activation):
    network = Network((20, 8, 6, 3), activation)
    engine = open_engine("fused", network, initialization="he", dtype="float64")
    reference = open_engine("scratch", network, initialization="he", dtype="float64")
    x = np.random.default_rng(0).normal(size=20)
    expected = reference.outputs(x[None])[0]
    np.testing.assert_allclose(engine.output(x), expected, rtol=1e-12)
    np.testing.assert_allclose(engine.output(x.tolist()), expected, rtol=1e-12)
    np.testing.assert_allclose(engine.outputs(x[None])[0], expected, rtol=1e-12)
    image = np.arange(20, dtype=np.uint8)
    np.testing.assert_allclose(engine.output(image), reference.outputs(image[None])[0], rtol=1e-12)


def test_one_row_sees_the_parameters_of_the_last_step_and_leaves_earlier_answers_alone():
    network = Network((3, 4, 2))
    data = random_dataset(network, 20)
    engine = open_engine("fused", network, initialization="he")
    x = data.train.X[0].astype(np.float32)
    before = engine.output(x)
    kept = before.copy()
    list(train(engine, data, Recipe(epochs=1, batch_size=5)))
    assert np.abs(engine.output(x) - before).max() > 0
    assert (before == kept).all()
    np.testing.assert_allclose(engine.output(x), engine.outputs(data.train.X[:2])[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("x", "message"),
    [(np.ones(4, np.float32), "the network has 3 inputs"), (np.full(3, np.nan, np.float32), "X[0, 0] is nan")],
)
def test_one_row_is_checked(x, message):
    engine = open_engine("fused", Network((3, 2)))
    with pytest.raises(DataError) as error:
        engine.output(x)
    assert message in str(error.value)


def test_one_row_may_be_asked_for_by_several_threads_at_once():
    engine = open_engine("fused", Network((784, 256, 10)), initialization="he")
    X = np.random.default_rng(0).random((4, 784), dtype=np.float32)
    expected = [engine.output(x) for x in X]

    def ask(place):
        return all(np.array_equal(engine.output(X[place]), expected[place]) for _ in range(2000))

    with ThreadPoolExecutor(len(X)) as pool:
        assert all(pool.map(ask, range(len(X))))


def test_small_steps_do_not_pile_up():
    network = Network((2, 1), loss="squared")
    data = random_dataset(network, 2 * running_metrics.MAX_PENDING_STEPS)
    engine = open_engine("fused", network)
    engine.load(data.train.X, data.train.y)
    for row in range(running_metrics.MAX_PENDING_STEPS + 3):
        engine.step(np.array([row]), 0.01)
    assert len(engine._metrics._kept) == 3


def test_one_row_of_large_numbers_is_not_taken_for_infinite():
    engine = open_engine("fused", Network((3, 2)), initialization="he")
    x = np.full(3, 1e30, dtype=np.float32)  # its squares overflow, it doesn't
    np.testing.assert_allclose(
        engine.output(x), open_engine("scratch", Network((3, 2)), initialization="he").outputs(x[None])[0], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("name", "optimizer", "normalization", "loss"),
    every_pair(["fused", FUSED_NUMBA], ["sgd", "adam"], [None, *NORMALIZATIONS], LOSSES),
)
def test_bfloat16_stays_near_float32(name, optimizer, normalization, loss):
    network = Network((20, 16, 3), loss=loss, dropout=0.2, normalization=normalization)
    data = random_dataset(network, 64, weighted=True)
    recipe = Recipe(epochs=3, batch_size=16, optimizer=optimizer, learning_rate=0.02)
    start = initialize(network, initialization="he", dtype="float32")
    engines = [open_kind(name, network, parameters=start, precision=precision) for precision in (None, "bfloat16")]
    for engine in engines:
        list(train(engine, data, recipe))
    exact, rounded = (engine.parameters() for engine in engines)
    assert rounded[0].W.dtype == np.float32
    moved, apart = (
        np.sqrt(
            sum(np.square(a - b).sum() for one, two in zip(*pair, strict=True) for a, b in zip(one, two, strict=True))
        )
        for pair in ((exact, start), (exact, rounded))
    )
    assert 0 < apart < 0.15 * moved
    assert engines[1].outputs(data.train.X).dtype == np.float32


def test_bfloat16_gradients_are_near_float32_gradients(animals):
    network = Network((4, 8, 3))
    full, half = (open_engine("fused", network, initialization="he", precision=p) for p in (None, "bfloat16"))
    exact, rounded = (engine.gradients(animals.train.X, animals.train.y) for engine in (full, half))
    assert distance(exact, rounded) <= 0.05 * largest(exact)  # bfloat16 has 8 bits, and sums cancel


@pytest.mark.parametrize(
    ("precision", "name"),
    [
        (None, "fused"),
        (None, FUSED_NUMBA),
        ("bfloat16", "fused"),
        pytest.param("bfloat16", FUSED_NUMBA, marks=pytest.mark.slow),  # machine code that few tests take
    ],
)
def test_two_runs_give_the_same_bits(precision, name):
    network = Network((200, 64, 10))
    data = random_dataset(network, 600)
    runs = []
    for _ in range(2):
        engine = open_kind(name, network, initialization="he", precision=precision)
        losses = [epoch.loss for epoch in train(engine, data, Recipe(epochs=3, batch_size=256))]
        runs.append((losses, engine.parameters()))
    assert runs[0][0] == runs[1][0]
    assert distance(runs[0][1], runs[1][1]) == 0
