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
        self.outputs(role).first().copied()
    }

    /// The outputs behind the inputs of a role, in their order.
    pub fn outputs(&self, role: &str) -> Vec<&Output> {
        let is_meant = |input: &Input| {
            let rest = input.role.strip_prefix(role);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let inputs = self.inputs.iter().zip(self.sources);
        let meant = inputs.filter(|(input, _)| is_meant(input));
        meant
            .filter_map(|(input, (draft, row))| {
                let facts = self.facts.get(*draft)?.get(*row)?;
                facts.outputs.get(&input.output)
            })
            .collect()
    }
}
