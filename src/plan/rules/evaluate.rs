//! Metrics that fit the model, slices by columns that are there.

use pipe_schema::stage::{Evaluate, evaluate::Metric, train::Answer};

use super::{super::upstream::Upstream, Rules};
use crate::spec::suggest::{lacking, list};

/// Checks metrics and slices.
pub fn check(block: &Evaluate, upstream: &Upstream<'_>, rules: &mut Rules<'_>) {
    rules.say_repeated("metrics", &block.metrics);
    slices(block, upstream, rules);
    let model = upstream.output("model");
    let Some((loss, answer)) = model.and_then(|it| it.loss.zip(it.answer)) else {
        return;
    };
    let trained = match answer {
        Answer::Classes => "classes",
        Answer::Number => "numbers",
        Answer::Labels => "labels",
        Answer::Numbers => "numbers of several targets",
    };
    if block.positive.is_some() && answer != Answer::Classes {
        rules.say(
            &["positive"],
            "`positive` names a class",
            format!("the model is trained with {}, for {trained}", loss.name()),
            "remove it",
        );
    }
    for (i, metric) in block.metrics.iter().enumerate() {
        if metric.is_for(answer) {
            continue;
        }
        let measures = metric.measures(answer);
        let legal: Vec<String> = Metric::all()
            .filter(|it| it.is_for(answer))
            .map(Metric::word)
            .collect();
        let legal = list(legal.iter().map(String::as_str));
        let hint = format!("metrics that fit: {legal}");
        rules.say(
            &["metrics", &i.to_string()],
            format!("`{}` measures {measures}", metric.word()),
            format!("the model is trained with {}, for {trained}", loss.name()),
            &hint,
        );
    }
}

fn slices(block: &Evaluate, upstream: &Upstream<'_>, rules: &mut Rules<'_>) {
    let slices = &block.slices;
    let data = upstream.output("data");
    for (i, by) in slices.iter().enumerate() {
        let at = i.to_string();
        let column = &by.column;
        let before = slices[..i].iter().map(|it| &it.column);
        if before.into_iter().any(|it| it == column) {
            rules.say(
                &["slices", &at],
                format!("`slices` has the column `{column}` twice"),
                "given again here",
                "one way of cutting a column is enough: another needs an evaluate stage of its own",
            );
        }
        if by.bins.windows(2).any(|it| it[0] >= it[1]) {
            rules.say(
                &["slices", &at, "bins"],
                "`bins` must rise",
                "each must be greater than the one before",
                "`[30, 50]` makes three slices: `< 30`, `30 to < 50`, `>= 50`",
            );
        }
        let Some(data) = data else { continue };
        let target = data.target.as_ref();
        if target.is_some_and(|it| it.names().contains(&column.as_str())) {
            rules.say(
                &["slices", &at, "column"],
                format!("`{column}` is the target"),
                "slices are by other columns",
                "a report tells of each class by itself",
            );
            continue;
        }
        let known: Option<Vec<&str>> = data
            .columns
            .as_ref()
            .map(|it| it.iter().map(String::as_str).collect());
        if let Some(known) = known.filter(|it| !it.contains(&column.as_str())) {
            let span = rules.place(&["slices", &at, "column"]).span;
            rules.push(lacking(&block.data.stage, "column", column, &known, span));
        }
    }
}
