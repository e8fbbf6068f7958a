"""What the engines on PyTorch are made of."""
