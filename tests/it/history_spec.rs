//! The spec of a history: commands that note that they ran, and write what the model says.

use crate::model::{BAD_SALT, Form, Model};

/// Bytes that a large out has more than its content.
pub const LARGE: usize = 20_000;

/// The spec of the model's stages.
pub fn spec_of(model: &Model) -> String {
    let mut spec = "version: 1\nname: history\nstages:\n".to_owned();
    for (at, stage) in model.stages.iter().enumerate() {
        let inputs = model.inputs(at);
        let (by_path, typed): (Vec<usize>, Vec<usize>) =
            inputs.iter().partition(|it| model.is_by_path(at, **it));
        let mut place = 0;
        let mut read: Vec<String> = Vec::new();
        for input in &inputs {
            if by_path.contains(input) {
                read.push(format!("s{input}.out"));
            } else {
                read.push(format!("${{inputs.i{place}}}/o"));
                place += 1;
            }
        }
        let mut deps: Vec<String> = by_path.iter().map(|it| format!("s{it}.out")).collect();
        deps.extend(model.source(at).map(|it| format!("f{it}")));
        read.extend(model.source(at).map(|it| format!("f{it}")));
        let (salt, read) = (stage.salt, read.join(" "));
        // A large out has more than its content.
        let text = if by_path.is_empty() {
            ""
        } else {
            " | tr -d '\\\\000'"
        };
        let bad = if salt == BAD_SALT { "exit 3; " } else { "" };
        let (short, out) = match stage.form {
            Form::Whole => ("", String::new()),
            Form::Short => (" | (head -c 3; cat > /dev/null)", String::new()),
            Form::Out => ("", format!("; cp ${{outputs.o}} s{at}.out")),
            Form::Large => (
                "",
                format!("; (cat ${{outputs.o}}; head -c {LARGE} /dev/zero) > s{at}.out"),
            ),
        };
        spec += &format!(
            "  s{at}:\n    command:\n      cmd: \"echo $PIPE_STAGE {salt} >> .git/journal; {bad}\
             (printf '{salt}('; cat /dev/null {read}{text}; printf ')'){short} > ${{outputs.o}}{out}\"\n      \
             outputs: {{o: {{type: files}}}}\n"
        );
        if !deps.is_empty() {
            spec += &format!("      deps: [{}]\n", deps.join(", "));
        }
        if stage.form.has_out() {
            spec += &format!("      outs: [s{at}.out]\n");
        }
        if !typed.is_empty() {
            let named: Vec<String> = typed
                .iter()
                .enumerate()
                .map(|(it, input)| format!("i{it}: s{input}.o"))
                .collect();
            spec += &format!("      inputs: {{{}}}\n", named.join(", "));
        }
    }
    spec
}
