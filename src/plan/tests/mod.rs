//! Specs and what becomes of them, without files.

use super::*;
use crate::spec::{self, Source};

struct Anything;

impl Loader for Anything {
    fn include(&self, path: &str) -> Result<String, String> {
        match path {
            "good_common.inc.yaml" => Ok("vars: {seed: 7}\n".to_owned()),
            _ => Err("no such file".to_owned()),
        }
    }

    fn exists(&self, _: &str) -> bool {
        true
    }

    fn columns(&self, _: &str, _: &pipe_schema::stage::preprocess::Read) -> Option<Vec<String>> {
        None
    }
}

fn resolve_text(text: &str) -> Result<(Plan, crate::spec::Diagnostics), crate::spec::Diagnostics> {
    let spec = spec::parse(Source {
        path: "pipe.yaml".to_owned(),
        text: text.to_owned(),
    })?;
    resolve(&spec, &Overrides::default(), &Anything)
}

#[test]
fn a_spec_with_everything_resolves() {
    let text = std::fs::read_to_string("tests/cases/good/full.yaml").unwrap();
    let (plan, warnings) = resolve_text(&text).unwrap_or_else(|it| panic!("{}", it.render(false)));
    assert!(warnings.is_empty(), "{}", warnings.render(false));
    assert_eq!(plan.stages.len(), 8);
}
