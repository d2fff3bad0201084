"""Trains networks for several targets in PyTorch: the loss curves and the weights that pipe must reproduce.

Writes tests/golden/targets: rows.csv (4 features, 3 numbers, 3 labels), initial.safetensors (the weights all start
from) and expected.json; scaled.csv (the numbers in units of very different size) and scaled.json.

Linear(4, 8), tanh, Linear(8, 3), 200 epochs of one step each over all rows in their order, float32, Adam with lr 1e-2.
Numbers: mean squared error. Labels: binary cross entropy with logits, plain and with the weight no / yes of each label.
The features are standardized in float64 and then rounded to float32. The loss of an epoch is that before its step.

Scaled: the numbers are standardized by scikit-learn's StandardScaler before, and predictions go back through it, as
TransformedTargetRegressor does. Their losses are those of the standardized numbers.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from sklearn.preprocessing import StandardScaler
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
    return model, {"losses": losses, "final_weights": weights}


def train_scaled(features, numbers, of):
    scaler = StandardScaler().fit(numbers)
    target = torch.tensor(scaler.transform(numbers), dtype=torch.float32)
    model, expected = train(features, target, of)
    with torch.no_grad():
        outputs = model(features).numpy()
    means, scales = scaler.mean_.tolist(), scaler.scale_.tolist()
    return expected | {"means": means, "scales": scales, "predictions": scaler.inverse_transform(outputs).tolist()}


def main():
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(3)
    (FOLDER / "initial.safetensors").write_bytes(save(network().state_dict()))
    raw, raw_numbers, labels = rows()
    write(raw, raw_numbers, labels)
    features = torch.tensor((raw - raw.mean(axis=0)) / raw.std(axis=0), dtype=torch.float32)
    numbers, truth = torch.tensor(raw_numbers, dtype=torch.float32), torch.tensor(labels, dtype=torch.float32)
    balanced = torch.tensor((~labels).sum(axis=0) / labels.sum(axis=0), dtype=torch.float32)
    plain = functional.binary_cross_entropy_with_logits
    runs = {
        "numbers": train(features, numbers, functional.mse_loss),
        "labels": train(features, truth, plain),
        "balanced": train(features, truth, lambda outputs, target: plain(outputs, target, pos_weight=balanced)),
    }
    expected = {name: run for name, (_, run) in runs.items()}
    (FOLDER / "expected.json").write_text(json.dumps(expected) + "\n")

    large = np.round(np.array(raw_numbers) * [2e6, 0.003, 12] + [5e6, 0.01, -700], 6)
    lines = ["a,b,c,d,price,share,year"]
    lines += [",".join(map(str, [*x, *n])) for x, n in zip(raw, large, strict=True)]
    (FOLDER / "scaled.csv").write_text("\n".join(lines) + "\n")
    losses = {"mse": functional.mse_loss, "l1": functional.l1_loss, "huber": functional.huber_loss}
    scaled = {name: train_scaled(features, large, of) for name, of in losses.items()}
    (FOLDER / "scaled.json").write_text(json.dumps(scaled) + "\n")


main()
