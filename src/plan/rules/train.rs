//! Rules of train blocks: optimizer, schedule, early stopping. Shapes are checked elsewhere.

use pipe_schema::stage::{
    evaluate::Metric,
    train::{Answer, ClassWeights, Clip, Loss, LrScheduler, Optimizer, ThresholdRule, Train},
};

use super::Rules;
use crate::{
    plan::{target, upstream::Upstream, wiring::Facts},
    spec::{
        Diagnostic,
        suggest::{list, nearest},
    },
};

pub fn check(block: &Train, facts: &Facts, upstream: &Upstream<'_>, rules: &mut Rules<'_>) {
    target::check(block, upstream.output("data"), rules);
    check_optimizer(&block.optimizer, &["optimizer"], rules);
    match block.clip {
        Some(Clip::Norm(it)) if it <= 0.0 => {
            rules.say(&["clip", "norm"], "`norm` must be above 0", "", "");
        }
        Some(Clip::Value(it)) if it <= 0.0 => {
            rules.say(&["clip", "value"], "`value` must be above 0", "", "");
        }
        _ => {}
    }
    if let LrScheduler::Cosine { warmup_epochs, .. } = block.lr_scheduler
        && warmup_epochs >= block.epochs.max(1)
    {
        rules.say(
            &["lr_scheduler", "cosine", "warmup_epochs"],
            "the warm-up must end before training does",
            format!("{warmup_epochs} of {} epochs", block.epochs),
            "",
        );
    }
    if upstream
        .output("init_from")
        .is_some_and(|it| it.is_quantized)
    {
        rules.say(
            &["init_from"],
            "training cannot start from a quantized model",
            "its weights are integers",
            "name the model that was quantized",
        );
    }
    check_losses(block, upstream, rules);
    if let Some(rule) = &block.threshold {
        check_threshold(rule, block, upstream, rules);
    }
    if let Some(stopping) = &block.early_stopping {
        let what = "early stopping";
        let path = ["early_stopping"];
        check_watched(block, what, &path, &stopping.metric, facts, upstream, rules);
    }
    if let LrScheduler::Plateau { metric, .. } = &block.lr_scheduler {
        let path = ["lr_scheduler", "plateau"];
        check_watched(block, "`plateau`", &path, metric, facts, upstream, rules);
    }
}

/// A threshold is found in one way, on a part that is there, for two classes.
fn check_threshold(
    rule: &ThresholdRule,
    block: &Train,
    upstream: &Upstream<'_>,
    rules: &mut Rules<'_>,
) {
    let path = ["threshold"];
    let data = upstream.output("data");
    let target = data.and_then(|it| it.target.as_ref());
    let answer = target.map_or(Some(block.loss.answer()), |it| it.answer(block.loss));
    if answer.is_some_and(|it| it != Answer::Classes) {
        rules.say(
            &path,
            "`threshold` decides between two classes",
            format!(
                "the loss is `{}`, for {}",
                block.loss.name(),
                answer.map_or("", Answer::name)
            ),
            "leave it out",
        );
        return;
    }
    match rule.ways().as_slice() {
        [_] => {}
        [] => rules.say(
            &path,
            "`threshold` says nothing of how it is found",
            "no rule",
            "write `{maximize: f1}`, `{recall: 0.9}`, `{precision: 0.9}`, `{costs: {false_positive: 1, false_negative: 20}}` or `{at: 0.3}`",
        ),
        [first, second, ..] => rules.say(
            &["threshold", *second],
            format!("`threshold` takes `{first}` or `{second}`, not both"),
            "a second rule",
            "remove one of the two",
        ),
    }
    if let Some(metric) = rule.maximize.filter(|it| !ThresholdRule::can_maximize(*it)) {
        let legal: Vec<String> = Metric::all()
            .filter(|it| ThresholdRule::can_maximize(*it))
            .map(Metric::word)
            .collect();
        let hint = match metric {
            Metric::Recall => {
                "all rows predicted as the class have a recall of 1: write `recall: 0.9`".to_owned()
            }
            _ => format!("legal here: {}", list(legal.iter().map(String::as_str))),
        };
        rules.say(
            &["threshold", "maximize"],
            format!("no threshold maximizes `{}`", metric.word()),
            "",
            &hint,
        );
    }
    let part = rule.on.name();
    let has_not = data
        .and_then(|it| it.parts.as_ref())
        .is_some_and(|it| !it.contains(&part));
    if rule.at.is_none() && has_not {
        rules.say(
            &["threshold"],
            format!(
                "the threshold is chosen on `{part}`, but `{}` has no {part} part",
                block.data
            ),
            "no rows",
            "give `val` a share in the split, or say `on: train`",
        );
    }
}

