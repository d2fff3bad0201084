"""Writes optimizers.json: what PyTorch's optimizers, clipping and schedules do, step by step, in float32.

`optimizers`: parameters w [3, 2] and b [2] start at `initial`; before step i
their gradients are set to `gradients[i]`; after it they are `steps[i]`.
`clipping`: gradients before and after; by norm, `norm` is what clip_grad_norm_ returns.
`schedules`: the learning rate of each step or, for `step`, of each epoch.
"""

import json
import math
from pathlib import Path

import torch

CASES = Path(__file__).parent / "optimizers.json"
STEPS = 12


def tensors(generator, scale=1.0):
    return {
        "w": (torch.randn(3, 2, generator=generator) * scale),
        "b": (torch.randn(2, generator=generator) * scale),
    }


def lists(named):
    return {name: tensor.tolist() for name, tensor in named.items()}


def optimizer_case(name, spec, make):
    generator = torch.Generator().manual_seed(7)
    initial = tensors(generator)
    gradients = [tensors(generator, 0.5) for _ in range(STEPS)]
    # A step without gradient: momentum and decay go on.
    gradients[5] = {name: torch.zeros_like(tensor) for name, tensor in gradients[5].items()}
    parameters = {name: torch.nn.Parameter(tensor.clone()) for name, tensor in initial.items()}
    optimizer = make(list(parameters.values()))
    steps = []
    for gradient in gradients:
        for key, parameter in parameters.items():
            parameter.grad = gradient[key].clone()
        optimizer.step()
        steps.append(lists({key: parameter.detach() for key, parameter in parameters.items()}))
    return {
        "name": name,
        "optimizer": spec,
        "initial": lists(initial),
        "gradients": [lists(gradient) for gradient in gradients],
        "steps": steps,
    }


def sgd(name, **options):
    return optimizer_case(name, {"sgd": options}, lambda p: torch.optim.SGD(p, **options))


def rmsprop(name, **options):
    return optimizer_case(name, {"rmsprop": options}, lambda p: torch.optim.RMSprop(p, **options))


def adam(name, **options):
    return optimizer_case(name, {"adam": options}, lambda p: torch.optim.Adam(p, **options))


def adamw(name, **options):
    return optimizer_case(name, {"adamw": options}, lambda p: torch.optim.AdamW(p, **options))


def clipping_case(name, spec, scale):
    generator = torch.Generator().manual_seed(8)
    gradients = tensors(generator, scale)
    parameters = {key: torch.nn.Parameter(torch.zeros_like(tensor)) for key, tensor in gradients.items()}
    for key, parameter in parameters.items():
        parameter.grad = gradients[key].clone()
    case = {"name": name, "clip": spec, "before": lists(gradients)}
    if "norm" in spec:
        case["norm"] = torch.nn.utils.clip_grad_norm_(parameters.values(), spec["norm"]).item()
    else:
        torch.nn.utils.clip_grad_value_(parameters.values(), spec["value"])
    case["after"] = lists({key: parameter.grad for key, parameter in parameters.items()})
    return case


def rates(scheduler_of, lr, count):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = scheduler_of(optimizer)
    seen = []
    for _ in range(count):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def cosine_case(name, lr, min_lr, epochs, steps_per_epoch, warmup_epochs):
    """Changed after each step. The warm-up rises to lr by its last step; the cosine then starts at lr."""
    total, warmup = epochs * steps_per_epoch, warmup_epochs * steps_per_epoch

    def scheduler_of(optimizer):
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=total - warmup, eta_min=min_lr)
        if not warmup:
            return cosine
        rise = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup - 1)
        return torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, cosine], milestones=[warmup])

    seen = rates(scheduler_of, lr, total)
    for step, rate in enumerate(seen):
        if step < warmup:
            formula = lr * (step + 1) / warmup
        else:
            formula = min_lr + (lr - min_lr) * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2
        assert math.isclose(rate, formula, rel_tol=1e-9, abs_tol=1e-12), (name, step, rate, formula)
    return {
        "name": name,
        "lr": lr,
        "lr_scheduler": {"cosine": {"warmup_epochs": warmup_epochs, "min_lr": min_lr}},
        "epochs": epochs,
        "steps_per_epoch": steps_per_epoch,
        "rate_by_step": seen,
    }


