"""Writes tabular.json: a table with categories, learned by PyTorch with an embedding for each column of them.

`table`, the table as CSV; `seed`, after which PyTorch drew the weights; `losses`, one before each step of a full batch;
`weights`, after the last one, by pipe's names.
"""

import csv
import io
import json
from pathlib import Path

import torch
from torch import nn

TABLE = Path(__file__).parent / "tabular.json"
COLORS, SIZES = ["blue", "green", "red"], ["L", "M", "S", "XL", "XS"]
SEED, STEPS = 7, 40


class Tabular(nn.Module):
    """Numbers first, then the numbers of each category."""

    def __init__(self):
        super().__init__()
        # One code more than there are words: for words that are missing or not seen. Half of the codes, rounded up.
        self.color = nn.Embedding(len(COLORS) + 1, 2)
        self.size = nn.Embedding(len(SIZES) + 1, 3)
        self.layers = nn.Sequential(nn.Linear(2 + 2 + 3, 6), nn.Tanh(), nn.Linear(6, 1))

    def forward(self, numbers, color, size):
        return self.layers(torch.cat([numbers, self.color(color), self.size(size)], dim=1))


def rows():
    for at in range(48):
        color, size = at * 7 % 3, at * 11 % 5
        x, z = (at * 5 % 13) / 4 - 1.5, (at * 3 % 7) / 8
        yield x, COLORS[color], z, SIZES[size], x * [1, -0.5, 0.25][color] + z * size - 0.5


def main():
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["x", "color", "z", "size", "y"])
    table = list(rows())
    writer.writerows(table)
    numbers = torch.tensor([[x, z] for x, _, z, _, _ in table])
    color = torch.tensor([COLORS.index(row[1]) for row in table])
    size = torch.tensor([SIZES.index(row[3]) for row in table])
    target = torch.tensor([[row[4]] for row in table])

    torch.manual_seed(SEED)
    network = Tabular()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(network(numbers, color, size), target)
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    names = ["0.weight", "1.weight", "2.weight", "2.bias", "4.weight", "4.bias"]
    weights = {
        name: tensor.flatten().tolist() for name, tensor in zip(names, network.state_dict().values(), strict=True)
    }
    TABLE.write_text(json.dumps({"table": text.getvalue(), "seed": SEED, "losses": losses, "weights": weights}) + "\n")


main()
