//! Pictures of a report: of classes the confusion matrix, ROC, precision and recall, of two the threshold, calibration; of labels
//! ROC, precision and recall, calibration; of numbers residuals.
//! Says what is drawn; not how an SVG is written.

use std::{fs, path::Path};

use pipe_plot::{Axis, Chart, Heatmap, Line};
use pipe_schema::report::PLOTS_FOLDER;

use crate::{
    answer::{Form, Threshold},
    error::{Error, Result},
    metric::{
        self, Classes, Labels, Numbers, Several,
        calibration::{self, Bin},
        ranking::{self, Step},
    },
    paired::Paired,
    threshold,
};

/// Classes up to which the confusion matrix is drawn.
const CELLS: usize = 60;
/// Curves in one picture.
const CURVES: usize = 10;
/// Points of a curve.
const POINTS: usize = 500;
/// Rows drawn as dots.
const DOTS: usize = 2000;
const BINS: usize = 10;
/// Targets whose residuals are drawn.
const TARGETS: usize = 12;

/// Writes all pictures that the answers have.
pub fn write(
    folder: &Path,
    paired: &Paired,
    form: &Form,
    threshold: Option<Threshold>,
) -> Result<()> {
    let names = form.names();
    let pictures = match paired.answers() {
        metric::Answers::Classes(classes) => named(of_classes(&classes, names, threshold)),
        metric::Answers::Numbers(numbers) => named(vec![(
            "residuals",
            residuals(&numbers, "Residuals".to_owned()),
        )]),
        metric::Answers::Labels(labels) => named(of_labels(&labels, names)),
        metric::Answers::Several(several) => of_several(&several, names),
    };
    let folder = folder.join(PLOTS_FOLDER);
    fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, &error))?;
    for (name, svg) in pictures {
        let path = folder.join(format!("{name}.svg"));
        fs::write(&path, svg).map_err(|error| Error::io(&path, &error))?;
    }
    Ok(())
}

fn named(pictures: Vec<(&str, String)>) -> Vec<(String, String)> {
    let pictures = pictures.into_iter();
    pictures.map(|(name, svg)| (name.to_owned(), svg)).collect()
}

/// Residuals of the first targets, one picture each.
fn of_several(several: &Several, names: &[String]) -> Vec<(String, String)> {
    let each = several.targets().zip(names).take(TARGETS).enumerate();
    each.map(|(at, (numbers, name))| {
        let title = format!("Residuals of {}", pipe_plot::short(name, 40));
        (format!("residuals_{}", at + 1), residuals(&numbers, title))
    })
    .collect()
}

fn of_labels(labels: &Labels, names: &[String]) -> Vec<(&'static str, String)> {
    let curves: Vec<(&str, Vec<Step>)> = names
        .iter()
        .map(String::as_str)
        .zip(labels.curves())
        .collect();
    let mut pictures = Vec::new();
    pictures.extend(roc(&curves, "labels").map(|it| ("roc", it)));
    pictures.extend(precision_recall(&curves, "labels").map(|it| ("precision_recall", it)));
    let forecasts = labels.forecasts();
    pictures.push(("calibration", calibration(forecasts, "of all labels")));
    pictures
}

fn of_classes(
    classes: &Classes,
    names: &[String],
    threshold: Option<Threshold>,
) -> Vec<(&'static str, String)> {
    let mut pictures = Vec::new();
    if names.len() <= CELLS {
        let map = Heatmap {
            title: "Confusion matrix".to_owned(),
            rows_label: "true".to_owned(),
            columns_label: "predicted".to_owned(),
            names: names.to_vec(),
            cells: classes.confusion(),
        };
        pictures.push(("confusion_matrix", map.svg()));
    }
    let curves: Vec<(&str, Vec<Step>)> = classes
        .looked_for()
        .map(|class| (names[class].as_str(), classes.curve(class)))
        .collect();
    pictures.extend(roc(&curves, "classes").map(|it| ("roc", it)));
    pictures.extend(precision_recall(&curves, "classes").map(|it| ("precision_recall", it)));
    if let (Some(class), 2) = (classes.positive, classes.count) {
        let at = threshold.map_or(0.5, |it| {
            if it.class == class {
                it.at
            } else {
                1.0 - it.at
            }
        });
        let note = format!("of `{}`; dashed: {at:.4}", names[class]);
        let chart = threshold::chart(&classes.curve(class), at, note);
        pictures.push(("threshold", chart));
    }
    let of = match classes.positive {
        Some(class) => format!("of `{}`", names[class]),
        None => "of the predicted class".to_owned(),
    };
    pictures.push(("calibration", calibration(classes.forecasts(), &of)));
    pictures
}

/// A curve with what it comes to.
struct Curve {
    value: f64,
    line: Line,
}

fn roc(curves: &[(&str, Vec<Step>)], noun: &str) -> Option<String> {
    let curve = |steps: &[Step]| {
        let value = ranking::area(steps)?;
        let last = *steps.last()?;
        let share = |step: &Step| {
            (
                step.alarms as f64 / last.alarms as f64,
                step.hits as f64 / last.hits as f64,
            )
        };
        let mut points = vec![(0.0, 0.0)];
        points.extend(thinned(steps).map(share));
        Some((value, points))
    };
    let (lines, note) = chosen(curves, noun, "area", curve)?;
    let chart = Chart {
        title: "ROC".to_owned(),
        note,
        x: share("share of the other rows that are taken for it"),
        y: share("share of its rows that are found"),
        lines,
        guides: vec![[(0.0, 0.0), (1.0, 1.0)]],
    };
    Some(chart.svg())
}

