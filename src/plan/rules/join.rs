//! Rules of tables that are joined to the source. Knows words of a spec; not the columns of a file.

use pipe_schema::stage::preprocess::{Form, Join};

use super::{Rules, read};

/// Checks the join at a place in their list.
pub fn check(join: &Join, at: &str, rules: &mut Rules<'_>) {
    // One may stand for a list of one.
    let place: &[&str] = if rules.place(&["source", "join"]).entries().is_empty() {
        &["source", "join", at]
    } else {
        &["source", "join"]
    };
    let inside = |name: &'static str| [place, &[name]].concat();
    read::check(&join.read, join.reading().form(), &inside("read"), rules);
    let named = join.named();
    let mut words: Vec<&str> = named.iter().map(|it| it.0.name()).collect();
    words.extend(join.from.as_ref().map(|_| "from"));
    let has_files = named.iter().any(|it| !it.1.is_empty()) || join.from.is_some();
    match words.as_slice() {
        [first, second, ..] => rules.say(
            place,
            format!("a join has `{first}` and `{second}`"),
            "two tables",
            "join them one after another: `join: [{…}, {…}]`",
        ),
        _ if !has_files => rules.say(
            place,
            "a join lacks the table that is joined",
            "expected `csv: …` or another form",
            "a path, a glob or a list: `join: {csv: data/more.csv, on: id}`",
        ),
        _ => {}
    }
    let form = join.read.form;
    match (form, named.as_slice()) {
        (Some(form), [(named, _)]) if form != *named => rules.say(
            &inside("read"),
            format!("the table is `{}`, not `{}`", named.name(), form.name()),
            "another form",
            "remove one of the two",
        ),
        (Some(Form::Images | Form::Idx | Form::Text), _) => rules.say(
            &inside("read"),
            "files of this form have no key to join by",
            "",
            "join a table: `csv`, `jsonl`, `parquet` or `npz`",
        ),
        _ => {}
    }
    if join.on.0.is_empty() {
        rules.say(
            &inside("on"),
            "`on` must name a column",
            "",
            "name the key that both tables have: `on: id`",
        );
    }
    for (i, name) in join.columns.iter().enumerate() {
        let label = if join.on.0.values().any(|it| it == name) {
            "the key is there already"
        } else if join.columns[..i].contains(name) {
            "given again here"
        } else {
            continue;
        };
        let at = i.to_string();
        rules.say(
            &[place, &["columns", &at]].concat(),
            format!("column `{name}` cannot be added"),
            label,
            "remove it",
        );
    }
}
