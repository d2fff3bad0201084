//! What a run is asked to do, and what it would do: for `run`, `status` and `explain`. Executes no stage.

use std::{collections::BTreeSet, io::Write, path::PathBuf};

use pipe_schema::{record::Record, run::Reason};
use serde_json::{Value, json};

use super::{Context, Format, UserError, discovery, project::Project};
use crate::{
    exec::{
        environment::Host,
        local::{self, Local},
    },
    graph::{self, Graph, Selection},
    key::reason,
    plan::{Plan, StageId},
    report::{
        figures,
        style::{BAD, BOLD, DIM, GOOD, PLAIN, WARN},
        table::Table,
    },
    schedule::{self, Capacity, Forecast, Options, Unknown, Untouched},
    spec::suggest,
    store::Store,
};

/// What the command line asks of a run.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Names or ids of stages; none means all.
    pub targets: Vec<String>,
    pub downstream: bool,
    /// Stages to force; an empty name means the targets.
    pub force: Option<Vec<String>>,
    /// Stages to execute again beside their results.
    pub check: Vec<String>,
    pub keep_going: bool,
    pub jobs: Option<u32>,
}

/// What a run would do with each stage, in order.
pub fn of(
    project: &Project,
    wish: &Wish,
    context: &Context,
) -> anyhow::Result<Vec<(StageId, Forecast)>> {
    let (graph, selection) = select(&project.plan, &wish.targets, wish.downstream)?;
    let options = options(project, wish, &selection, context)?;
    let forecast = |store: &Store| {
        let mut executor = executor(&options, store);
        schedule::forecast(
            &project.plan,
            &graph,
            &selection,
            store,
            &mut executor,
            &options,
        )
    };
    // Looking makes no store: where there is none yet, an empty one is asked, and removed afterwards.
    let nowhere;
    if !Store::is_at(&project.store) {
        nowhere = tempfile::tempdir()?;
        return forecast(&Store::open(&nowhere.path().join("store"))?);
    }
    let open = || Store::open_existing(&project.store);
    let first = forecast(&open()?)?;
    if !first.iter().any(|(_, it)| is_damaged(it)) {
        return Ok(first);
    }
    // What is damaged was set aside, and a run may find the same result elsewhere: it opens the store anew, too.
    let again = forecast(&open()?)?;
    let told = first.into_iter().zip(again);
    Ok(told
        .map(|(first, again)| match (&first.1, &again.1) {
            // Only the first one knows of the damage.
            (Forecast::Run { .. }, Forecast::Run { .. }) => first,
            _ => again,
        })
        .collect())
}

/// Whether a stage would run because what there is of its result is damaged.
fn is_damaged(forecast: &Forecast) -> bool {
    let Forecast::Run { reasons, .. } = forecast else {
        return false;
    };
    (reasons.iter()).any(|it| matches!(it, Reason::OutputDamaged { .. }))
}

/// What runs jobs on this machine; starts nothing until there is one.
pub fn executor(options: &Options, store: &Store) -> Local {
    Local::new(local::Config {
        program: PathBuf::from("/proc/self/exe"),
        worker: options.worker.clone(),
        host: options.host.clone(),
        logs: store.root().join("log"),
    })
}

/// The graph of a plan and the stages that take part: the targets with all they need.
pub fn select(
    plan: &Plan,
    targets: &[String],
    downstream: bool,
) -> anyhow::Result<(Graph, Selection)> {
    let graph = graph::build(plan)?;
    let ids = ids(plan, targets)?;
    let selection = graph.select(ids.iter().map(String::as_str), downstream);
    Ok((graph, selection))
}

/// Options of a run, but for its id.
pub fn options(
    project: &Project,
    wish: &Wish,
    selection: &Selection,
    context: &Context,
) -> anyhow::Result<Options> {
    let host = Host::new(context.environment.clone());
    let capacity = Capacity::of_machine(&host);
    Ok(Options {
        offline: false,
        run: String::new(),
        spec: discovery::recorded_spec(&project.spec, &project.store, context),
        folder: project.folder.clone(),
        project: discovery::project_root(&project.folder),
        worker: context.worker.clone(),
        host,
        jobs: wish.jobs.unwrap_or(capacity.cpus) as usize,
        capacity,
        keep_going: wish.keep_going,
        force: forced(project, wish, selection)?,
        check: ids(&project.plan, &wish.check)?.into_iter().collect(),
        protected: project.protected.clone(),
        sandbox: None,
        untouched: Untouched::default(),
        git: None,
    })
}

