"""Writes losses.json: PyTorch's losses with their options, and the gradients of the outputs, in float32.

Each case: `loss` as a spec has it, `class_weights` by class (or none), `label_smoothing`; `outputs` and `target`; `value`,
the loss, and `gradient`, its derivative by the outputs.
"""

import json
from pathlib import Path

import torch
from torch.nn import functional

CASES = Path(__file__).parent / "losses.json"
ROWS = 9


def case(name, loss, width, target, of, class_weights=(), label_smoothing=None):
    generator = torch.Generator().manual_seed(21)
    outputs = (torch.randn(ROWS, width, generator=generator) * 2).requires_grad_()
    value = of(outputs, target)
    value.backward()
    return {
        "name": name,
        "loss": loss,
        "class_weights": list(class_weights),
        "label_smoothing": label_smoothing,
        "outputs": outputs.tolist(),
        "target": target.tolist(),
        "value": value.item(),
        "gradient": outputs.grad.tolist(),
    }


def cross_entropy(name, weights=(), smoothing=None):
    target = torch.tensor([0, 2, 2, 1, 0, 2, 2, 2, 1])

    def of(outputs, target):
        weight = torch.tensor(weights) if weights else None
        return functional.cross_entropy(outputs, target, weight=weight, label_smoothing=smoothing or 0.0)

    return case(name, "cross_entropy", 3, target, of, weights, smoothing)


def main():
    numbers = torch.linspace(-3, 3, ROWS).reshape(-1, 1)
    several = torch.stack([numbers[:, 0], 2 - numbers[:, 0].square(), numbers[:, 0].sin()], dim=1)
    labels = (torch.arange(ROWS * 3).reshape(ROWS, 3) % 5 < 2).float()
    weights = [0.5, 3.0, 1.25]
    two = torch.tensor([0, 1, 1, 0, 1, 1, 0, 0, 1])
    cases = [
        cross_entropy("cross_entropy"),
        cross_entropy("cross_entropy_weighted", [0.5, 2.0, 1.25]),
        cross_entropy("cross_entropy_smoothed", smoothing=0.1),
        cross_entropy("cross_entropy_weighted_and_smoothed", [0.5, 2.0, 1.25], 0.2),
        case(
            "bce_with_logits",
            "bce_with_logits",
            1,
            two,
            lambda outputs, target: functional.binary_cross_entropy_with_logits(outputs[:, 0], target.float()),
        ),
        case("mse", "mse", 1, numbers, functional.mse_loss),
        case("l1", "l1", 1, numbers, functional.l1_loss),
        case("huber", {"huber": {}}, 1, numbers, functional.huber_loss),
        case(
            "huber_of_a_delta",
            {"huber": {"delta": 0.3}},
            1,
            numbers,
            lambda outputs, target: functional.huber_loss(outputs, target, delta=0.3),
        ),
        case("mse_of_several", "mse", 3, several, functional.mse_loss),
        case("l1_of_several", "l1", 3, several, functional.l1_loss),
        case("huber_of_several", {"huber": {}}, 3, several, functional.huber_loss),
        case("labels", "bce_with_logits", 3, labels, functional.binary_cross_entropy_with_logits),
        case(
            "labels_weighted",
            "bce_with_logits",
            3,
            labels,
            lambda outputs, target: functional.binary_cross_entropy_with_logits(
                outputs, target, pos_weight=torch.tensor(weights)
            ),
            weights,
        ),
    ]
    CASES.write_text(json.dumps(cases) + "\n")


main()