/// What is for one loss alone.
fn check_losses(block: &Train, upstream: &Upstream<'_>, rules: &mut Rules<'_>) {
    if block.scale_target && block.loss.answer() != Answer::Number {
        rules.say(
            &["scale_target"],
            "`scale_target` is for numeric targets",
            format!("the loss is `{}`, which learns classes", block.loss.name()),
            "leave it out, or take `loss: mse`",
        );
    }
    let target = upstream.output("data").and_then(|it| it.target.as_ref());
    let answer = target.and_then(|it| it.answer(block.loss));
    if block.pos_weight.is_some()
        && (block.loss != Loss::BceWithLogits || answer == Some(Answer::Labels))
    {
        let (label, hint) = match block.loss {
            Loss::BceWithLogits => (
                "there are several targets".to_owned(),
                "take `class_weights`",
            ),
            Loss::CrossEntropy => (
                "the loss is `cross_entropy`".to_owned(),
                "take `class_weights`",
            ),
            other => (format!("the loss is `{}`", other.name()), "remove it"),
        };
        rules.say(
            &["pos_weight"],
            "`pos_weight` is for `bce_with_logits` of one target",
            label,
            hint,
        );
    }
    if block.loss == Loss::CrossEntropy {
        return;
    }
    if let (Some(target), Some(Answer::Labels)) = (target, answer) {
        check_labels(block, &target.names(), rules);
        return;
    }
    let given = [
        ("class_weights", block.class_weights.is_some()),
        ("label_smoothing", block.label_smoothing.is_some()),
    ];
    for (field, _) in given.iter().filter(|it| it.1) {
        let hint = match (*field, block.loss) {
            ("class_weights", Loss::BceWithLogits) => "take `pos_weight`",
            _ => "",
        };
        rules.say(
            &[field],
            format!("`{field}` is for `cross_entropy`"),
            format!("the loss is `{}`", block.loss.name()),
            hint,
        );
    }
}

/// What is for one target alone, and weights by the names of labels.
fn check_labels(block: &Train, names: &[&str], rules: &mut Rules<'_>) {
    if block.label_smoothing.is_some() {
        rules.say(
            &["label_smoothing"],
            "`label_smoothing` is for `cross_entropy`",
            format!("the loss is `{}`", block.loss.name()),
            "",
        );
    }
    let Some(ClassWeights::Named(weights)) = &block.class_weights else {
        return;
    };
    for unknown in weights.keys().filter(|it| !names.contains(&it.as_str())) {
        rules.say(
            &["class_weights", unknown],
            format!("there is no target `{unknown}`"),
            "not a target",
            &format!("the targets are {}", list(names.iter().copied())),
        );
    }
}

/// A metric of which something hangs while training.
fn check_watched(
    block: &Train,
    what: &str,
    path: &[&str],
    metric: &str,
    facts: &Facts,
    upstream: &Upstream<'_>,
    rules: &mut Rules<'_>,
) {
    let metric = metric.replace("valid.", "val.");
    if facts.live_metrics.contains(&metric) {
        return;
    }
    let place = rules.place(&[path, &["metric"]].concat());
    let is_given = place.as_text().is_some();
    let span = if is_given {
        place.span
    } else {
        rules
            .place(path)
            .entries()
            .first()
            .map_or(place.span, |it| it.key_span)
    };
    let legal = || facts.live_metrics.iter().map(String::as_str);
    let has_no_val = upstream
        .output("data")
        .and_then(|it| it.parts.as_ref())
        .is_some_and(|it| !it.contains(&"val"));
    let error = if metric.starts_with("test.") {
        Diagnostic::error(format!("{what} cannot watch the test part"))
            .at(span, "the test part steers nothing")
            .hint("what steers training is no honest test of it: watch `val.loss`")
    } else if metric.starts_with("val.") && has_no_val {
        Diagnostic::error(format!(
            "{what} watches `{metric}`, but `{}` has no val part",
            block.data
        ))
        .at(span, "not measured")
        .hint("give `val` a share in the split, or watch `train.loss`")
    } else {
        let of_reports: Vec<String> = Metric::all()
            .filter(|it| it.is_for(block.loss.answer()) && it.is_number())
            .map(|it| format!("val.{}", it.name()))
            .collect();
        let known = legal().chain(of_reports.iter().map(String::as_str));
        let label = match nearest(&metric, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "not measured".to_owned(),
        };
        let has_val = legal().any(|it| it.starts_with("val."));
        let others = if has_val {
            ", and any metric of evaluate behind `val.`"
        } else {
            ""
        };
        Diagnostic::error(format!("training does not measure `{metric}`"))
            .at(span, label)
            .hint(format!("it measures {}{others}", list(legal())))
    };
    rules.push(error);
}

pub fn check_optimizer(optimizer: &Optimizer, path: &[&str], rules: &mut Rules<'_>) {
    let (name, betas) = match optimizer {
        Optimizer::Sgd(sgd) => {
            if sgd.nesterov && sgd.momentum == 0.0 {
                let path = [path, &["sgd", "nesterov"]].concat();
                let hint = "write `momentum: 0.9` beside it";
                rules.say(&path, "`nesterov` needs momentum", "momentum is 0", hint);
            }
            return;
        }
        Optimizer::Rmsprop(_) => return,
        Optimizer::Adam(it) => ("adam", it.betas),
        Optimizer::Adamw(it) => ("adamw", it.betas),
    };
    for (i, beta) in betas.iter().enumerate() {
        if !(0.0..1.0).contains(beta) {
            let i = i.to_string();
            let mut path = path.to_vec();
            path.extend([name, "betas", &i]);
            rules.say(&path, "`betas` must be at least 0 and below 1", "", "");
        }
    }
}
