"""Writes layers.json: what PyTorch's layers give, by themselves and in residual blocks, in float32.

Each case: `specs`, the layers as a spec has them; `classes`, the values that they give; `seed`, after which PyTorch's
modules drew the `weights` (by pipe's names, the first numbers of each); `rows`, what goes in; `outputs`, what comes out
outside of training.
"""

import json
from pathlib import Path

import torch
from torch import nn

CASES = Path(__file__).parent / "layers.json"
FEATURES = 48


class Reshape(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, rows):
        return rows.reshape(-1, *self.shape)


class GlobalAvgPool(nn.Module):
    def forward(self, rows):
        pool = nn.AdaptiveAvgPool2d(1) if rows.dim() == 4 else nn.AdaptiveAvgPool1d(1)
        return pool(rows).flatten(1)


class Embedding(nn.Embedding):
    """One channel for each of a code's numbers."""

    def forward(self, rows):
        return super().forward(rows.long()).transpose(1, 2)


class Residual(nn.Module):
    def __init__(self, layers, shortcut=()):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, rows):
        return self.layers(rows) + self.shortcut(rows)


def flat(modules):
    """Modules with the numbers that pipe gives them."""
    index, numbered = 0, []

    def walk(modules):
        nonlocal index
        for module in modules:
            if isinstance(module, Residual):
                walk(module.layers)
                if len(module.shortcut):
                    index += 1
                    walk(module.shortcut)
            else:
                numbered.append((index, module))
            index += 1

    walk(modules)
    return numbered


def case(name, seed, specs, make, codes=None):
    torch.manual_seed(seed)
    modules = make()
    generator = torch.Generator().manual_seed(100 + seed)
    rows = torch.randn(4, FEATURES, generator=generator)
    if codes:
        rows = torch.randint(codes, (4, FEATURES), generator=generator).float()
    network = nn.Sequential(*modules).eval()
    weights = {
        f"{index}.{key}": tensor.flatten()[:6].tolist()
        for index, module in flat(modules)
        for key, tensor in module.state_dict().items()
        if key != "num_batches_tracked"
    }
    with torch.no_grad():
        outputs = network(rows)
    return {
        "name": name,
        "seed": seed,
        "specs": specs,
        "classes": outputs.shape[1],
        "weights": weights,
        "rows": rows.tolist(),
        "outputs": outputs.tolist(),
    }


