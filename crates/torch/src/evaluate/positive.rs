//! The class that figures of one class look for. Knows names, no rows.

use pipe_data::find_class;
use pipe_schema::{
    dataset::{PositiveClass, Target, WhyPositive},
    stage::{ClassName, train::Answer},
};

use crate::error::{Error, Result};

/// The positive class of a report: the one that its stage names, else that of the target.
pub fn positive_class(named: Option<&ClassName>, target: &Target) -> Result<Option<PositiveClass>> {
    let Some(class) = named else {
        return Ok(target.positive_class());
    };
    if target.answer() != Answer::Classes {
        let is = target.answer().name();
        let name = &target.name;
        return Err(Error::wrong(format!(
            "positive: the target `{name}` has no class `{class}`, it is {is}"
        ))
        .hint("leave `positive` out"));
    }
    let names = target.classes();
    let at = find_class(names, class).ok_or_else(|| {
        Error::wrong(format!(
            "positive: the target `{}` has no class `{class}`",
            target.name
        ))
        .hint(format!("it has {}", names.join(", ")))
    })?;
    Ok(Some(PositiveClass {
        class: names[at].clone(),
        why: WhyPositive::Named,
    }))
}
