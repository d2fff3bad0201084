//! The positive class as a spec names it, among the classes of a target. Knows names, no rows.

use pipe_schema::{
    dataset::{Target, TargetKind},
    stage::ClassName,
};

use crate::{error::DataError, infer};

/// The position of a class: by its text, else by its value, so that `1.0` is `1` and `true` is `True` or `yes`.
/// None where there is no such class, or where two have that value.
pub fn find_class(names: &[String], wanted: &ClassName) -> Option<usize> {
    let wanted = &wanted.0;
    if let Some(at) = names.iter().position(|name| name == wanted) {
        return Some(at);
    }
    let only = |is_meant: &dyn Fn(&[u8]) -> bool| {
        let mut found = names
            .iter()
            .enumerate()
            .filter(|(_, name)| is_meant(name.as_bytes()));
        let (at, _) = found.next()?;
        found.next().is_none().then_some(at)
    };
    if let Some(number) = infer::number(wanted.as_bytes()) {
        let found = only(&|name| infer::number(name) == Some(number));
        if found.is_some() {
            return found;
        }
    }
    let truth = infer::truth_or_digit(wanted.as_bytes())?;
    only(&|name| infer::truth_or_digit(name) == Some(truth))
}

/// The name that the target has for the class that a spec calls positive.
pub fn named(class: &ClassName, target: &Target) -> Result<String, DataError> {
    let name = &target.name;
    let TargetKind::Classes { names, .. } = &target.kind else {
        return Err(DataError::wrong(format!(
            "target: positive: the target `{name}` is a number, it has no class `{class}`"
        ))
        .hint(format!(
            "leave `positive` out, or set `columns: {{{name}: categorical}}` if classes are meant"
        )));
    };
    match find_class(names, class) {
        Some(at) => Ok(names[at].clone()),
        None => Err(DataError::wrong(format!(
            "target: positive: the target `{name}` has no class `{class}` in the train part"
        ))
        .hint(format!("its classes are {}", infer::listed(names)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str], wanted: &str) -> Option<usize> {
        let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
        find_class(&names, &ClassName(wanted.to_owned()))
    }

    #[test]
    fn positive_class_is_found_by_its_text_before_its_value() {
        assert_eq!(found(&["fraud", "legit"], "fraud"), Some(0));
        assert_eq!(found(&["1", "1.0"], "1.0"), Some(1));
        assert_eq!(found(&["True", "true"], "true"), Some(1));
        assert_eq!(found(&["fraud", "legit"], "Fraud"), None);
    }

    #[test]
    fn positive_class_is_found_by_its_value() {
        assert_eq!(found(&["0", "1"], "1.0"), Some(1));
        assert_eq!(found(&["0.5", "2"], "2"), Some(1));
        assert_eq!(found(&["False", "True"], "true"), Some(1));
        assert_eq!(found(&["no", "yes"], "true"), Some(1));
        assert_eq!(found(&["false", "true"], "no"), Some(0));
        assert_eq!(found(&["0", "1"], "true"), Some(1));
        assert_eq!(found(&["-1", "1"], "-1"), Some(0));
    }

    #[test]
    fn positive_class_of_a_value_that_two_classes_have_is_none() {
        assert_eq!(found(&["True", "yes"], "true"), None);
        assert_eq!(found(&["no", "yes"], "2"), None);
    }
}
