"""Trains networks for several targets in PyTorch: the loss curves and the weights that pipe must reproduce.

Writes tests/golden/targets: rows.csv (4 features, 3 numbers, 3 labels), initial.safetensors (the weights all start
from) and expected.json.

Linear(4, 8), tanh, Linear(8, 3), 200 epochs of one step each over all rows in their order, float32, Adam with lr 1e-2.
Numbers: mean squared error. Labels: binary cross entropy with logits, plain and with the weight no / yes of each label.
The features are standardized in float64 and then rounded to float32. The loss of an epoch is that before its step.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch.nn import functional

FOLDER = Path(__file__).parent / "targets"
EPOCHS = 200


def network():
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))


def rows():
    random = np.random.default_rng(12)
    features = np.round(random.normal(size=(60, 4)) * [1, 5, 0.1, 2] + [0, 10, 0, -3], 4)
    mixed = features @ np.round(random.normal(size=(4, 3)), 2)
    numbers = np.round(np.sin(mixed) + 0.1 * random.normal(size=(60, 3)), 4)
    labels = mixed > np.quantile(mixed, [0.5, 0.8, 0.3], axis=0).diagonal()
    return features, numbers, labels


def write(features, numbers, labels):
    header = "a,b,c,d,n1,n2,n3,l1,l2,l3"
    lines = [header]
    for x, n, label in zip(features, numbers, labels, strict=True):
        words = [str(value) for value in [*x, *n]] + ["yes" if it else "no" for it in label]
        lines.append(",".join(words))
    (FOLDER / "rows.csv").write_text("\n".join(lines) + "\n")


def train(features, target, of):
    torch.set_num_threads(1)
    model = network()
    model.load_state_dict(load_file(FOLDER / "initial.safetensors"))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        loss = of(model(features), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    weights = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
    return {"losses": losses, "final_weights": weights}


def main():
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(3)
    (FOLDER / "initial.safetensors").write_bytes(save(network().state_dict()))
    raw, numbers, labels = rows()
    write(raw, numbers, labels)
    features = torch.tensor((raw - raw.mean(axis=0)) / raw.std(axis=0), dtype=torch.float32)
    numbers, truth = torch.tensor(numbers, dtype=torch.float32), torch.tensor(labels, dtype=torch.float32)
    balanced = torch.tensor((~labels).sum(axis=0) / labels.sum(axis=0), dtype=torch.float32)
    plain = functional.binary_cross_entropy_with_logits
    expected = {
        "numbers": train(features, numbers, functional.mse_loss),
        "labels": train(features, truth, plain),
        "balanced": train(features, truth, lambda outputs, target: plain(outputs, target, pos_weight=balanced)),
    }
    (FOLDER / "expected.json").write_text(json.dumps(expected) + "\n")


main()
