//! `pipe run [SPEC] [TARGET]...`: which of the words is the spec. Reads no YAML.

use std::path::{Path, PathBuf};

use crate::cli::{Context, UserError};

/// The words of a command line, told apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Words {
    pub spec: Option<PathBuf>,
    pub targets: Vec<String>,
}

/// The first word is the spec if it is a file or a folder, or looks like one; all others are stages.
pub fn tell_apart(words: &[String], context: &Context) -> Result<Words, UserError> {
    let is_spec = |word: &str| {
        let path = context.folder.join(word);
        path.is_file() || path.is_dir() && word.contains(['/', '.']) || looks_like_a_path(word)
    };
    let (spec, targets) = match words.split_first() {
        Some((first, rest)) if is_spec(first) => (Some(PathBuf::from(first)), rest),
        _ => (None, words),
    };
    if let Some(path) = targets.iter().find(|it| looks_like_a_path(it)) {
        return Err(UserError::usage(format!("`{path}` is not a stage"))
            .hint("the spec comes first, then stages: `pipe run spec.yaml score`"));
    }
    Ok(Words {
        spec,
        targets: targets.to_vec(),
    })
}

fn looks_like_a_path(word: &str) -> bool {
    let is_yaml = Path::new(word)
        .extension()
        .is_some_and(|it| it == "yaml" || it == "yml");
    is_yaml || word.contains('/') && !word.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[&str]) -> Result<Words, UserError> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        tell_apart(&words, &Context::plain())
    }

    #[test]
    fn a_stage_needs_no_spec_before_it() {
        let words = told(&["score", "bundle"]).unwrap();
        assert_eq!((words.spec, words.targets.len()), (None, 2));
    }

    #[test]
    fn a_path_is_the_spec_even_if_it_is_missing() {
        for spec in ["pipelines/digits.yaml", "other.yml"] {
            assert_eq!(
                told(&[spec, "score"]).unwrap().spec,
                Some(PathBuf::from(spec))
            );
        }
    }

    #[test]
    fn an_instance_with_a_path_as_value_is_a_stage() {
        assert_eq!(told(&["fit@data=a/b"]).unwrap().spec, None);
    }

    #[test]
    fn two_specs_are_refused() {
        assert!(
            told(&["a.yaml", "b.yaml"])
                .unwrap_err()
                .to_string()
                .contains("b.yaml")
        );
    }
}