/// Stages that run in any case: those named with `--force=STAGE`; with a bare `--force` the targets, or all.
fn forced(
    project: &Project,
    wish: &Wish,
    selection: &Selection,
) -> Result<BTreeSet<StageId>, UserError> {
    let mut forced = BTreeSet::new();
    for name in wish.force.iter().flatten() {
        match (name.as_str(), wish.targets.as_slice()) {
            ("", []) => forced.extend(selection.iter().cloned()),
            ("", targets) => forced.extend(ids(&project.plan, targets)?),
            _ => forced.extend(ids(&project.plan, std::slice::from_ref(name))?),
        }
    }
    Ok(forced)
}

/// Ids of the stages that are named, all instances of a name.
pub fn ids(plan: &Plan, names: &[String]) -> Result<Vec<StageId>, UserError> {
    let mut ids = Vec::new();
    for name in names {
        let before = ids.len();
        ids.extend(plan.instances(name).map(|it| it.id.clone()));
        if ids.len() == before {
            let known = || plan.stages.values().map(|it| it.name.as_str());
            let error = UserError::usage(format!("there is no stage `{name}` in the spec"));
            if let Some(near) = suggest::nearest(name, known()) {
                return Err(error.hint(format!("did you mean `{near}`?")));
            }
            let all: Vec<&str> = known().collect::<BTreeSet<_>>().into_iter().collect();
            return Err(error.hint(format!("it has {}", suggest::list(all))));
        }
    }
    Ok(ids)
}

/// Prints what would be done, one line a stage.
pub fn print(
    outlook: &[(StageId, Forecast)],
    format: Format,
    context: &Context,
) -> anyhow::Result<()> {
    let mut out = context.output();
    if format == Format::Json {
        let list: Value = outlook
            .iter()
            .map(|(stage, forecast)| to_json(stage, forecast))
            .collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&list)?)?;
        return Ok(());
    }
    let mut table = Table::new(&["", "", ""]);
    for (stage, forecast) in outlook {
        let (style, why) = match forecast {
            Forecast::Cached(record) => (GOOD, note_count(record)),
            Forecast::Run { reasons, .. } => (WARN, reason::summary(reasons)),
            Forecast::Blocked { on } => (DIM, format!("depends on {}", unknown(on))),
            Forecast::Broken { message, .. } => (BAD, message.clone()),
        };
        table.styled([
            (BOLD, stage.clone()),
            (style, state(forecast).to_owned()),
            (PLAIN, why),
        ]);
    }
    write!(out, "{}", table.render(context.width))?;
    writeln!(out, "{}", last_line(outlook))?;
    Ok(())
}

fn note_count(record: &Record) -> String {
    match record.observed.notes.len() {
        0 => String::new(),
        notes => figures::plural(notes as u64, "note"),
    }
}

/// What is not known before a run.
pub fn unknown(on: &Unknown) -> String {
    match on {
        Unknown::Stage(by) => format!("what {by} makes"),
        Unknown::Version(tool) => format!("the version of `{tool}`, which only a run asks"),
    }
}

/// The word for what would be done.
pub fn state(forecast: &Forecast) -> &'static str {
    match forecast {
        Forecast::Cached(_) => "cached",
        Forecast::Run { .. } => "run",
        Forecast::Blocked { .. } => "blocked",
        Forecast::Broken { .. } => "broken",
    }
}

/// For programs.
pub fn to_json(stage: &str, forecast: &Forecast) -> Value {
    let mut json = json!({"stage": stage, "state": state(forecast)});
    match forecast {
        Forecast::Cached(record) => {
            json["key"] = json!(record.key);
            if !record.observed.notes.is_empty() {
                json["notes"] = json!(record.observed.notes);
            }
        }
        Forecast::Run { key, reasons, .. } => {
            json["key"] = json!(key);
            json["reasons"] = json!(reasons);
            json["text"] = json!(reason::summary(reasons));
        }
        Forecast::Blocked {
            on: Unknown::Stage(by),
        } => json["by"] = json!(by),
        Forecast::Blocked {
            on: Unknown::Version(tool),
        } => json["version_of"] = json!(tool),
        Forecast::Broken { message, hint } => {
            json["message"] = json!(message);
            json["hint"] = json!(hint);
        }
    }
    json
}

fn last_line(outlook: &[(StageId, Forecast)]) -> String {
    let count = |word: &str| outlook.iter().filter(|(_, it)| state(it) == word).count() as u64;
    let [cached, run, blocked, broken] = ["cached", "run", "blocked", "broken"].map(count);
    if cached as usize == outlook.len() {
        return format!("nothing to do: {} cached", figures::plural(cached, "stage"));
    }
    let words: Vec<String> = [
        (run, "to run"),
        (blocked, "blocked until then"),
        (broken, "broken"),
        (cached, "cached"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, word)| format!("{} {word}", figures::count(number)))
    .collect();
    format!(
        "{}: {}",
        figures::plural(outlook.len() as u64, "stage"),
        words.join(", ")
    )
}
