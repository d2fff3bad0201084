//! Opens a page in the user's browser where there is one. Never fails: a page that was not opened is still there.

use std::{
    env::consts::OS,
    ffi::OsStr,
    path::Path,
    process::{Command, Stdio},
};

use super::Context;

/// Hands a page to a browser of `$BROWSER`, else to the desktop's opener. Whether one was started; what it does with the page
/// is not known.
pub fn open(page: &Path, context: &Context) -> bool {
    openers(context).iter().any(|it| start(it, page))
}

/// Commands to try in turn; none where there is neither a browser nor a desktop, as in CI.
fn openers(context: &Context) -> Vec<String> {
    let variable = |name: &str| {
        let value = context.environment.get(OsStr::new(name));
        value.and_then(|it| it.to_str()).unwrap_or_default()
    };
    let browsers = variable("BROWSER").split(':').map(str::trim);
    let mut openers: Vec<String> = browsers
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect();
    if OS == "macos" {
        openers.push("open".to_owned());
    } else if !variable("DISPLAY").is_empty() || !variable("WAYLAND_DISPLAY").is_empty() {
        openers.push("xdg-open".to_owned());
    }
    openers
}

/// Starts a command with the page where it says `%s`, else behind it.
fn start(opener: &str, page: &Path) -> bool {
    let mut words = opener.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    let mut is_named = false;
    for word in words {
        if word == "%s" {
            is_named = true;
            command.arg(page);
        } else {
            command.arg(word);
        }
    }
    if !is_named {
        command.arg(page);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .is_ok()
}
