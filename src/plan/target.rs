//! Whether a target means classes or a number, where that is known before its values are read: by a declared type, by a
//! glance at the table, by the loss that is trained with. What is left open, preprocess tells from the values.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use pipe_schema::stage::{
    Preprocess, Task,
    preprocess::ColumnType,
    train::{Answer, Loss, Train},
};

use super::{
    Evidence, Loader, Stage, StageId, columns,
    rules::Rules,
    wiring::{Facts, Output},
};

/// What is known of a dataset's target.
#[derive(Clone, Debug)]
pub struct Target {
    name: String,
    declared: Option<ColumnType>,
    evidence: Option<Evidence>,
}

impl Target {
    /// Of a preprocess stage.
    pub fn of(block: &Preprocess, loader: &dyn Loader) -> Self {
        let path = columns::first_path(block);
        Self {
            name: block.target.clone(),
            declared: block.columns.get(&block.target).copied(),
            evidence: path.and_then(|it| loader.evidence(&it, &block.reading(), &block.target)),
        }
    }
}

/// Says where the loss is not for this target.
pub fn check(block: &Train, data: Option<&Output>, rules: &mut Rules<'_>) {
    let Some(target) = data.and_then(|it| it.target.as_ref()) else {
        return;
    };
    let (name, stage) = (&target.name, &block.data.stage);
    let answer = block.loss.answer();
    let needed = answer.name();
    let (other, fitting) = match answer {
        Answer::Classes => (Answer::Number.usual_loss().name(), "categorical"),
        Answer::Number => (Answer::Classes.usual_loss().name(), "numeric"),
    };
    let (label, hint) = match (answer, target.declared, &target.evidence) {
        (Answer::Number, Some(declared @ (ColumnType::Categorical | ColumnType::Boolean)), _)
        | (Answer::Classes, Some(declared @ ColumnType::Numeric), _) => (
            format!("`{stage}` declares it {}", declared.name()),
            format!("take `loss: {other}`, or declare it: `columns: {{{name}: {fitting}}}`"),
        ),
        (Answer::Number, _, Some(Evidence::Word(word))) => (
            format!("it has words, such as `{word}`"),
            format!("take `loss: {other}`, or another target"),
        ),
        (Answer::Classes, None, Some(Evidence::Fraction(number))) => (
            format!("it has fractions, such as `{number}`"),
            format!(
                "take `loss: {other}`, or declare it in `{stage}`: `columns: {{{name}: {fitting}}}`"
            ),
        ),
        _ => return,
    };
    let title = format!("the loss needs {needed}, which the target `{name}` is not");
    rules.say(&["loss"], title, label, &hint);
}

/// Makes a target a number where all that is trained and measured on it takes it for one: a few whole numbers alone
/// would be taken for classes.
pub fn settle(stages: &mut IndexMap<StageId, Stage>, facts: &[Vec<Facts>]) {
    let models: HashMap<&str, Answer> = facts
        .iter()
        .flatten()
        .filter_map(|it| {
            Some((
                it.id.as_str(),
                it.outputs.get("main")?.loss.map(Loss::answer)?,
            ))
        })
        .collect();
    let mut answers: HashMap<StageId, HashSet<Answer>> = HashMap::new();
    for stage in stages.values() {
        let read = |role: &str| stage.inputs.iter().find(|it| it.role == role);
        let answer = match &stage.task {
            Task::Train(block) => Some(block.loss.answer()),
            Task::Evaluate(_) => {
                read("model").and_then(|it| models.get(it.stage.as_str()).copied())
            }
            _ => None,
        };
        if let (Some(data), Some(answer)) = (read("data"), answer) {
            answers
                .entry(data.stage.clone())
                .or_default()
                .insert(answer);
        }
    }
    for (id, answers) in answers {
        if answers.contains(&Answer::Number)
            && answers.len() == 1
            && let Some(stage) = stages.get_mut(&id)
            && let Task::Preprocess(block) = &mut stage.task
        {
            let declared = block.columns.entry(block.target.clone());
            declared.or_insert(ColumnType::Numeric);
        }
    }
}
