//! A plan as a table for people: what runs in which order, what it reads and makes. Pure text.

use std::collections::{BTreeSet, HashMap};

use indexmap::{IndexMap, IndexSet};
use pipe_schema::text::one_line;
use serde_json::Value;

use super::{Plan, Stage};

/// All instances of a stage as one line.
pub struct Group<'a> {
    pub name: &'a str,
    pub instances: Vec<&'a Stage>,
}

impl Plan {
    /// The stages with their instances, each behind those that it waits for.
    pub fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: IndexMap<&str, Vec<&Stage>> = IndexMap::new();
        for stage in self.stages.values() {
            groups.entry(&stage.name).or_default().push(stage);
        }
        let places: HashMap<&str, usize> =
            groups.keys().enumerate().map(|(i, it)| (*it, i)).collect();
        let needs: Vec<Vec<usize>> = groups
            .values()
            .map(|instances| {
                let names = instances
                    .iter()
                    .flat_map(|it| it.predecessors())
                    .filter_map(|it| Some(self.stages.get(it)?.name.as_str()));
                let names: IndexSet<&str> = names.collect();
                names.into_iter().map(|it| places[it]).collect()
            })
            .collect();
        let (ordered, _) = super::order::order(needs.len(), |it| &needs[it]);
        ordered
            .into_iter()
            .filter_map(|it| groups.get_index(it))
            .map(|(name, instances)| Group {
                name,
                instances: instances.clone(),
            })
            .collect()
    }

    /// The plan as a table.
    pub fn outline(&self) -> String {
        let groups = self.groups();
        let mut rows = vec![["stage", "kind", "reads", "makes"].map(str::to_owned)];
        for group in &groups {
            let cells = [
                group.title(),
                group.kind().to_owned(),
                group.reads(),
                group.makes(),
            ];
            rows.push(cells.map(|it| one_line(&it).into_owned()));
        }
        let mut widths = [0; 4];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = format!("{}: {}\n\n", self.name, self.count(groups.len()));
        for (i, row) in rows.iter().enumerate() {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width + 2 - cell.chars().count()));
            }
            text.push_str(line.trim_end());
            text.push('\n');
            let axes = i
                .checked_sub(1)
                .map(|it| groups[it].axes())
                .unwrap_or_default();
            for (axis, values) in axes {
                text.push_str(&format!("  {axis}: {}\n", one_line(&values.join(", "))));
            }
        }
        for name in self.sweeps.keys() {
            text.push_str(&format!("\nsweep {name}: {}", self.sweep_line(name)));
        }
        for (name, promote) in &self.promote {
            text.push_str(&format!(
                "\npromotion {name}: {} becomes {}, {} gates",
                promote.package,
                promote.alias,
                promote.gates.len()
            ));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }

    fn count(&self, n_names: usize) -> String {
        let several = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let stages = several(n_names, "stage");
        if n_names == self.stages.len() {
            stages
        } else {
            format!("{stages}, {}", several(self.stages.len(), "instance"))
        }
    }

    fn sweep_line(&self, name: &str) -> String {
        let sweep = &self.sweeps[name];
        let vars: Vec<&str> = sweep.parameters.keys().map(String::as_str).collect();
        let goal = word(&serde_json::to_value(sweep.metric.goal).unwrap_or_default());
        let trials = sweep
            .trials
            .map_or(String::new(), |it| format!(", {it} trials"));
        format!(
            "{goal} {} over {}{trials}",
            sweep.metric.name,
            vars.join(", ")
        )
    }
}

impl Group<'_> {
    pub fn kind(&self) -> &'static str {
        self.instances.first().map_or("", |it| it.task.kind())
    }

    /// `fit`, or `fit ×3`.
    fn title(&self) -> String {
        match self.instances.len() {
            1 if self.instances[0].instance.is_empty() => self.name.to_owned(),
            n => format!("{} ×{n}", self.name),
        }
    }

    /// The values of each axis.
    fn axes(&self) -> IndexMap<&str, Vec<String>> {
        let mut axes: IndexMap<&str, IndexSet<String>> = IndexMap::new();
        for stage in &self.instances {
            for (axis, value) in &stage.instance {
                axes.entry(axis).or_default().insert(word(value));
            }
        }
        axes.into_iter()
            .map(|(axis, values)| (axis, values.into_iter().collect()))
            .collect()
    }

    /// What it reads: stages with their parts, then files, then what it only waits for.
    fn reads(&self) -> String {
        let mut words: IndexSet<String> = IndexSet::new();
        for stage in &self.instances {
            let is_command = stage.task.kind() == "command";
            for input in &stage.inputs {
                let mut name = stage_name(&input.stage).to_owned();
                if input.output != "main" && !is_command {
                    name = format!("{name}.{}", input.output);
                }
                for word in [&input.part, &input.metric].into_iter().flatten() {
                    name = format!("{name}.{word}");
                }
                words.insert(name);
            }
        }
        let implied: Vec<String> = words
            .iter()
            .filter(|it| self.kind() == "package" && it.contains('.'))
            .cloned()
            .collect();
        words.retain(|it| !implied.contains(it));
        for stage in &self.instances {
            words.extend(stage.files.iter().map(|it| it.path.clone()));
        }
        let mut after: IndexSet<String> = IndexSet::new();
        for stage in &self.instances {
            after.extend(
                stage
                    .after
                    .iter()
                    .map(|it| format!("after {}", stage_name(it))),
            );
        }
        words.extend(after);
        let words: Vec<String> = words.into_iter().collect();
        shorten(&words)
    }

    fn makes(&self) -> String {
        let Some(first) = self.instances.first() else {
            return String::new();
        };
        let mut words: Vec<String> = first
            .outputs
            .iter()
            .map(|(name, of)| match name.as_str() {
                "main" => of.name().to_owned(),
                _ => format!("{name}: {}", of.name()),
            })
            .collect();
        let outs: BTreeSet<&String> = self.instances.iter().flat_map(|it| &it.outs).collect();
        words.extend(outs.into_iter().cloned());
        shorten(&words)
    }
}

/// A few words, and how many more there are.
fn shorten(words: &[String]) -> String {
    const MOST: usize = 6;
    if words.len() <= MOST {
        return words.join(", ");
    }
    format!(
        "{}, … {} more",
        words[..MOST].join(", "),
        words.len() - MOST
    )
}

/// Whether an id is of the instances that are meant: `fit@fold=0@lr=0.1` is one of `fit`, `fit@lr=0.1` and
/// `fit@lr=0.1@fold=0`.
pub fn is_meant(id: &str, meant: &str) -> bool {
    let (mut id, mut meant) = (id.split('@'), meant.split('@'));
    let has_name = id.next() == meant.next();
    let selectors: Vec<&str> = id.collect();
    has_name && meant.all(|it| selectors.contains(&it))
}

/// The name in an id.
pub fn stage_name(id: &str) -> &str {
    id.split('@').next().unwrap_or(id)
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
