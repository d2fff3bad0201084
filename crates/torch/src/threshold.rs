//! The threshold of a model: chosen on a part by a rule, with its figures and its curve. Knows no stage.

use std::{fs, path::Path};

use pipe_plot::{Axis, Chart, Line};
use pipe_schema::{
    dataset::Target,
    model::{ClassThreshold, DecisionThreshold},
    report::{Metrics, PLOTS_FOLDER},
    stage::{evaluate::Metric, train::ThresholdRule},
};
use tch::Tensor;

use crate::{
    answer::{Answers, Form},
    error::{Error, Result},
    measure::outputs,
    metric::{
        ranking::{self, Step},
        threshold::{Cut, NoCut, choose, cost, cuts, value},
    },
    model::Net,
    rows::Rows,
};

/// Points of a curve.
const POINTS: usize = 500;

/// A threshold, and the picture of the rows that it was chosen on.
pub struct Chosen {
    pub threshold: DecisionThreshold,
    pub picture: Option<String>,
}

impl Chosen {
    /// Writes the picture into a model's folder.
    pub fn draw(&self, folder: &Path) -> Result<()> {
        let Some(picture) = &self.picture else {
            return Ok(());
        };
        let folder = folder.join(PLOTS_FOLDER);
        let path = folder.join("threshold.svg");
        fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, &error))?;
        fs::write(&path, picture).map_err(|error| Error::io(&path, &error))
    }
}

/// Refuses a target that has not two classes.
pub fn check_two_classes(target: &Target) -> Result<()> {
    let (name, classes) = (&target.name, target.classes().len());
    if classes == 2 {
        return Ok(());
    }
    let has = match classes {
        0 => "none".to_owned(),
        some => some.to_string(),
    };
    Err(Error::wrong(format!(
        "threshold: it decides between two classes, the target `{name}` has {has}"
    ))
    .hint("leave `threshold` out: the most probable class is predicted"))
}

/// Finds the threshold by its rule. `rows` are those of the rule's part.
pub fn find(
    rule: &ThresholdRule,
    target: &Target,
    net: &Net,
    rows: Option<&Rows>,
) -> Result<Chosen> {
    check_two_classes(target)?;
    // Of two classes there is one.
    let positive = target
        .positive_class()
        .ok_or_else(|| Error::bug("two classes without a positive one"))?;
    let class = positive.class;
    if let Some(at) = rule.at {
        let of = ClassThreshold { class, at };
        return Ok(Chosen {
            threshold: DecisionThreshold {
                of,
                rule: rule.clone(),
                figures: Metrics::new(),
            },
            picture: None,
        });
    }
    let part = rule.on.name();
    let rows = rows.ok_or_else(|| no_rows(part))?;
    let steps = steps(net, rows, target, &class)?;
    let cut = choose(rule, &steps).map_err(|why| refusal(why, &class, part))?;
    let mut figures = Metrics::new();
    for metric in [Metric::Precision, Metric::Recall, Metric::F1]
        .into_iter()
        .chain(rule.maximize)
    {
        figures.extend(value(metric, cut.counts).map(|it| (metric.name(), it)));
    }
    let cost = rule.costs.map(|costs| cost(cut.counts, costs));
    figures.extend(cost.map(|it| ("cost".to_owned(), it)));
    let note = format!("of `{class}`, on the {part} part; dashed: {:.4}", cut.at);
    let picture = chart(&steps, cut.at, note);
    let of = ClassThreshold { class, at: cut.at };
    Ok(Chosen {
        threshold: DecisionThreshold {
            of,
            rule: rule.clone(),
            figures,
        },
        picture: Some(picture),
    })
}

/// A line for people.
pub fn told(threshold: &DecisionThreshold) -> String {
    let ClassThreshold { class, at } = &threshold.of;
    if threshold.figures.is_empty() {
        return format!("threshold: `{class}` from a probability of {at} on");
    }
    let part = threshold.rule.on.name();
    let figures = threshold.figures.iter();
    let figures: Vec<String> = figures
        .map(|(name, value)| format!("{name} {value:.4}"))
        .collect();
    let figures = figures.join(", ");
    format!("threshold: `{class}` from a probability of {at:.4} on; on the {part} part {figures}")
}

/// Precision, recall and F1 by threshold, with the one in use.
pub fn chart(steps: &[Step], at: f64, note: String) -> String {
    let all = cuts(steps);
    let every = all.len().div_ceil(POINTS).max(1);
    let last = all.len() - 1;
    let drawn: Vec<&Cut> = all
        .iter()
        .enumerate()
        .filter(|(at, _)| at.is_multiple_of(every) || *at == last)
        .map(|(_, cut)| cut)
        .collect();
    let line = |name: &str, metric| Line {
        name: name.to_owned(),
        points: drawn
            .iter()
            .filter_map(|cut| Some((cut.at.min(1.0), value(metric, cut.counts)?)))
            .collect(),
        ..Line::default()
    };
    let axis = |label: &str| Axis {
        label: label.to_owned(),
        range: Some((0.0, 1.0)),
    };
    let chart = Chart {
        title: "Threshold".to_owned(),
        note,
        x: axis("probability from which on it is predicted"),
        y: axis("value"),
        lines: vec![
            line("precision", Metric::Precision),
            line("recall", Metric::Recall),
            line("f1", Metric::F1),
        ],
        guides: vec![[(at.min(1.0), 0.0), (at.min(1.0), 1.0)]],
    };
    chart.svg()
}

/// How the class's probability ranks the rows.
fn steps(net: &Net, rows: &Rows, target: &Target, class: &str) -> Result<Vec<Step>> {
    let form = Form::of(target);
    let outputs = outputs(net, rows)?;
    let answers = Answers::of_rows(&outputs, rows.len() as usize, &form)
        .map_err(|error| Error::wrong(format!("threshold: the model gives {}", error.value)))?;
    let Answers::Classes { probabilities, .. } = answers else {
        return Err(Error::bug("a threshold of a model without classes"));
    };
    let class = target.classes().iter().position(|name| name == class);
    let class = class.ok_or_else(|| Error::bug("a positive class that is none"))?;
    let truth = classes_of(&rows.target)?;
    let rows = probabilities.chunks_exact(2).zip(truth);
    Ok(ranking::steps(rows.map(|(row, truth)| {
        (f64::from(row[class]), truth == class as i64)
    })))
}

fn classes_of(target: &Tensor) -> Result<Vec<i64>> {
    Ok(Vec::try_from(target.f_to_device(tch::Device::Cpu)?)?)
}

fn no_rows(part: &str) -> Error {
    Error::wrong(format!(
        "threshold: it is chosen on the {part} part, which has no rows"
    ))
    .hint("give it a share in the `split` of the preprocess stage, or say `on: train`")
}

fn refusal(why: NoCut, class: &str, part: &str) -> Error {
    match why {
        NoCut::NoPositives => Error::wrong(format!(
            "threshold: the {part} part, on which it is chosen, has no row of the class `{class}`"
        ))
        .hint("`stratify` gives each part rows of each class"),
        NoCut::NoNegatives => Error::wrong(format!(
            "threshold: all rows of the {part} part, on which it is chosen, are of the class `{class}`"
        ))
        .hint("`stratify` gives each part rows of each class"),
        NoCut::TooPrecise { highest, recall } => Error::wrong(format!(
            "threshold: none gives this precision on the {part} part: the highest is {highest:.4}, with a recall of {recall:.4}"
        ))
        .hint("ask for less, or `maximize: f1`"),
    }
}
