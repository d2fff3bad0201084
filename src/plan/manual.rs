//! The reference of the language, written from the types: `pipe help train`, and the tables of docs/language.md.
//! Knows options, types and defaults; not how a terminal looks.

use pipe_schema::stage::KINDS;

use super::{
    fit::expected,
    grammar::{self, Choice, Field, Grammar, Notation, Record},
};

/// What can be asked about beside the kinds.
const OTHERS: [(&str, &str); 3] = [
    (
        "control",
        "Keys beside a stage's kind: how, not what, it runs.",
    ),
    ("sweeps", "An entry of `sweeps`: a search over vars."),
    (
        "promote",
        "An entry of `promote`: which package may take an alias, and the gates before it.",
    ),
];

/// All topics, kinds first.
pub fn topics() -> impl Iterator<Item = &'static str> {
    KINDS.into_iter().chain(OTHERS.iter().map(|it| it.0))
}

fn block(topic: &str) -> Option<(&'static Record, &'static str)> {
    let other = |record| {
        let doc = OTHERS.iter().find(|it| it.0 == topic)?.1;
        Some((record, doc))
    };
    match topic {
        "control" => other(grammar::control()),
        "sweeps" => other(grammar::sweep()),
        "promote" => other(grammar::promote()),
        _ => grammar::block(topic).map(|it| (it, it.doc.as_str())),
    }
}

/// One option: where it stands, what it takes, what it is without.
struct Row {
    /// `optimizer.adamw.lr`
    path: Vec<String>,
    takes: String,
    /// `required`, the default, or nothing.
    without: String,
    doc: String,
    /// Words that stand for themselves, with what they mean.
    words: Vec<(String, String)>,
}

fn rows(record: &Record, path: &[String], out: &mut Vec<Row>) {
    for (name, field) in &record.fields {
        let mut path = path.to_vec();
        path.push(name.clone());
        out.push(row(&path, field));
        inside(&field.grammar, &path, out);
    }
}

/// Whether the options of a record are those of a place of the same name, which have been told.
fn is_told(record: &Record, path: &[String], out: &[Row]) -> bool {
    record.fields.iter().all(|(name, field)| {
        out.iter().any(|row| {
            let place = [path.last(), Some(name)];
            row.doc == field.doc && row.path.iter().rev().take(2).rev().map(Some).eq(place)
        })
    })
}

/// The options inside a value.
fn inside(grammar: &Grammar, path: &[String], out: &mut Vec<Row>) {
    match grammar {
        Grammar::Record(record) if is_told(record, path, out) => {}
        Grammar::Record(record) => rows(record, path, out),
        Grammar::List(item, _) => inside(item, path, out),
        Grammar::Map(item) => {
            let mut path = path.to_vec();
            path.push("NAME".to_owned());
            inside(item, &path, out);
        }
        Grammar::Either(forms) if path_or_stage(grammar).is_none() => {
            for form in forms {
                inside(form, path, out);
            }
        }
        Grammar::Choice(choice) if choice.is_nested => {}
        Grammar::Choice(choice) => {
            for (word, options) in &choice.words {
                let Some(options) = options else { continue };
                let mut path = path.to_vec();
                path.push(word.clone());
                out.push(Row {
                    takes: takes(options),
                    without: String::new(),
                    doc: choice.docs.get(word).cloned().unwrap_or_default(),
                    words: Vec::new(),
                    path: path.clone(),
                });
                inside(options, &path, out);
            }
        }
        _ => {}
    }
}