fn precision_recall(curves: &[(&str, Vec<Step>)], noun: &str) -> Option<String> {
    let curve = |steps: &[Step]| {
        let value = ranking::precision(steps)?;
        let last = *steps.last()?;
        let mut points = Vec::new();
        for step in thinned(steps) {
            let recall = step.hits as f64 / last.hits as f64;
            let precision = step.hits as f64 / (step.hits + step.alarms) as f64;
            if points.is_empty() {
                points.push((0.0, precision));
            }
            points.push((recall, precision));
            // With all rows found, more alarms say nothing.
            if step.hits == last.hits {
                break;
            }
        }
        Some((value, points))
    };
    let (lines, note) = chosen(curves, noun, "average precision", curve)?;
    let chart = Chart {
        title: "Precision and recall".to_owned(),
        note,
        x: share("recall"),
        y: share("precision"),
        lines,
        guides: Vec::new(),
    };
    Some(chart.svg())
}

/// The curves that are drawn, and what is said of them: all, or those of the worst classes or labels.
fn chosen(
    curves: &[(&str, Vec<Step>)],
    noun: &str,
    what: &str,
    curve: impl Fn(&[Step]) -> Option<(f64, Vec<(f64, f64)>)>,
) -> Option<(Vec<Line>, String)> {
    let only = curves.first().filter(|_| curves.len() == 1);
    let mut curves: Vec<Curve> = curves
        .iter()
        .filter_map(|(name, steps)| {
            let (value, points) = curve(steps)?;
            let line = Line {
                name: format!("{} · {value:.3}", pipe_plot::short(name, 18)),
                points,
                ..Line::default()
            };
            Some(Curve { value, line })
        })
        .collect();
    let all = curves.len();
    let note = match (all, only) {
        (0, _) => return None,
        (_, Some((name, _))) => format!("of `{name}`; {what} {:.4}", curves[0].value),
        (..=CURVES, _) if noun == "classes" => {
            format!("each class against the rest, with its {what}")
        }
        (..=CURVES, _) => format!("each of the {noun}, with its {what}"),
        _ => format!("the {CURVES} of {all} {noun} with the lowest {what}"),
    };
    if all > CURVES {
        curves.sort_by(|a, b| a.value.total_cmp(&b.value));
        curves.truncate(CURVES);
    }
    Some((curves.into_iter().map(|it| it.line).collect(), note))
}

/// Enough steps for the eye, the last among them.
fn thinned(steps: &[Step]) -> impl Iterator<Item = &Step> {
    let every = steps.len().div_ceil(POINTS).max(1);
    let last = steps.len().saturating_sub(1);
    let kept = move |at: usize| at.is_multiple_of(every) || at == last;
    steps
        .iter()
        .enumerate()
        .filter_map(move |(at, step)| kept(at).then_some(step))
}

/// How often a thing is true where it is given so much; of all probabilities, with whether each is true.
fn calibration(forecasts: impl Iterator<Item = (f64, bool)>, of: &str) -> String {
    let bins = calibration::bins(forecasts, BINS);
    let error = calibration::expected_error(&bins);
    let chart = Chart {
        title: "Calibration".to_owned(),
        note: format!("{of}, in tenths; mean distance from the diagonal {error:.3}"),
        x: share("probability given"),
        y: share("share that is right"),
        lines: vec![Line {
            points: bins.iter().filter_map(Bin::point).collect(),
            tips: bins
                .iter()
                .filter(|bin| bin.rows > 0)
                .map(|bin| format!("{} of {} rows", bin.hits, bin.rows))
                .collect(),
            has_dots: true,
            ..Line::default()
        }],
        guides: vec![[(0.0, 0.0), (1.0, 1.0)]],
    };
    chart.svg()
}

fn residuals(numbers: &Numbers, title: String) -> String {
    let rows = numbers.truth.len();
    let every = rows.div_ceil(DOTS).max(1);
    let pairs = numbers.predicted.iter().zip(numbers.truth);
    let points: Vec<(f64, f64)> = pairs.step_by(every).map(|(p, y)| (*p, y - p)).collect();
    let ends = points.iter().map(|it| it.0);
    let low = ends.clone().fold(f64::INFINITY, f64::min);
    let high = ends.fold(f64::NEG_INFINITY, f64::max);
    let note = match every {
        1 => format!("{rows} rows"),
        _ => format!("{} of {rows} rows, evenly taken", points.len()),
    };
    let chart = Chart {
        title,
        note,
        x: Axis {
            label: "predicted".to_owned(),
            range: None,
        },
        y: Axis {
            label: "true - predicted".to_owned(),
            range: None,
        },
        lines: vec![Line {
            points,
            is_cloud: true,
            ..Line::default()
        }],
        guides: vec![[(low, 0.0), (high, 0.0)]],
    };
    chart.svg()
}

/// An axis from 0 to 1.
fn share(label: &str) -> Axis {
    Axis {
        label: label.to_owned(),
        range: Some((0.0, 1.0)),
    }
}
