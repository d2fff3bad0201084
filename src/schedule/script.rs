//! `${inputs.x}` and `${outputs.y}` of a command become paths, quoted for where they stand. Knows no files.

use pipe_schema::run::{Failure, FailureKind};

use crate::{
    exec::failure,
    plan::shell::{self, Obstacle, Unit},
};

/// The text with each place replaced by what `find` says of `inputs.x` or `outputs.y`; what it does not know stays.
pub fn fill(text: &str, find: &dyn Fn(&str) -> Option<String>) -> Result<String, Failure> {
    let mut units = Vec::with_capacity(text.len());
    let mut paths = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        units.extend(before.chars().map(Unit::Char));
        let known = from.find('}').and_then(|end| {
            let name = from[2..end].trim();
            Some((name, find(name)?, end))
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
        let find = |name: &str| (name == "inputs.x").then(|| "/a b/it's".to_owned());
        assert_eq!(
            fill(
                "cat ${inputs.x} \"${ inputs.x }\" '${inputs.x}' ${HOME} ${ ${inputs.y}",
                &find
            )
            .unwrap(),
            r#"cat '/a b/it'\''s' "/a b/it's" '/a b/it'\''s' ${HOME} ${ ${inputs.y}"#
        );
        let failure =
            fill("cat <<E\n${inputs.x}\nE", &|_| Some("/a\nE\nb".to_owned())).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Wrong);
    }
}
