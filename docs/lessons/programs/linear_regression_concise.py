import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
true_w, true_b = torch.tensor([[2.0], [-3.4]]), 4.2
X = torch.randn(1000, 2)                                   # (n, d)
y = X @ true_w + true_b + 0.01 * torch.randn(1000, 1)      # (n, 1)

net = nn.Linear(2, 1)
nn.init.normal_(net.weight, std=0.01)                      # (1, d)
nn.init.zeros_(net.bias)                                   # (1,)
squared_loss = nn.MSELoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.03)
loader = DataLoader(TensorDataset(X, y), batch_size=10, shuffle=True)

for epoch in range(3):
    for X_batch, y_batch in loader:
        loss = squared_loss(net(X_batch), y_batch) / 2     # ()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        loss = squared_loss(net(X), y) / 2
    print(f"epoch {epoch + 1}  loss {loss:.6f}")
