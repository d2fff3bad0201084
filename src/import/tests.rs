//! Texts of values, and that no text of a dvc.yaml ends in a panic.

use proptest::prelude::*;

use super::{Workspace, from_dvc, template};
use crate::spec::Value;

struct Texts<'a>(&'a [(&'a str, &'a str)]);

impl Workspace for Texts<'_> {
    fn read(&self, path: &str) -> Result<Option<String>, String> {
        let found = self.0.iter().find(|it| it.0 == path);
        Ok(found.map(|it| it.1.to_owned()))
    }

    fn exists(&self, path: &str) -> bool {
        self.0.iter().any(|it| it.0 == path)
    }

    fn levels_up(&self) -> usize {
        1
    }
}

#[test]
fn numbers_are_written_as_python_writes_them() {
    for (number, text) in [
        (0.1, "0.1"),
        (3.0, "3.0"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1.5e-7, "1.5e-07"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e+16"),
        (-2.5e100, "-2.5e+100"),
        (1.0 / 3.0, "0.3333333333333333"),
        (f64::INFINITY, "inf"),
        (f64::NAN, "nan"),
    ] {
        assert_eq!(template::text_of(&Value::Float(number)), text);
    }
    assert_eq!(template::text_of(&Value::Null), "None");
    assert_eq!(template::text_of(&Value::Bool(true)), "true");
}

#[test]
fn settings_of_dvc_change_what_flags_a_map_becomes() {
    let pipeline = "vars: [{f: {quiet: false, sizes: [1, 2]}}]\nstages: {a: {cmd: 'x ${f}'}}\n";
    let cmd = |config: &str| {
        let texts = [("dvc.yaml", pipeline), ("../.dvc/config", config)];
        let imported = from_dvc(&["dvc.yaml".to_owned()], "a", &Texts(&texts)).unwrap();
        let line = imported.text.lines().find(|it| it.contains("cmd:"));
        line.unwrap().trim().to_owned()
    };
    assert_eq!(cmd(""), "cmd: x --sizes ${f_sizes_0} ${f_sizes_1}");
    assert_eq!(
        cmd(
            "[core]\n  bool = x\n['parsing']\n[parsing]\n  bool = boolean_optional\n  list = append\n"
        ),
        "cmd: x --no-quiet --sizes ${f_sizes_0} --sizes ${f_sizes_1}"
    );
}

#[test]
fn vars_of_a_stage_are_its_own() {
    let pipeline = "
stages:
  a: {vars: [{n: 1}], cmd: 'echo ${n} > a', outs: [a]}
  b: {vars: [{n: 2}], cmd: 'echo ${n} > b', outs: [b]}
  c: {wdir: sub, vars: [own.json], cmd: 'echo ${n} > c', outs: [c]}
";
    let texts = [("dvc.yaml", pipeline), ("sub/own.json", "{\"n\": 2}")];
    let imported = from_dvc(&["dvc.yaml".to_owned()], "a", &Texts(&texts)).unwrap();
    for part in [
        "n: 1",
        "n_2: 2",
        "echo ${n} > a",
        "echo ${n_2} > b",
        "echo ${n_2} > c",
    ] {
        assert!(imported.text.contains(part), "{part}\n{}", imported.text);
    }
}

/// Words that a dvc.yaml is made of, sensible and not.
const WORDS: [&str; 36] = [
    "stages:",
    "\n",
    "\n  ",
    "\n    ",
    "\n      ",
    "\n        ",
    "a:",
    "b: ",
    "cmd: ",
    "echo ",
    "${",
    "}",
    "${item}",
    "${item.a}",
    "${key}",
    "${x[0]}",
    "$",
    "\\",
    "foreach: ",
    "do:",
    "matrix: ",
    "[1, a]",
    "{a: 1}",
    "deps: ",
    "outs: ",
    "- ",
    "params: ",
    "vars: ",
    "wdir: ",
    "frozen: true",
    "é",
    "'",
    "\"",
    "#",
    "|",
    ": ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_pipeline_panics(
        indices in prop::collection::vec(0..WORDS.len(), 0..30),
        params in prop::collection::vec(0..WORDS.len(), 0..8),
    ) {
        let join = |indices: &[usize]| indices.iter().map(|it| WORDS[*it]).collect::<String>();
        let pipeline = format!("stages:\n  a:\n    cmd: echo {}\n", join(&indices));
        let (loose, params) = (join(&indices), join(&params));
        for text in [&pipeline, &loose] {
            let texts = [("dvc.yaml", text.as_str()), ("params.yaml", params.as_str())];
            let _ = from_dvc(&["dvc.yaml".to_owned()], "a", &Texts(&texts));
        }
    }
}
