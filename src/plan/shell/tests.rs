//! Values of all kinds at all places, run by a real shell: it must see one word, as it was meant.

use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

/// The text with `value` at each `@@`.
fn fill(template: &str, value: &str) -> Result<String, Obstacle> {
    let mut units = Vec::new();
    for (i, text) in template.split("@@").enumerate() {
        if i > 0 {
            units.push(Unit::Placeholder);
        }
        units.extend(text.chars().map(Unit::Char));
    }
    let mut positions = positions(&units).into_iter();
    let mut filled = String::new();
    for unit in units {
        match unit {
            Unit::Char(c) => filled.push(c),
            Unit::Placeholder => filled.push_str(&splice(&positions.next().unwrap(), value)?),
        }
    }
    assert_eq!(positions.next(), None, "{template}");
    Ok(filled)
}

/// What `sh` prints of a script in which `p` prints its arguments.
fn printed(script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("p() {{ for a; do printf '<%s>' \"$a\"; done; }}\n{script}");
    let output = Command::new("/bin/sh")
        .args(["-c", &script])
        .current_dir(&folder)
        .env("H", "home")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert!(left.is_empty(), "it wrote {left:?}: {script}");
    assert!(output.status.success(), "{output:?}: {script}");
    String::from_utf8(output.stdout).unwrap()
}

/// Places where any value can be quoted, with what `sh` must make of it.
const PLACES: [(&str, &str); 16] = [
    ("p @@", "<@@>"),
    ("p \"@@\"", "<@@>"),
    ("p '@@'", "<@@>"),
    ("p a@@b \"a@@b\" 'a@@b'", "<a@@b><a@@b><a@@b>"),
    ("p $H@@", "<home@@>"),
    ("p \"$H@@$H\"", "<home@@home>"),
    ("p \"it's @@\" 'a \"' @@", "<it's @@><a \"><@@>"),
    ("p \\\"@@", "<\"@@>"),
    (
        "p \"$(printf '%s.' @@)\" \"$(printf '%s.' \"@@\")\"",
        "<@@.><@@.>",
    ),
    ("p \"$(echo \"$(printf '%s.' '@@')\")\"", "<@@.>"),
    ("X=@@; Y=\"@@\"; p \"$X$Y\"", "<@@@@>"),
    ("(p @@) | cat; { p @@; }", "<@@><@@>"),
    ("if true; then p @@; fi # it's @@\np @@", "<@@><@@>"),
    (
        "case @@ in \"@@\") p '@@';; *) p no;; esac; for i in @@; do p \"$i\"; done",
        "<@@><@@>",
    ),
    (
        "p ${H:-x} ${#H} $((1 + 2)) @@ > /dev/stdout 2>&1",
        "<home><4><3><@@>",
    ),
    ("sh -c 'printf \"<%s>\" \"$1\"' sh @@", "<@@>"),
];

/// Words that were made to break out.
const HOSTILE: [&str; 20] = [
    "",
    "$(touch x)",
    "`touch x`",
    "; touch x;",
    "\ntouch x\n",
    "'; touch x; '",
    "\"; touch x; \"",
    "') touch x ('",
    "a\\",
    "\\",
    "$",
    "a$",
    "${H}",
    "$${H}",
    "~/a *",
    "#",
    "a=b",
    "\u{1}\u{81}é\u{88}",
    "{a,b}",
    "!x",
];

