import numpy as np


def forward(X, W1, b1, W2, b2):
    Z = X @ W1 + b1                                          # (n, h)
    H = np.maximum(Z, 0)                                     # (n, h)
    return Z, H, H @ W2 + b2                                 # (n, q)


def cross_entropy(O, y):
    M = O - O.max(axis=1, keepdims=True)                     # (n, q)
    return np.log(np.exp(M).sum(axis=1)) - M[np.arange(len(y)), y]  # (n,)


def gradient(X, y, W1, b1, W2, b2):
    Z, H, O = forward(X, W1, b1, W2, b2)
    E = np.exp(O - O.max(axis=1, keepdims=True))             # (n, q)
    dO = E / E.sum(axis=1, keepdims=True)                    # (n, q)
    dO[np.arange(len(y)), y] -= 1
    dO /= len(y)
    dZ = dO @ W2.T * (Z > 0)                                 # (n, h)
    return X.T @ dZ, dZ.sum(axis=0), H.T @ dO, dO.sum(axis=0)


rng = np.random.default_rng(0)
d, h, q = X_train.shape[1], 256, y_train.max() + 1
theta = [rng.normal(0, 0.01, (d, h)), np.zeros(h), rng.normal(0, 0.01, (h, q)), np.zeros(q)]
theta = [array.astype(X_train.dtype) for array in theta]
for epoch in range(5):
    for rows in np.array_split(rng.permutation(len(X_train)), -(-len(X_train) // 256)):
        for array, slope in zip(theta, gradient(X_train[rows], y_train[rows], *theta)):
            array -= 0.5 * slope
    loss = cross_entropy(forward(X_train, *theta)[2], y_train).mean()
    right = forward(X_test, *theta)[2].argmax(axis=1) == y_test
    print(f"epoch {epoch + 1}  loss {loss:.4f}  test accuracy {right.mean():.4f}")
