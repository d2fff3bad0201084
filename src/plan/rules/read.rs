//! Rules of how files are read. Knows words of a spec; not what is in a file.

use pipe_schema::stage::preprocess::{Form, Read};

use super::Rules;
use crate::spec::suggest::either;

/// Checks the options at a path of the block, for files of a form.
pub fn check(read: &Read, form: Form, place: &[&str], rules: &mut Rules<'_>) {
    check_form(form, place, rules);
    if form == Form::Csv {
        check_marks(read, place, rules);
    }
    if !read.header && read.names.is_empty() {
        rules.say(
            &[place, &["header"]].concat(),
            "without a header the columns need names",
            "no header",
            "write `names: [a, b, c]` beside it",
        );
    }
    let is_double = |(i, it)| read.names[..i].contains(it);
    if read.names.iter().enumerate().any(is_double) {
        rules.say(
            &[place, &["names"]].concat(),
            "two columns have one name",
            "a name is there twice",
            "",
        );
    }
}

/// Options that say nothing of files of this form are refused: whoever writes one means another form.
fn check_form(form: Form, place: &[&str], rules: &mut Rules<'_>) {
    let (node, above) = (rules.place(place), rules.place(&place[..place.len() - 1]));
    if std::ptr::eq(node, above) {
        return;
    }
    let given: Vec<String> = node.entries().iter().map(|it| it.key.clone()).collect();
    for option in given {
        if !fits(&option, form) {
            let forms = Form::ALL.into_iter().filter(|it| fits(&option, *it));
            let forms: Vec<&str> = forms.map(Form::name).collect();
            rules.say(
                &[place, &[option.as_str()]].concat(),
                format!("`{option}` says nothing of {} files", form.name()),
                "not for this form",
                &format!("remove it: it is for {}", either(forms)),
            );
        }
    }
}

/// Whether an option of `read` means something for files of a form.
fn fits(option: &str, form: Form) -> bool {
    match option {
        "form" => true,
        "na" => !form.reads_names(),
        "rows" => form == Form::Text,
        "encoding" => matches!(form, Form::Csv | Form::Text),
        "names" => form.takes_names(),
        "max_unpacked" => form != Form::Images,
        "broken" => form == Form::Images,
        _ => form == Form::Csv,
    }
}

/// Each mark of a CSV file is one ASCII character, for one purpose.
fn check_marks(read: &Read, place: &[&str], rules: &mut Rules<'_>) {
    let marks = [
        ("delimiter", Some(read.delimiter)),
        ("quote", read.quoting.then_some(read.quote)),
        ("comment", read.comment),
        ("decimal", Some(read.decimal)),
        ("escape", read.escape),
    ];
    for (at, (name, mark)) in marks.iter().enumerate() {
        let Some(mark) = mark else { continue };
        let path = [place, &[*name]].concat();
        if !mark.is_ascii() || "\r\n".contains(*mark) {
            rules.say(
                &path,
                format!("`{name}` must be one ASCII character"),
                "",
                "such as `,`, `;` or a tab: \"\\t\"",
            );
        } else if let Some((other, _)) = marks[..at].iter().find(|it| it.1 == Some(*mark)) {
            rules.say(
                &path,
                format!("`{name}` and `{other}` are the same character"),
                "",
                "each mark has one meaning",
            );
        }
    }
    // Fields with groups of digits may be quoted, so that the delimiter may divide them.
    if let Some(mark) = read.thousands {
        let path = [place, &["thousands"]].concat();
        if !mark.is_ascii() || mark.is_ascii_alphanumeric() || "\r\n+-".contains(mark) {
            rules.say(
                &path,
                "`thousands` must be one ASCII mark",
                "",
                "such as `,`, `.` or a blank",
            );
        } else if mark == read.decimal {
            rules.say(
                &path,
                "`thousands` and `decimal` are the same character",
                "",
                "each mark has one meaning",
            );
        }
    }
}
