//! An instance by itself: compared with what is legal, its paths collected, decoded. Knows nothing of other stages.

use std::collections::HashSet;

use pipe_schema::stage::{Control, Task};

use crate::{
    plan::{
        draft::Draft,
        files::Files,
        fit::{decode, fit},
        grammar,
        interpolate::has_any_name,
    },
    spec::{Diagnostic, Node, Span, Value},
};

/// An instance, as far as its own block tells.
pub struct Decoded {
    /// The block with short forms written out.
    pub block: Node,
    /// Where something was left out of it.
    pub pruned: HashSet<Span>,
    pub files: Files,
    pub task: Option<Task>,
    pub control: Option<Control>,
    /// What is wrong with it.
    pub found: Vec<Diagnostic>,
}

impl Decoded {
    /// A draft's instance, before its place is known. None where that makes a difference.
    pub fn anywhere(draft: &Draft, levels: usize) -> Option<Self> {
        if has_any_name(&draft.block) || has_any_name(&draft.control) {
            return None;
        }
        let (block, control) = (draft.block.clone(), draft.control.clone());
        Self::new(draft, block, control, levels, Vec::new())
    }

    /// A draft's instance whose axes are bound in `block` and `control`, with what was found of them.
    pub fn new(
        draft: &Draft,
        mut block: Node,
        mut control: Node,
        levels: usize,
        mut found: Vec<Diagnostic>,
    ) -> Option<Self> {
        let record = grammar::block(draft.kind)?;
        if block.value == Value::Null {
            block = Node::new(draft.kind_span, Value::Map(Vec::new()));
        }
        let fitted = fit(&mut block, record, draft.kind, &mut found);
        let is_controlled = fit(&mut control, grammar::control(), &draft.name, &mut found).is_sound;
        let files = Files::of(draft.kind, &block, levels, &mut found);
        let task = (fitted.is_sound)
            .then(|| task_of(draft.kind, &block, &mut found))
            .flatten();
        let control = is_controlled
            .then(|| decode(&control, &mut found))
            .flatten();
        Some(Self {
            block,
            pruned: fitted.pruned,
            files,
            task,
            control,
            found,
        })
    }
}

fn task_of(kind: &str, block: &Node, found: &mut Vec<Diagnostic>) -> Option<Task> {
    Some(match kind {
        "preprocess" => Task::Preprocess(Box::new(decode(block, found)?)),
        "train" => Task::Train(Box::new(decode(block, found)?)),
        "evaluate" => Task::Evaluate(decode(block, found)?),
        "compress" => Task::Compress(decode(block, found)?),
        "package" => Task::Package(decode(block, found)?),
        "command" => Task::Command(decode(block, found)?),
        "summarize" => Task::Summarize(decode(block, found)?),
        _ => Task::Choose(decode(block, found)?),
    })
}
