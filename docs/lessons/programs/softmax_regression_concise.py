import torch
from torch import nn

torch.manual_seed(0)
d, q = X_train.shape[1], int(y_train.max()) + 1
net = nn.Linear(d, q)
nn.init.normal_(net.weight, std=0.01)                        # (q, d)
nn.init.zeros_(net.bias)                                     # (q,)
cross_entropy = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
X, y = torch.from_numpy(X_train), torch.from_numpy(y_train)  # (n, d), (n,)


def accuracy(net, X, y):
    with torch.no_grad():
        return (net(torch.from_numpy(X)).argmax(dim=1).numpy() == y).mean()


for epoch in range(5):
    for rows in torch.randperm(len(X)).split(256):           # (|B|,)
        loss = cross_entropy(net(X[rows]), y[rows])          # ()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch + 1}  test accuracy {accuracy(net, X_test, y_test):.4f}")
