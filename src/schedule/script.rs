//! `${inputs.x}` and `${outputs.y}` of a command become paths, quoted for the shell. Knows no files.

/// The text with each place replaced by what `find` says of `inputs.x` or `outputs.y`; what it does not know stays.
pub fn fill(text: &str, find: &dyn Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        filled.push_str(before);
        let known = from
            .find('}')
            .and_then(|end| Some((find(&from[2..end])?, end)));
        if let Some((path, end)) = known {
            filled.push_str(&quote(&path));
            rest = &from[end + 1..];
        } else {
            filled.push_str("${");
            rest = &from[2..];
        }
    }
    filled.push_str(rest);
    filled
}

/// A word that the shell reads as this text. What needs no quotes gets none, so that it may stand inside others.
pub fn quote(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./=@%+,:".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_places_are_filled_and_shell_variables_stay() {
        let find = |name: &str| (name == "inputs.x").then(|| "/a b/it's".to_owned());
        assert_eq!(
            fill("cat ${inputs.x} ${HOME} ${ ${inputs.y}", &find),
            r"cat '/a b/it'\''s' ${HOME} ${ ${inputs.y}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_quoted_text_is_one_word_to_the_shell(text in "[^\0]{0,20}") {
            let output = std::process::Command::new("/bin/sh")
                .args(["-c", &format!("printf %s {}", quote(&text))])
                .output()
                .unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }
}
