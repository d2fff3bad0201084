//! Whether targets mean classes, labels or numbers, where that is known before its values are read: by a declared type, by a
//! glance at the table, by the loss that is trained with. What is left open, preprocess tells from the values.

use std::collections::{HashMap, HashSet};

use pipe_schema::stage::{
    Preprocess, Task,
    preprocess::{ColumnType, DeclaredColumn},
    train::{Answer, Loss, Train},
};

use super::{
    Evidence, Loader, StageId, Stages, columns,
    rules::Rules,
    wiring::{Facts, Output},
};
use crate::spec::suggest::list;

/// What is known of a dataset's targets.
#[derive(Clone, Debug)]
pub struct Target {
    columns: Vec<Column>,
    /// The positive class that is named.
    positive: Option<String>,
}

/// A column to predict.
#[derive(Clone, Debug)]
struct Column {
    name: String,
    declared: Option<ColumnType>,
    evidence: Option<Evidence>,
}

impl Target {
    /// Of a preprocess stage.
    pub fn of(block: &Preprocess, loader: &dyn Loader) -> Self {
        let files = columns::files(block);
        let evidence = |name: &str| {
            let mut files = files.iter();
            files.find_map(|(path, read)| loader.evidence(path, read, name))
        };
        let columns = block.target.iter().map(|name| Column {
            name: name.clone(),
            declared: block.columns.get(name).map(DeclaredColumn::r#type),
            evidence: evidence(name),
        });
        Self {
            columns: columns.collect(),
            positive: block.target.positive().map(ToString::to_string),
        }
    }

    /// Names of the columns.
    pub fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|it| it.name.as_str()).collect()
    }

    /// What a network that is trained with this loss answers; nothing where the loss is not for so many targets.
    pub fn answer(&self, loss: Loss) -> Option<Answer> {
        match self.columns.len() {
            1 => Some(loss.answer()),
            _ => loss.answer_of_several(),
        }
    }
}

/// Says where the loss is not for this target.
pub fn check(block: &Train, data: Option<&Output>, rules: &mut Rules<'_>) {
    let Some(target) = data.and_then(|it| it.target.as_ref()) else {
        return;
    };
    let (loss, stage) = (block.loss, &block.data.stage);
    let Some(answer) = target.answer(loss) else {
        let names = target.names();
        rules.say(
            &["loss"],
            format!("`{}` is for one target", loss.name()),
            format!("`{stage}` has {}: {}", names.len(), list(names.into_iter())),
            "take `bce_with_logits` for yes or no, `mse` for numbers",
        );
        return;
    };
    if let (Some(class), false) = (&target.positive, answer == Answer::Classes) {
        let names = target.names();
        rules.say(
            &["loss"],
            format!(
                "the loss learns {}, which has no positive class",
                answer.name()
            ),
            format!(
                "`{stage}` names `{class}` as that of `{}`",
                names.join(", ")
            ),
            "take `cross_entropy` or `bce_with_logits`, or leave `positive` out",
        );
        return;
    }
    let misfit = target
        .columns
        .iter()
        .find_map(|it| Some((&it.name, it.misfit(answer, stage)?)));
    if let Some((name, (label, hint))) = misfit {
        let needed = answer.name();
        let title = format!("the loss needs {needed}, which the target `{name}` is not");
        rules.say(&["loss"], title, label, &hint);
    }
}

impl Column {
    /// Why it is nothing of which this can be learned, and what to do.
    fn misfit(&self, answer: Answer, stage: &str) -> Option<(String, String)> {
        let name = &self.name;
        let (is_number, other, fitting) = match answer {
            Answer::Classes => (false, Answer::Number, "categorical"),
            Answer::Labels => (false, Answer::Numbers, "boolean"),
            Answer::Number => (true, Answer::Classes, "numeric"),
            Answer::Numbers => (true, Answer::Labels, "numeric"),
        };
        let other = other.usual_loss().name();
        match (self.declared, &self.evidence) {
            (Some(declared), _) if is_number != (declared == ColumnType::Numeric) => Some((
                format!("`{stage}` declares it {}", declared.name()),
                format!("take `loss: {other}`, or declare it: `columns: {{{name}: {fitting}}}`"),
            )),
            (_, Some(Evidence::Word(word))) if is_number => Some((
                format!("it has words, such as `{word}`"),
                format!("take `loss: {other}`, or another target"),
            )),
            (None, Some(Evidence::Fraction(number))) if !is_number => Some((
                format!("it has fractions, such as `{number}`"),
                format!(
                    "take `loss: {other}`, or declare it in `{stage}`: `columns: {{{name}: {fitting}}}`"
                ),
            )),
            _ => None,
        }
    }
}

/// Makes targets numbers where all that is trained and measured on them takes them for such: a few whole numbers alone
/// would be taken for classes.
pub fn settle(stages: &mut Stages, facts: &[Vec<Facts>]) {
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
            for name in block.target.iter() {
                let declared = block.columns.entry(name.clone());
                declared.or_insert(ColumnType::Numeric.into());
            }
        }
    }
}
