//! `${inputs.x}` and `${outputs.y}` of a command become paths, quoted for where they stand. Knows no files.

use pipe_schema::run::{Failure, FailureKind};

use crate::{
    exec::failure,
    plan::shell::{self, Obstacle, Unit},
};

/// The text with each place replaced by what `find` says of `inputs.x` or `outputs.y`, and of whether a `/` follows, so that it
/// is a folder; what it does not know stays.
pub fn fill(text: &str, find: &dyn Fn(&str, bool) -> Option<String>) -> Result<String, Failure> {
    let mut units = Vec::with_capacity(text.len());
    let mut paths = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        units.extend(before.chars().map(Unit::Char));
        let known = from.find('}').and_then(|end| {
            let name = from[2..end].trim();
            Some((name, find(name, is_folder(&from[end + 1..]))?, end))
        });
        if let Some((name, path, end)) = known {
            units.push(Unit::Placeholder);
            paths.push((name, path));
            rest = &from[end + 1..];
        } else {
            units.extend(['$', '{'].map(Unit::Char));
            rest = &from[2..];
        }
    }
    units.extend(rest.chars().map(Unit::Char));
    let positions = shell::positions(&units);
    let mut words = paths.iter().zip(positions);
    let mut filled = String::with_capacity(text.len());
    for unit in units {
        match unit {
            Unit::Char(c) => filled.push(c),
            Unit::Placeholder => {
                let Some(((name, path), position)) = words.next() else {
                    continue;
                };
                let word = shell::splice(&position, path);
                filled.push_str(&word.map_err(|it| refused(name, path, it))?);
            }
        }
    }
    Ok(filled)
}

/// Whether a place in the text is used as a file, not as the folder before a `/`. `name` is `inputs.x`.
pub fn is_used_as_file(text: &str, name: &str) -> bool {
    text.match_indices("${").any(|(start, _)| {
        let from = &text[start + 2..];
        let found = from
            .split_once('}')
            .filter(|(inside, _)| inside.trim() == name);
        found.is_some_and(|(_, behind)| !is_folder(behind))
    })
}

/// Whether a `/` follows, behind the end of quotes at most.
fn is_folder(behind: &str) -> bool {
    behind
        .strip_prefix(['"', '\''])
        .unwrap_or(behind)
        .starts_with('/')
}

fn refused(name: &str, path: &str, obstacle: Obstacle) -> Failure {
    let whole = format!("${{{name}}}");
    failure::plain(
        FailureKind::Wrong,
        format!(
            "`{whole}` cannot be quoted {}: its path is {path:?}",
            obstacle.place()
        ),
        Some(&obstacle.hint().replace("${…}", &whole)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_a_command_are_quoted_for_where_they_stand() {
        let find = |name: &str, _| (name == "inputs.x").then(|| "/a b/it's".to_owned());
        assert_eq!(
            fill(
                "cat ${inputs.x} \"${ inputs.x }\" '${inputs.x}' ${HOME} ${ ${inputs.y}",
                &find
            )
            .unwrap(),
            r#"cat '/a b/it'\''s' "/a b/it's" '/a b/it'\''s' ${HOME} ${ ${inputs.y}"#
        );
        let failure = fill("cat <<E\n${inputs.x}\nE", &|_, _| {
            Some("/a\nE\nb".to_owned())
        })
        .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Wrong);
    }

    #[test]
    fn place_of_a_file_is_told_from_the_folder_before_a_slash() {
        for (text, is_file) in [
            ("cat ${inputs.x}", true),
            ("cat \"${ inputs.x }\"", true),
            ("cat ${inputs.x}/x", false),
            ("cat \"${inputs.x}\"/x '${inputs.x}'/x ${inputs.x}/*", false),
            ("cat ${inputs.x}/x ${inputs.x}", true),
            ("cat ${inputs.xy} ${outputs.x}", false),
            ("cat ${ ${inputs.x", false),
        ] {
            assert_eq!(is_used_as_file(text, "inputs.x"), is_file, "{text}");
        }
    }
}
