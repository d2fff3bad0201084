//! Names and figures as Markdown. Knows no model.

/// The first few names.
pub fn words(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|it| quoted(it)).collect();
    if names.len() > SHOWN {
        shown.push(format!("… ({} in all)", names.len()));
    }
    shown.join(", ")
}

/// A text that Markdown shows as it is, and that cannot end its cell.
pub fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '*' | '`' | '<' | '\\' => cell.extend(['\\', letter]),
            it if it.is_control() => cell.push(' '),
            it => cell.push(it),
        }
    }
    cell
}

/// A name between ticks, of which it may have some itself.
pub fn quoted(name: &str) -> String {
    let name = name.replace(|it: char| it.is_control(), " ");
    if name.contains('`') {
        format!("`` {name} ``")
    } else {
        format!("`{name}`")
    }
}

/// `1,797 rows`
pub fn counted(count: usize, noun: &str) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let plural = if count == 1 { "" } else { "s" };
    format!("{grouped} {noun}{plural}")
}

/// A metric.
pub fn figure(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-3 {
        format!("{value:.3e}")
    } else {
        format!("{value:.4}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_stay_what_they_are() {
        assert_eq!(cell("a|b <i>*c*\n`d`"), "a\\|b \\<i>\\*c\\* \\`d\\`");
        assert_eq!(quoted("two\nlines"), "`two lines`");
        assert_eq!(quoted("a`b"), "`` a`b ``");
    }

    #[test]
    fn many_names_are_counted() {
        let names: Vec<String> = (0..20).map(|it| it.to_string()).collect();
        assert!(words(&names).ends_with("`11`, … (20 in all)"));
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(1_234_567, "row"), "1,234,567 rows");
    }
}
