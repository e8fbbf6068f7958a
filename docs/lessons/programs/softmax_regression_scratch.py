import numpy as np


def softmax(O):
    E = np.exp(O - O.max(axis=1, keepdims=True))             # (n, q)
    return E / E.sum(axis=1, keepdims=True)                  # (n, q)


def cross_entropy(O, y):
    M = O - O.max(axis=1, keepdims=True)                     # (n, q)
    return np.log(np.exp(M).sum(axis=1)) - M[np.arange(len(y)), y]  # (n,)


def gradient(X, y, W, b):
    dO = softmax(X @ W + b)                                  # (n, q)
    dO[np.arange(len(y)), y] -= 1
    dO /= len(y)
    return X.T @ dO, dO.sum(axis=0)                          # (d, q), (q,)


def accuracy(X, y, W, b):
    return ((X @ W + b).argmax(axis=1) == y).mean()


rng = np.random.default_rng(0)
d, q = X_train.shape[1], y_train.max() + 1
W = rng.normal(0, 0.01, (d, q)).astype(X_train.dtype)        # (d, q)
b = np.zeros(q, X_train.dtype)                               # (q,)
for epoch in range(5):
    for rows in np.array_split(rng.permutation(len(X_train)), -(-len(X_train) // 256)):
        dW, db = gradient(X_train[rows], y_train[rows], W, b)
        W -= 0.1 * dW
        b -= 0.1 * db
    loss = cross_entropy(X_train @ W + b, y_train).mean()
    score = accuracy(X_test, y_test, W, b)
    print(f"epoch {epoch + 1}  loss {loss:.4f}  test accuracy {score:.4f}")