def step_case(name, lr, step_size, gamma, epochs):
    return {
        "name": name,
        "lr": lr,
        "lr_scheduler": {"step": {"step_size": step_size, "gamma": gamma}},
        "epochs": epochs,
        "rate_by_epoch": rates(lambda o: torch.optim.lr_scheduler.StepLR(o, step_size, gamma), lr, epochs),
    }


def one_cycle_case(name, lr, epochs, steps_per_epoch, **options):
    total = epochs * steps_per_epoch

    def scheduler_of(optimizer):
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total, cycle_momentum=False, **options)

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler, seen = scheduler_of(optimizer), []
    for step in range(total):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < total - 1:
            scheduler.step()
    return {
        "name": name,
        "lr": lr,
        "lr_scheduler": {"one_cycle": options},
        "epochs": epochs,
        "steps_per_epoch": steps_per_epoch,
        "rate_by_step": seen,
    }


def plateau_case(name, lr, metric, values, **options):
    """The rate of each epoch follows from the values of those before it."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    mode = "max" if metric == "val.accuracy" else "min"
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode, **options)
    seen = []
    for value in values:
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(value)
    return {
        "name": name,
        "lr": lr,
        "lr_scheduler": {"plateau": {"metric": metric, **options}},
        "epochs": len(values),
        "rate_by_epoch": seen,
        "metric_by_epoch": values,
    }


def main():
    cases = {
        "optimizers": [
            sgd("sgd", lr=0.1),
            sgd("sgd_momentum", lr=0.1, momentum=0.9),
            sgd("sgd_weight_decay", lr=0.1, weight_decay=0.05),
            sgd("sgd_momentum_weight_decay", lr=0.05, momentum=0.8, weight_decay=0.1),
            sgd("sgd_nesterov", lr=0.1, momentum=0.9, nesterov=True),
            sgd("sgd_nesterov_weight_decay", lr=0.05, momentum=0.8, weight_decay=0.1, nesterov=True),
            rmsprop("rmsprop", lr=0.01),
            rmsprop("rmsprop_weight_decay", lr=0.02, alpha=0.9, eps=1e-6, weight_decay=0.1),
            rmsprop("rmsprop_momentum", lr=0.01, momentum=0.9),
            rmsprop("rmsprop_centered", lr=0.01, centered=True),
            rmsprop("rmsprop_centered_momentum", lr=0.01, centered=True, momentum=0.5, weight_decay=0.01),
            adam("adam", lr=1e-3),
            adam("adam_other_betas", lr=0.01, betas=(0.8, 0.95), eps=1e-6),
            adam("adam_weight_decay", lr=0.01, weight_decay=0.1),
            adamw("adamw", lr=1e-3, weight_decay=0.01),
            adamw("adamw_strong_decay", lr=0.05, weight_decay=0.5),
            adamw("adamw_no_decay", lr=0.01, weight_decay=0.0),
        ],
        "clipping": [
            clipping_case("norm_above", {"norm": 0.5}, 2.0),
            clipping_case("norm_below", {"norm": 100.0}, 2.0),
            clipping_case("value", {"value": 0.75}, 2.0),
        ],
        "schedules": [
            cosine_case("cosine", 0.1, 0.0, 5, 4, 0),
            cosine_case("cosine_to_a_floor", 0.01, 0.001, 3, 7, 0),
            cosine_case("cosine_after_warmup", 0.1, 0.0, 5, 4, 2),
            cosine_case("cosine_one_step_an_epoch", 0.1, 0.01, 10, 1, 3),
            one_cycle_case("one_cycle", 0.1, 5, 4),
            one_cycle_case("one_cycle_short_rise", 0.01, 3, 7, pct_start=0.1, div_factor=10.0, final_div_factor=100.0),
            plateau_case("plateau", 0.1, "val.loss", [1, 0.9, 0.9, 0.89995, 0.9, 0.8, 0.8, 0.8, 0.8, 0.7], patience=2),
            plateau_case(
                "plateau_of_accuracy",
                0.1,
                "val.accuracy",
                [0.5, 0.6, 0.6, 0.55, 0.6, 0.601, 0.6, 0.6, 0.6, 0.6, 0.6],
                factor=0.5,
                patience=0,
                threshold=0.01,
                cooldown=2,
                min_lr=0.02,
            ),
            step_case("step", 0.1, 3, 0.1, 10),
            step_case("step_half_each_epoch", 0.1, 1, 0.5, 5),
        ],
    }
    CASES.write_text(json.dumps(cases) + "\n")


main()
