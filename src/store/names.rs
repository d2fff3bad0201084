//! The names that results go by: of a stage among all specs that share a store. Knows no record and no file.

use std::path::PathBuf;

use crate::plan::{file_name, original_name};

/// Marks a spec whose stage has the link `current/<stage>`, behind the spec's `name`.
const OWNER: char = '*';
/// Between the spec's `name` and its path.
const AT: char = '@';

/// A stage's name: `name@spec/stage` with the `name` of its spec and the spec's path as a file name. Stores of older versions
/// have `name/stage`; what is noted of a stage alone has `stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StageName<'a> {
    /// The spec's `name`.
    pub project: Option<&'a str>,
    /// The spec's path as a file name.
    pub spec: Option<&'a str>,
    pub stage: &'a str,
    /// Whether `current/<stage>` is its link.
    pub is_owner: bool,
}

impl<'a> StageName<'a> {
    /// Reads a name as it is noted in a journal.
    pub fn parse(text: &'a str) -> Self {
        let Some((head, stage)) = text.split_once('/') else {
            return Self {
                project: None,
                spec: None,
                stage: text,
                is_owner: false,
            };
        };
        let (project, spec) = match head.split_once(AT) {
            Some((project, spec)) => (project, Some(spec)),
            None => (head, None),
        };
        let plain = project.strip_suffix(OWNER);
        Self {
            project: Some(plain.unwrap_or(project)),
            spec,
            stage,
            is_owner: plain.is_some(),
        }
    }

    /// The text that is noted.
    pub fn text(&self) -> String {
        let owner = if self.is_owner { "*" } else { "" };
        match (self.project, self.spec) {
            (Some(project), Some(spec)) => format!("{project}{owner}{AT}{spec}/{}", self.stage),
            (Some(project), None) => format!("{project}/{}", self.stage),
            (None, _) => self.stage.to_owned(),
        }
    }

    /// What the stage is identified by: its spec's path if that is known, and its id.
    pub fn identity(&self) -> String {
        match self.spec {
            Some(spec) => identity(spec, self.stage),
            None => self.text(),
        }
    }

    /// Names under which the result is found, too: by the spec's `name`, and by the stage alone.
    pub fn aliases(&self) -> Vec<String> {
        let mut aliases = Vec::with_capacity(2);
        if let (Some(project), Some(_)) = (self.project, self.spec) {
            aliases.push(format!("{project}/{}", self.stage));
        }
        if self.project.is_some() {
            aliases.push(self.stage.to_owned());
        }
        aliases
    }
}

/// The identity of a stage of the spec that has this path as a file name.
pub(super) fn identity(spec: &str, stage: &str) -> String {
    format!("{AT}{spec}/{stage}")
}

/// The spec's path as a file name, and the stage, of an identity.
pub(super) fn parts_of_identity(identity: &str) -> Option<(&str, &str)> {
    identity.strip_prefix(AT)?.split_once('/')
}

/// The folder of a spec in `current/`. No stage's name begins like it.
pub(super) fn folder_of_spec(spec: &str) -> String {
    format!("{AT}{spec}")
}

pub(super) fn is_folder_of_spec(name: &str) -> bool {
    name.starts_with(AT)
}

/// The path of a spec that has this file name; None if it was too long to be kept.
pub(super) fn path_of_spec(spec: &str) -> Option<PathBuf> {
    original_name(spec).map(PathBuf::from)
}

/// A spec's path, relative to the folder of the store, as a file name.
pub(super) fn spec_name(path: &str) -> String {
    file_name(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_stage_is_read_as_it_was_written() {
        for text in [
            "digits@pipelines%2Fdigits.yaml/fit",
            "digits*@a@b.yaml/fit@data=x/y",
            "digits/fit",
            "fit",
        ] {
            assert_eq!(StageName::parse(text).text(), text);
        }
        let name = StageName::parse("digits*@a@b.yaml/fit@data=x/y");
        assert_eq!(name.identity(), "@a@b.yaml/fit@data=x/y");
        assert_eq!(name.aliases(), ["digits/fit@data=x/y", "fit@data=x/y"]);
        assert_eq!(
            parts_of_identity(&name.identity()),
            Some(("a@b.yaml", "fit@data=x/y"))
        );
        assert!(name.is_owner);
        assert_eq!(StageName::parse("digits/fit").aliases(), ["fit"]);
        assert_eq!(StageName::parse("digits/fit").identity(), "digits/fit");
    }
}
