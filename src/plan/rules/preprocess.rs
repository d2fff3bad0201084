//! Rules of preprocess blocks. Knows words of columns, not the columns of a file.

use pipe_data::find_class;
use pipe_schema::{
    reference::PathOrStage,
    stage::preprocess::{
        ColumnType, DeclaredColumn, FilesSplit, FoldPart, KfoldSplit, Preprocess, SourceColumns,
        Split,
    },
};

use super::{Rules, join, notation, read, step, windows};
use crate::spec::Diagnostic;

const SMALLEST_DIFFERENCE: f64 = 1e-9;

pub fn check(block: &Preprocess, rules: &mut Rules<'_>) {
    check_source(block, rules);
    check_selection(block, rules);
    check_split(&block.split, rules);
    read::check(
        &block.source.read,
        block.reading().form(),
        &["source", "read"],
        rules,
    );
    for (i, it) in block.source.join.0.iter().enumerate() {
        join::check(it, &i.to_string(), rules);
    }
    check_target(block, rules);
    notation::check(block, rules);
    if let Some(windows) = &block.windows {
        windows::check(windows, &block.split, rules);
    }
    // Of the past of the target there is a column.
    let has_past = block.windows.as_ref().is_some_and(|it| it.with_target);
    let targets = if has_past { &[][..] } else { &block.target };
    for (i, step) in block.steps.iter().enumerate() {
        step::check(
            step,
            &["steps", &i.to_string(), step.name()],
            targets,
            rules,
        );
    }
}