#[test]
fn shell_words_of_hostile_values_are_what_was_meant() {
    for (template, meant) in PLACES {
        let whole: Vec<String> = (HOSTILE.iter())
            .map(|value| format!("{{ {}\n}}", fill(template, value).unwrap()))
            .collect();
        let meant: String = HOSTILE.iter().map(|it| meant.replace("@@", it)).collect();
        assert_eq!(printed(&whole.join("\n")), meant, "{template}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn shell_words_of_any_value_are_what_was_meant(
        value in "([ -~]|[\n\t'\"\\\\$`]|[^\0]){0,24}",
        place in 0..PLACES.len(),
    ) {
        let (template, meant) = PLACES[place];
        prop_assert_eq!(printed(&fill(template, &value).unwrap()), meant.replace("@@", &value));
    }

    #[test]
    fn shell_text_of_any_kind_is_read_to_its_end(text in "([$(){}`'\"\\\\<E\n# @]|@@|case|<<E\n|sh -c ){0,60}") {
        let _ = fill(&text, "a b");
    }
}

#[test]
fn shell_text_that_is_nested_deep_is_refused() {
    for text in ["$(", "${", "$((", "(", "\"$(", "${x:-$("] {
        let text = format!("{}@@", text.repeat(20_000));
        assert!(fill(&text, "a b").is_err(), "{text:.20}");
    }
}

#[test]
fn here_documents_hold_values_of_one_line_that_do_not_end_them() {
    let text = "cat <<E; cat <<-'F'\n[@@] $H\nE\n\t[@@] $H\n\tF\np @@";
    let value = "a 'b' \"$(touch x)\" `touch x` \\ ${ é";
    assert_eq!(fill(text, value), Err(Obstacle::HereDocument));
    let value = "a 'b' \"$(touch x)\" `touch x` \\ é";
    assert_eq!(
        printed(&fill(text, value).unwrap()),
        format!("[{value}] home\n[{value}] $H\n<{value}>")
    );
    for (text, value) in [
        ("cat <<E\n[@@]\nE", "a\nb"),
        ("cat <<E\n@@\nE", "E"),
        ("cat <<-E\n\t@@\nE", "\tE"),
        ("cat <<EOF\nE@@F\nEOF", "O"),
        ("cat <<EOF\n@@O@@\nEOF", "E"),
        ("cat <<E\n$(echo @@)\nE", "a b"),
        ("cat <<@@\nE", "a b"),
        ("sh <<E\necho @@\nE", "a b"),
    ] {
        assert!(fill(text, value).is_err(), "{text} {value}");
    }
}

#[test]
fn places_that_no_quoting_fits_are_refused_and_plain_values_stay_as_they_are() {
    for (text, obstacle) in [
        ("echo `cat @@`", Obstacle::Backquotes),
        ("echo \"`cat @@`\"", Obstacle::Backquotes),
        ("echo \\@@", Obstacle::Backslash),
        ("echo \"\\@@\"", Obstacle::Backslash),
        ("echo ${x:-@@}", Obstacle::Expansion),
        ("echo \"${x%@@}\"", Obstacle::Expansion),
        ("echo $'@@'", Obstacle::Expansion),
        ("echo $((1 + @@))", Obstacle::Arithmetic),
        ("sh -c 'cat @@'", Obstacle::Code),
        (
            "env A=1 bash -eo pipefail -c \"cat @@ | x\"",
            Obstacle::Code,
        ),
        ("if x; then eval a @@; fi", Obstacle::Code),
        ("trap 'rm @@' EXIT", Obstacle::Code),
        ("echo a >&@@", Obstacle::Descriptor),
        ("echo a 2>&1\"@@\"", Obstacle::Descriptor),
        ("[[ @@ -eq 1 ]]", Obstacle::Brackets),
        ("a[@@]=1", Obstacle::Brackets),
        ("[[ \"@@\" -eq 1 ]]", Obstacle::Brackets),
        ("((i = 1)); cat @@", Obstacle::Behind("`((`")),
        (
            "echo \"$(case x in x) cat @@;; esac)\"",
            Obstacle::Behind("`case` in a substitution"),
        ),
    ] {
        assert_eq!(fill(text, "a b"), Err(obstacle), "{text}");
        assert_eq!(fill(text, "12"), Ok(text.replace("@@", "12")), "{text}");
    }
    assert_eq!(fill("echo $((1 + @@))", "x"), Err(Obstacle::Arithmetic));
    assert_eq!(fill("echo @@", "a\0b"), Err(Obstacle::Nul));
    // An argument of a script is none of a shell's.
    let script = fill("bash run.sh -c @@", "a b");
    assert_eq!(script.unwrap(), "bash run.sh -c 'a b'");
}

#[test]
fn plain_values_are_quoted_only_where_they_would_mean_something_else() {
    for (text, value, filled) in [
        (
            "python3 t.py --lr @@ '@@' \"@@\"",
            "1e-3",
            "python3 t.py --lr 1e-3 '1e-3' \"1e-3\"",
        ),
        ("echo @@>f", "2", "echo '2'>f"),
        ("echo @@2>f", "1", "echo '1'2>f"),
        ("echo @@>f", "a2", "echo a2>f"),
        ("echo $x@@ \"$x@@\"", "y", "echo $x'y' \"$x\"\"y\""),
        ("@@ cmd a=@@", "A=b", "'A=b' cmd a=A=b"),
        ("echo \"@@\"", "a b", "echo \"a b\""),
        ("echo @@ x@@", "", "echo '' x"),
    ] {
        assert_eq!(fill(text, value).unwrap(), filled, "{text}");
    }
}

#[test]
fn spliced_values_hold_no_placeholder_for_who_reads_the_command_next() {
    for text in [
        "a @@",
        "\"@@$\"",
        "'@@'",
        "\"@@\"",
        "# @@",
        "\"@@{x}\"",
        "'@@{x}'",
        "@@{x}",
    ] {
        for value in ["${inputs.x}", "$", "a$", "$${x}", "$$"] {
            let filled = fill(text, value).unwrap();
            assert!(!filled.contains("${"), "{filled}");
        }
    }
}

#[test]
fn shell_words_that_another_shell_may_run_are_refused() {
    for text in [
        "bash -c -x 'echo @@'",
        "sh 2>/dev/null -c 'echo @@'",
        "sh -c -- 'echo @@'",
        "bash --init-file x -c 'echo @@'",
        "bash --rcfile x -c 'echo @@'",
        "bash -rcfile x -c 'echo @@'",
        "sh $X -c 'echo @@'",
        "sh -c 2>/dev/null '@@'",
        "sh >|f -c '@@'",
        "sh $(echo -c) '@@'",
        "sh {-c,} '@@'",
        "SH=sh; $SH -c 'echo @@'",
        "$BASH -c 'echo @@'",
        "env $SH -c 'echo @@'",
        "timeout 5 /bin/sh -eu -o pipefail -c \"echo @@\"",
        "find . -exec sh -c 'echo @@' ';'",
        "echo @@ | sh",
        "echo @@ | cat | bash -s",
        "{ echo @@; } | sh",
        "(echo @@) | $SH",
        "echo @@ |\n sh",
        "cat <<E | sh\n@@\nE",
        "cat <<E |\n@@\nE\nsh",
        "sh <<< @@",
        "bash <(echo @@)",
        "echo @@ > >(sh)",
        "flock F -c @@",
        "ssh host @@",
        "env -S @@",
        "BASH_ENV=@@ bash -c true",
        "env ENV=\"@@\" sh x",
        "alias ll=@@",
        "2>/dev/null eval @@",
        "command -p eval @@",
        "eval \"$(echo @@)\"",
        "echo @@ | { cat; sh; }",
        "echo @@ | cat | {\n read x\n bash\n}",
        "echo @@ | while read x; do sh; done",
        "echo @@ | if true; then cat; sh; fi",
        "echo @@ | { { cat; }; sh; }",
        "echo @@ | for i in 1; do cat; $SH; done",
        "{ cat; sh; } <<< @@",
        "{ cat; sh; } <<E\n@@\nE",
        "while read x; do sh; done <<E\n@@\nE",
        "(cat; sh) <<< @@",
        "(sh) <<E\n@@\nE",
        "bash5 -c 'echo @@'",
        "bash-5.2 -c 'echo @@'",
        "/opt/bin/zsh-5.9 -c 'echo @@'",
        "echo @@ | ksh93",
        "env mksh-static -c @@",
        "timeout 5 bash-5.3-rc1 -c @@",
    ] {
        assert_eq!(fill(text, "'$(touch x)'"), Err(Obstacle::Code), "{text}");
    }
    assert_eq!(fill("sh @@ @@", "-c"), Err(Obstacle::Option));
}

#[test]
fn shell_words_that_bash_may_calculate_are_refused() {
    for text in [
        "echo $((1 + $(echo @@)))",
        "[ -v @@ ]",
        "test -v \"@@\"",
        "printf -v @@ x",
        "read @@",
        "declare -i a=@@",
        "local -n a='@@'",
        "export @@",
        "let a=@@",
        "mapfile -C @@",
        "unset @@",
        "a[\"@@\"]=1",
        "a=([\"@@\"]=1)",
        "a=(x [\"@@\"]=1)",
        "a=(x y\n  z ['@@']=1)",
        "declare -a a=(x [\"@@\"]=1)",
        "a+=(x [0]=1 [@@]=1)",
        "[[ \"@@\" -eq 1 ]]",
        "echo ${x:@@}",
        "SECONDS=@@",
    ] {
        assert!(fill(text, "a[$(touch x)]").is_err(), "{text}");
    }
    for obstacle in [Obstacle::Brackets, Obstacle::Calculation] {
        assert!(!obstacle.hint().contains("v="), "{obstacle:?}");
    }
}

#[test]
fn shell_words_of_scripts_and_of_programs_in_variables_are_free() {
    for text in [
        "sh run.sh @@ < @@",
        "sh @@ x -n 5 @@",
        "bash -eu run.sh -c @@",
        "sh -c 'p \"$1\"' sh @@",
        "$PYTHON -m train --lr @@ > @@",
        "\"$BIN/train\" --name @@",
        "cat @@ | sh run.sh",
        "sh < @@",
        "export A=@@ B=\"@@\"",
        "[ \"@@\" = x ]",
        "[[ -f \"@@\" ]]",
        "printf '%s' @@",
        "env A=@@ timeout 5 cat @@ &> @@",
        "echo $(( $(wc -l < @@) ))",
        "echo \"[@@]\"",
        "cat @@ | while read x; do echo $x @@; done",
        "echo @@; ls | sh",
        "cat <<E\n@@\nE\nls | sh",
        "echo @@ | { cat; }; ls | sh",
        "echo @@ | { cat; sh x.sh; }",
        "while read x; do echo $x; done <<E\n@@\nE\nls | sh",
        "(cat) <<E\n@@\nE\nls | sh",
        "a=(x \"@@\" [1]=\"@@\")",
        "bashful -c @@; fish-market -w @@; sh_train.py -w @@",
    ] {
        assert!(
            fill(text, "a 'b").is_ok(),
            "{text}: {:?}",
            fill(text, "a 'b")
        );
    }
}
