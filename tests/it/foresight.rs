//! What `pipe` says a run would do, compared with what the run then did. Knows no store.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::Model;

/// What was said of each stage.
#[derive(Debug)]
pub struct Foresight(BTreeMap<usize, Said>);

#[derive(Debug, PartialEq, Eq)]
enum Said {
    Cached,
    Run,
    /// It depends on what this stage makes.
    DependsOn(usize),
}

impl Foresight {
    /// From the JSON of `status`, `explain` or a dry run.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let list: Vec<Value> = serde_json::from_slice(text).map_err(|it| it.to_string())?;
        let number = |it: &Value| it.as_str()?.strip_prefix('s')?.parse().ok();
        let said = |it: &Value| {
            let said = match it["state"].as_str()? {
                "cached" => Said::Cached,
                "run" => Said::Run,
                "blocked" => Said::DependsOn(number(&it["by"])?),
                _ => return None,
            };
            Some((number(&it["stage"])?, said))
        };
        let stages = list
            .iter()
            .map(|it| said(it).ok_or_else(|| format!("it says {it}")));
        Ok(Self(stages.collect::<Result<_, _>>()?))
    }

    /// Whether a run in which these stages ran, each with its salt, did what was said, and nothing was left open that could
    /// be known.
    pub fn compare(&self, model: &Model, ran: &[(usize, u8)]) -> Result<(), String> {
        let ran: BTreeSet<usize> = ran.iter().map(|it| it.0).collect();
        for (stage, said) in &self.0 {
            let is_right = match said {
                Said::Cached => !ran.contains(stage),
                Said::Run => ran.contains(stage),
                Said::DependsOn(by) => {
                    let deciding = model.deciding(*stage);
                    deciding.contains(by)
                        && self.0.get(by).is_some_and(|it| *it != Said::Cached)
                        && deciding.iter().any(|it| ran.contains(it))
                }
            };
            if !is_right {
                return Err(format!(
                    "s{stage} was foretold as {said:?}, and {ran:?} ran"
                ));
            }
        }
        match ran.iter().find(|it| !self.0.contains_key(it)) {
            Some(stage) => Err(format!("nothing was foretold of s{stage}, which ran")),
            None => Ok(()),
        }
    }
}
