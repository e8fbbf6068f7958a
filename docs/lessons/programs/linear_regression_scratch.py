import numpy as np

rng = np.random.default_rng(0)
true_w, true_b = np.array([2, -3.4]), 4.2
X = rng.normal(0, 1, (1000, 2))                       # (n, d)
y = X @ true_w + true_b + rng.normal(0, 0.01, 1000)   # (n,)


def predict(X, w, b):
    return X @ w + b                                  # (n,)


def squared_loss(y_hat, y):
    return (y_hat - y) ** 2 / 2                       # (n,)


def gradient(X, y, w, b):
    residual = predict(X, w, b) - y                   # (n,)
    return X.T @ residual / len(y), residual.mean()   # (d,), ()


w, b = rng.normal(0, 0.01, 2), 0.0                    # (d,), ()
learning_rate, batch_size = 0.03, 10
for epoch in range(3):
    order = rng.permutation(len(X))                   # (n,)
    for start in range(0, len(X), batch_size):
        rows = order[start:start + batch_size]        # (|B|,)
        dw, db = gradient(X[rows], y[rows], w, b)
        w, b = w - learning_rate * dw, b - learning_rate * db
    loss = squared_loss(predict(X, w, b), y).mean()
    print(f"epoch {epoch + 1}  loss {loss:.6f}")
