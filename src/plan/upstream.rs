//! What lies before an instance, for checks that look further than one stage. Knows what was found out, not how.

use super::{
    Input,
    wiring::{Facts, Output},
};

/// What the instances upstream are, for checks that look further than one stage.
pub struct Upstream<'a> {
    /// By draft and row.
    pub facts: &'a [Vec<Facts>],
    pub inputs: &'a [Input],
    /// Draft and row of each input.
    pub sources: &'a [(usize, usize)],
}

impl Upstream<'_> {
    /// The output behind an input of the stage at hand, the first of its role.
    pub fn output(&self, role: &str) -> Option<&Output> {
        let is_meant = |it: &str| {
            it.strip_prefix(role)
                .is_some_and(|it| it.is_empty() || it.starts_with('/'))
        };
        let at = self.inputs.iter().position(|it| is_meant(&it.role))?;
        let (draft, row) = *self.sources.get(at)?;
        self.facts
            .get(draft)?
            .get(row)?
            .outputs
            .get(&self.inputs[at].output)
    }
}
