//! The front page, `pipe --help`: commands in groups, the first day's first. Takes their texts from clap.

use std::fmt::Write;

use clap::Command;

/// The commands in the order of the front page.
const GROUPS: [(&str, &[&str]); 6] = [
    ("First day", &["init", "check", "run", "show", "predict"]),
    (
        "Look closer",
        &[
            "plan", "status", "explain", "report", "runs", "path", "export",
        ],
    ),
    ("Coming from elsewhere", &["import", "pick"]),
    ("Help", &["schema", "help", "completions"]),
    (
        "Look after the installation and the store",
        &["doctor", "cache", "verify"],
    ),
    ("Make room", &["gc", "clean"]),
];

/// Puts the groups into the front page.
pub fn with_groups(command: Command) -> Command {
    let styles = command.get_styles().clone();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut template = format!(
        "{{about}}\n\n{header}Usage:{header:#} {literal}pipe{literal:#} [OPTIONS] <COMMAND>\n"
    );
    for (title, names) in GROUPS {
        let _ = write!(template, "\n{header}{title}:{header:#}\n");
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(template, "  {literal}{name:<12}{literal:#}{about}");
        }
    }
    let _ = write!(
        template,
        "\n{header}Options:{header:#}\n{{options}}\n\n\
         Exit codes: 0 done, 1 a stage failed, 2 bad usage or spec, 3 a gate refused,\n\
         4 a gate could not be measured, 70 a bug in pipe, 130 interrupted\n"
    );
    command.help_template(template)
}

#[cfg(test)]
mod tests {
    use super::GROUPS;
    use crate::cli;

    #[test]
    fn every_command_is_on_the_front_page_once() {
        let mut shown: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        shown.sort_unstable();
        let command = cli::command();
        let mut known: Vec<&str> = command
            .get_subcommands()
            .filter(|it| !it.is_hide_set())
            .map(clap::Command::get_name)
            .collect();
        known.sort_unstable();
        assert_eq!(shown, known);
    }

    #[test]
    fn clap_finds_no_fault_with_the_command_line() {
        cli::command().debug_assert();
    }
}