fn row(path: &[String], field: &Field) -> Row {
    Row {
        path: path.to_vec(),
        takes: takes(&field.grammar),
        without: if field.is_required {
            "required".to_owned()
        } else {
            field.default_text().unwrap_or_default()
        },
        doc: field.doc.clone(),
        words: match &field.grammar {
            Grammar::Choice(choice) => words(choice),
            Grammar::List(item, _) => match &**item {
                Grammar::Choice(choice) => words(choice),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        },
    }
}

fn words(choice: &Choice) -> Vec<(String, String)> {
    choice
        .words
        .iter()
        .filter(|it| it.1.is_none() && !choice.is_nested)
        .map(|(word, _)| {
            (
                word.clone(),
                choice.docs.get(word).cloned().unwrap_or_default(),
            )
        })
        .filter(|it| !it.1.is_empty())
        .collect()
}

/// What a value may be, short enough for a table.
fn takes(grammar: &Grammar) -> String {
    let bounded = |of: &str, bounds: &grammar::Bounds| match bounds.describe() {
        Some(range) if range != "at least 0" && range != "at least 0 and at most 255" => {
            format!("{of}, {range}")
        }
        _ => of.to_owned(),
    };
    match grammar {
        Grammar::Record(_) => "options".to_owned(),
        Grammar::Int(bounds) => bounded("whole number", bounds),
        Grammar::Number(bounds) => bounded("number", bounds),
        Grammar::Text => "text".to_owned(),
        Grammar::Any => "any value".to_owned(),
        Grammar::Bool => "true or false".to_owned(),
        Grammar::Character => "one character".to_owned(),
        Grammar::Scalar(Notation::Duration) => "duration".to_owned(),
        Grammar::Scalar(Notation::ByteSize) => "size".to_owned(),
        Grammar::Scalar(Notation::BatchSize) => "number of rows, or `full`".to_owned(),
        Grammar::Scalar(Notation::Reference) => "stage".to_owned(),
        Grammar::Choice(choice) if choice.is_nested => "the words above".to_owned(),
        Grammar::Choice(choice) if choice.words.len() > 1 => {
            let words: Vec<String> = choice.words.keys().map(|it| format!("`{it}`")).collect();
            words.join(", ")
        }
        Grammar::List(item, n) => {
            let n = n.map_or(String::new(), |it| format!("{it} "));
            match &**item {
                Grammar::Int(_) => format!("list of {n}whole numbers"),
                Grammar::Number(_) => format!("list of {n}numbers"),
                item => format!("list of {n}{}", takes(item)),
            }
        }
        Grammar::Map(item) => format!("map from names to {}", takes(item)),
        Grammar::Either(forms) => {
            if let Some(words) = path_or_stage(grammar) {
                return words.to_owned();
            }
            if let [one, Grammar::List(item, None)] = forms.as_slice()
                && *one == **item
            {
                return format!("{}, or a list", takes(one));
            }
            let mut words: Vec<String> = forms
                .iter()
                .map(|it| match it {
                    Grammar::Record(_) => expected(it).replace("a map with", "map with"),
                    other => takes(other),
                })
                .collect();
            words.dedup();
            words.join("; or ")
        }
        Grammar::Choice(_) => expected(grammar),
    }
}

/// The words for a path that may be a stage, alone or in a list: they need no rows of their own.
fn path_or_stage(grammar: &Grammar) -> Option<&'static str> {
    let Grammar::Either(forms) = grammar else {
        return None;
    };
    match forms.as_slice() {
        [Grammar::Text, Grammar::Record(stage), Grammar::Record(url)]
            if stage.fields.keys().eq(["from"]) && url.fields.keys().eq(["url", "sha256", "max_size"]) =>
        {
            // A url is for sources alone, which take lists.
            Some("path, or `{from: stage}`")
        }
        [one, Grammar::List(item, None)] if *one == **item => {
            path_or_stage(one).map(|_| "path, `{from: stage}`, `{url: …, sha256: …}`, or a list")
        }
        [one, Grammar::List(item, None), Grammar::Map(file)] if *one == **item && item == file => {
            path_or_stage(one).map(|_| {
                "path, `{from: stage}`, `{url: …, sha256: …}`, or a list, or a map from columns"
            })
        }
        _ => None,
    }
}

/// The help of a topic, as plain text.
pub fn help(topic: &str, width: usize) -> Option<String> {
    let (record, doc) = block(topic)?;
    let mut text = format!("{topic}\n{}\n\n", wrap(doc, "  ", width));
    let mut all = Vec::new();
    rows(record, &[], &mut all);
    for row in all {
        let indent = " ".repeat(2 * row.path.len());
        let name = row.path.last().map_or("", String::as_str);
        let without = match row.without.as_str() {
            "" => String::new(),
            "required" => " (required)".to_owned(),
            default => format!(" [default: {default}]"),
        };
        let head = format!("{name}: {}{without}", row.takes);
        text.push_str(&wrap(&head, &indent, width));
        text.push('\n');
        let indent = format!("{indent}    ");
        if !row.doc.is_empty() {
            text.push_str(&wrap(&row.doc, &indent, width));
            text.push('\n');
        }
        for (word, doc) in row.words {
            text.push_str(&wrap(&format!("{word}: {doc}"), &indent, width));
            text.push('\n');
        }
    }
    Some(text)
}

fn wrap(text: &str, indent: &str, width: usize) -> String {
    let room = width.saturating_sub(indent.len()).max(24);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines
            .last_mut()
            .filter(|it| it.is_empty() || it.chars().count() + 1 + word.chars().count() <= room);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    let lines: Vec<String> = lines.iter().map(|it| format!("{indent}{it}")).collect();
    lines.join("\n")
}

/// The table of a topic in markdown.
pub fn table(topic: &str) -> Option<String> {
    let (record, _) = block(topic)?;
    let mut all = Vec::new();
    rows(record, &[], &mut all);
    let mut text = "| option | takes | default | meaning |\n|---|---|---|---|\n".to_owned();
    for row in all {
        let mut doc = row.doc.replace('\n', " ");
        for (word, meaning) in row.words {
            let start = if doc.is_empty() { "" } else { " " };
            doc.push_str(&format!("{start}`{word}`: {meaning}"));
        }
        let without = match row.without.as_str() {
            "" | "required" => row.without.clone(),
            default => format!("`{default}`"),
        };
        text.push_str(&format!(
            "| `{}` | {} | {without} | {} |\n",
            row.path.join("."),
            row.takes,
            doc.replace('|', "\\|"),
        ));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_help_and_every_option_says_what_it_is() {
        let mut silent = Vec::new();
        for topic in topics() {
            let (record, doc) = block(topic).unwrap();
            assert!(!doc.is_empty(), "{topic}");
            let mut all = Vec::new();
            rows(record, &[], &mut all);
            let undocumented = all.iter().filter(|it| it.doc.is_empty());
            silent.extend(undocumented.map(|it| format!("{topic}.{}", it.path.join("."))));
            assert!(
                help(topic, 80)
                    .unwrap()
                    .lines()
                    .all(|it| it.chars().count() <= 90),
                "{topic}"
            );
        }
        assert!(
            silent.is_empty(),
            "without a word of explanation: {silent:#?}"
        );
    }
}