def main():
    image, head = {"reshape": {"shape": [3, 4, 4]}}, {"linear": {"out_features": 3}}
    sequence = {"reshape": {"shape": [4, 12]}}
    cases = [
        case(
            "conv1d",
            1,
            [
                sequence,
                {"conv1d": {"out_channels": 5, "kernel_size": 3, "stride": 2, "padding": 1}},
                "relu",
                {"conv1d": {"out_channels": 6, "kernel_size": 2, "bias": False}},
                {"max_pool1d": {"kernel_size": 2, "padding": 1}},
                "flatten",
                head,
            ],
            lambda: [
                Reshape(4, 12),
                nn.Conv1d(4, 5, 3, stride=2, padding=1),
                nn.ReLU(),
                nn.Conv1d(5, 6, 2, bias=False),
                nn.MaxPool1d(2, padding=1),
                nn.Flatten(),
                nn.Linear(18, 3),
            ],
        ),
        case(
            "avg_pool2d",
            2,
            [
                image,
                {"avg_pool2d": {"kernel_size": 3, "stride": 1, "padding": 1}},
                {"avg_pool2d": {"kernel_size": 2}},
                "flatten",
                head,
            ],
            lambda: [Reshape(3, 4, 4), nn.AvgPool2d(3, 1, 1), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12, 3)],
        ),
        case(
            "global_avg_pool_of_an_image",
            3,
            [image, {"conv2d": {"out_channels": 3, "kernel_size": 3}}, "global_avg_pool"],
            lambda: [Reshape(3, 4, 4), nn.Conv2d(3, 3, 3), GlobalAvgPool()],
        ),
        case(
            "global_avg_pool_of_a_sequence",
            4,
            [sequence, "global_avg_pool", head],
            lambda: [Reshape(4, 12), GlobalAvgPool(), nn.Linear(4, 3)],
        ),
        case(
            "layer_norm",
            5,
            [{"layer_norm": {}}, {"linear": {"out_features": 7}}, {"layer_norm": {"eps": 0.1}}, "tanh", head],
            lambda: [nn.LayerNorm(48), nn.Linear(48, 7), nn.LayerNorm(7, eps=0.1), nn.Tanh(), nn.Linear(7, 3)],
        ),
        case(
            "layer_norm_of_an_image",
            6,
            [image, {"layer_norm": {}}, "flatten", head],
            lambda: [Reshape(3, 4, 4), nn.LayerNorm([3, 4, 4]), nn.Flatten(), nn.Linear(48, 3)],
        ),
        case(
            "softmax",
            7,
            [{"linear": {"out_features": 5}}, "softmax", head],
            lambda: [nn.Linear(48, 5), nn.Softmax(1), nn.Linear(5, 3)],
        ),
        case(
            "softmax_over_channels",
            8,
            [image, "softmax", "flatten", head],
            lambda: [Reshape(3, 4, 4), nn.Softmax2d(), nn.Flatten(), nn.Linear(48, 3)],
        ),
        case(
            "residual",
            9,
            [{"residual": {"layers": [{"linear": {"out_features": 48}}, "gelu"]}}, head],
            lambda: [Residual([nn.Linear(48, 48), nn.GELU()]), nn.Linear(48, 3)],
        ),
        case(
            "residual_with_shortcut",
            10,
            [
                image,
                {
                    "residual": {
                        "layers": [
                            {"conv2d": {"out_channels": 4, "kernel_size": 3, "stride": 2, "padding": 1}},
                            {"batch_norm": {}},
                            "relu",
                            {"conv2d": {"out_channels": 4, "kernel_size": 3, "padding": 1}},
                        ],
                        "shortcut": [{"conv2d": {"out_channels": 4, "kernel_size": 1, "stride": 2, "bias": False}}],
                    }
                },
                "relu",
                {"residual": {"layers": [{"conv2d": {"out_channels": 4, "kernel_size": 3, "padding": 1}}]}},
                "global_avg_pool",
                head,
            ],
            lambda: [
                Reshape(3, 4, 4),
                Residual(
                    [
                        nn.Conv2d(3, 4, 3, stride=2, padding=1),
                        nn.BatchNorm2d(4),
                        nn.ReLU(),
                        nn.Conv2d(4, 4, 3, padding=1),
                    ],
                    [nn.Conv2d(3, 4, 1, stride=2, bias=False)],
                ),
                nn.ReLU(),
                Residual([nn.Conv2d(4, 4, 3, padding=1)]),
                GlobalAvgPool(),
                nn.Linear(4, 3),
            ],
        ),
        case(
            "embedding",
            11,
            [
                {"embedding": {"embedding_dim": 5, "num_embeddings": 9}},
                {"conv1d": {"out_channels": 6, "kernel_size": 3}},
                "relu",
                "global_avg_pool",
                head,
            ],
            lambda: [Embedding(9, 5), nn.Conv1d(5, 6, 3), nn.ReLU(), GlobalAvgPool(), nn.Linear(6, 3)],
            codes=9,
        ),
        case(
            "embedding_that_is_flattened",
            12,
            [{"embedding": {"embedding_dim": 2, "num_embeddings": 4}}, "flatten", head],
            lambda: [Embedding(4, 2), nn.Flatten(), nn.Linear(96, 3)],
            codes=4,
        ),
    ]
    CASES.write_text(json.dumps(cases) + "\n")


main()
