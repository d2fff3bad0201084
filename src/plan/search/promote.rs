//! Rules of promotions: a package, an alias, gates with metrics of reports. Judges nothing.

use indexmap::IndexMap;
use pipe_schema::promote::{Gate, Promote};

use super::{Known, Watch, check_metric, find_instance, kind_of_stage, link};
use crate::{
    plan::name,
    spec::{Diagnostic, Entry, Node, suggest::unknown},
};

pub fn check(
    promote: &Promote,
    block: &Node,
    sweeps: &IndexMap<String, Entry>,
    known: &Known<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let package = block.nearest(["package"]);
    let link = link(&promote.package, package.span);
    if let Some((draft, _)) = find_instance(&promote.package, &link, known, found)
        && known.drafts[draft].kind != "package"
    {
        found.push(Diagnostic::error("a promotion takes a package").at(
            package.span,
            format!(
                "`{}` is {}",
                promote.package.stage,
                kind_of_stage(known.drafts[draft].kind)
            ),
        ));
    }
    let check_alias = |alias: &str, node: &Node, found: &mut Vec<Diagnostic>| {
        if !name::is_legal(alias) {
            found.push(
                Diagnostic::error(format!("`{alias}` is no name for an alias"))
                    .at(node.span, name::explain(alias))
                    .hint(name::RULE),
            );
        }
    };
    check_alias(&promote.alias, block.nearest(["alias"]), found);
    if let Some(from) = &promote.from
        && !sweeps.contains_key(&from.sweep)
    {
        let names: Vec<&str> = sweeps.keys().map(String::as_str).collect();
        found.push(unknown(
            "sweep",
            &from.sweep,
            &names,
            block.nearest(["from", "sweep"]).span,
        ));
    }
    for (i, gate) in promote.gates.iter().enumerate() {
        let node = block.nearest(["gates", i.to_string().as_str()]);
        match gate {
            Gate::Threshold(gate) => {
                let head = node.entries().first().map_or(node.span, |it| it.key_span);
                match (gate.min, gate.max) {
                    (None, None) => found.push(
                        Diagnostic::error("a threshold needs `min` or `max`")
                            .at(head, "no bound given")
                            .hint("write `{threshold: {metric: score.accuracy, min: 0.95}}`"),
                    ),
                    (Some(min), Some(max)) if min > max => found.push(
                        Diagnostic::error("nothing can pass this threshold")
                            .at(head, format!("`min` {min} is above `max` {max}")),
                    ),
                    _ => {}
                }
                let metric = node.nearest(["threshold", "metric"]);
                check_metric(&gate.metric, metric.span, Watch::Report, None, known, found);
            }
            Gate::Against(gate) => {
                check_alias(&gate.alias, node.nearest(["against", "alias"]), found);
                let metric = node.nearest(["against", "metric"]);
                check_metric(&gate.metric, metric.span, Watch::Report, None, known, found);
            }
        }
    }
}