fn check_target(block: &Preprocess, rules: &mut Rules<'_>) {
    if block.target.is_empty() {
        let hint = "name the column to predict: `target: price`";
        rules.say(&["target"], "`target` must name a column", "", hint);
    }
    for (i, name) in block.target.iter().enumerate() {
        if name.is_empty() {
            let i = i.to_string();
            let is_map = block.target.positive().is_some();
            let place = if is_map { "column" } else { &i };
            rules.say(&["target", place], "`target` must name a column", "", "");
        }
    }
    check_positive(block, rules);
    rules.say_repeated("target", &block.target);
    for name in block.target.iter() {
        if let Some(ColumnType::Datetime | ColumnType::Text | ColumnType::Image) =
            block.columns.get(name).map(DeclaredColumn::r#type)
        {
            rules.say(
                &["columns", name],
                "only classes and numbers can be predicted",
                "of the target",
                "write `categorical`, `boolean` or `numeric`",
            );
        }
    }
    if !block.target.are_several() {
        return;
    }
    let declared = |name: &String| Some((name.clone(), block.columns.get(name)?.r#type()));
    let mut kinds = block.target.iter().filter_map(declared);
    let first = kinds.next();
    for (name, kind) in first.iter().cloned().chain(kinds) {
        let label = match &first {
            _ if kind == ColumnType::Categorical => {
                format!("`{name}` is declared {}", kind.name())
            }
            Some((other, before)) if *before != kind => {
                format!("`{other}` is declared {}", before.name())
            }
            _ => continue,
        };
        rules.say(
            &["columns", &name],
            "several targets are all numeric or all boolean",
            label,
            "predict columns of another kind in a stage of their own",
        );
    }
}

/// A positive class is one of the target's, which has classes.
fn check_positive(block: &Preprocess, rules: &mut Rules<'_>) {
    let (Some(class), [name]) = (block.target.positive(), &*block.target) else {
        return;
    };
    let path = ["target", "positive"];
    match block.columns.get(name).map(DeclaredColumn::r#type) {
        Some(ColumnType::Numeric) => rules.say(
            &path,
            "a number has no positive class",
            format!("`{name}` is declared numeric"),
            &format!("remove `positive`, or declare classes: `columns: {{{name}: categorical}}`"),
        ),
        Some(ColumnType::Boolean) => {
            let names = ["false", "true"].map(str::to_owned);
            if find_class(&names, class).is_none() {
                rules.say(
                    &path,
                    format!("there is no class `{class}`"),
                    format!("`{name}` is declared boolean"),
                    "write `true` or `false`",
                );
            }
        }
        _ => {}
    }
}

fn check_source(block: &Preprocess, rules: &mut Rules<'_>) {
    let has_files = matches!(block.split, Split::Files(_));
    let named = block.source.named();
    let mut words: Vec<&str> = named.iter().map(|it| it.0.name()).collect();
    words.extend(block.source.from.as_ref().map(|_| "from"));
    let has_paths = named.iter().any(|it| !it.1.is_empty()) || block.source.from.is_some();
    match words.as_slice() {
        [first, second, ..] => rules.say(
            &["source"],
            format!("`source` takes `{first}` or `{second}`, not both"),
            "two sources",
            "remove one of the two",
        ),
        [_] if has_paths && has_files => rules.say(
            &["source"],
            "the rows come from `split.files`",
            "a second source",
            &format!("remove `{}` here; `read` may stay", words[0]),
        ),
        _ if !has_paths && !has_files && !rules.is_doubtful(&["source"]) => {
            let head = rules
                .place(&["source"])
                .entries()
                .first()
                .map_or(rules.head(), |it| it.key_span);
            rules.push(
                Diagnostic::error("`preprocess` lacks a source of rows")
                    .at(head, "expected `source: {csv: …}`")
                    .hint("a path, a glob or a list: `source: {csv: data/rows.csv}`"),
            );
        }
        _ => {}
    }
    for (form, files) in &named {
        let is_url = |it: &PathOrStage| matches!(it, PathOrStage::Url(_));
        if form.reads_names() && files.iter().any(is_url) {
            rules.say(
                &["source", form.name()],
                "files that are labelled by their folders are not fetched one by one",
                "a url",
                "fetch and unpack them by a command stage, and read its output",
            );
        }
    }
    if block
        .source
        .idx
        .as_ref()
        .is_some_and(|it| it.names.is_empty() && !it.files.is_empty())
    {
        rules.say(
            &["source", "idx"],
            "`idx` takes a file for each column",
            "no column is named",
            "name them: `idx: {pixel: train-images.gz, label: train-labels.gz}`",
        );
    }
    if let (Some(form), [(named, _)]) = (block.source.read.form, named.as_slice())
        && form != *named
    {
        rules.say(
            &["source", "read", "form"],
            format!("the source is `{}`, not `{}`", named.name(), form.name()),
            "another form",
            "remove one of the two",
        );
    }
}

/// Checks that `source.columns` names columns, each once.
fn check_selection(block: &Preprocess, rules: &mut Rules<'_>) {
    let Some(columns) = &block.source.columns else {
        return;
    };
    let names = columns.names();
    if names.is_empty() {
        let hint = "name the columns that are read, or leave `columns` out: all are read then";
        rules.say(
            &["source", "columns"],
            "`columns` names no column",
            "",
            hint,
        );
    }
    for (i, name) in names.iter().enumerate() {
        if names[..i].contains(name) {
            let i = i.to_string();
            let place: &[&str] = match columns {
                SourceColumns::Only(_) => &["source", "columns", &i],
                SourceColumns::Except(_) => &["source", "columns", "except", &i],
            };
            rules.say(
                place,
                "`columns` has an entry twice",
                "given again here",
                "remove it",
            );
        }
    }
}

fn check_split(split: &Split, rules: &mut Rules<'_>) {
    match split {
        Split::Random(it) => check_shares(split, [it.train, it.val, it.test], rules),
        Split::Group(it) => check_shares(split, [it.train, it.val, it.test], rules),
        Split::Time(it) => check_shares(split, [it.train, it.val, it.test], rules),
        Split::Kfold(it) => check_folds(it, rules),
        Split::Files(it) => check_files(it, rules),
    }
}

fn check_shares(split: &Split, [train, val, test]: [f64; 3], rules: &mut Rules<'_>) {
    let sum = train + val + test;
    if (sum - 1.0).abs() > SMALLEST_DIFFERENCE {
        let sum = (sum * 1e6).round() / 1e6;
        let shares = format!("{train} + {val} + {test} = {sum}");
        rules.say(
            &["split", split.name()],
            "the shares of a split must add up to 1",
            shares,
            "a part that is not given has the share 0",
        );
    } else if train <= 0.0 {
        rules.say(
            &["split", split.name(), "train"],
            "the train part must have a share above 0",
            "",
            "",
        );
    }
}

fn check_folds(split: &KfoldSplit, rules: &mut Rules<'_>) {
    if split.fold >= split.folds {
        rules.say(
            &["split", "kfold", "fold"],
            format!("there is no fold {} of {}", split.fold, split.folds),
            "",
            "folds are numbered from 0; `folds` says how many there are",
        );
    }
    if split.val >= 1.0 || (split.val > 0.0 && split.part == FoldPart::Val) {
        let (title, hint) = if split.part == FoldPart::Val {
            (
                "with `part: val` the fold is the val part",
                "remove one of the two",
            )
        } else {
            (
                "`val` must be below 1",
                "something must be left to train on",
            )
        };
        rules.say(&["split", "kfold", "val"], title, "", hint);
    }
}

fn check_files(split: &FilesSplit, rules: &mut Rules<'_>) {
    for (part, files) in [("val", &split.val), ("test", &split.test)] {
        if !files.is_empty() && files.names != split.train.names {
            let columns = match split.train.names.as_slice() {
                [] => "a list of files".to_owned(),
                names => format!("a file for each of `{}`", names.join("`, `")),
            };
            rules.say(
                &["split", "files", part],
                format!("`{part}` has not the columns of `train`"),
                format!("`train` has {columns}"),
                "name the same columns in all parts",
            );
        }
    }
    match split.val_share {
        Some(share) if share <= 0.0 || share >= 1.0 => rules.say(
            &["split", "files", "val_share"],
            "`val_share` must be above 0 and below 1",
            "",
            "",
        ),
        Some(_) if !split.val.is_empty() => rules.say(
            &["split", "files", "val_share"],
            "`val` has files of its own",
            "nothing to cut",
            "remove one of the two",
        ),
        None if split.stratify.is_some() => rules.say(
            &["split", "files", "stratify"],
            "`stratify` needs a `val_share` to cut",
            "",
            "write `val_share: 0.1` beside it",
        ),
        _ => {}
    }
}
