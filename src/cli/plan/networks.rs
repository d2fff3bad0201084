//! The networks of a plan: what each layer gives, parameters and memory, as far as sizes are known. Knows where datasets lie;
//! not what a layer computes.

use std::collections::BTreeMap;

use pipe_schema::{
    dataset::{DatasetSchema, PART_FILE, Part, SCHEMA_FILE},
    scalar::BatchSize,
    shape::{self, Codes, Ends, Footprint, Row, Sized},
    slot::parameter_count,
    stage::{Task, Train},
};
use serde_json::{Map, Value, json};

use crate::{
    cli::{Context, outlook, project::Project, show},
    plan::{Plan, Stage, StageId},
    report::{figures, table::Table},
    schedule::Forecast,
    store::Store,
};

/// Rows that are run at once where nothing is learned: in predictions, and in measuring after each epoch.
const RUN_ROWS: u64 = 1024;

/// What is known of a dataset that the store has.
struct Known {
    schema: DatasetSchema,
    train_rows: u64,
    val_rows: u64,
}

/// The network of a train stage.
#[derive(PartialEq)]
struct Drawn {
    layers: Vec<Sized>,
    /// Why it cannot be, where it cannot.
    misfit: Option<String>,
    footprint: Option<Footprint>,
    /// Rows of a step, where they are known.
    batch: Option<u64>,
    /// Rows that are measured at once after each epoch.
    measured: u64,
    /// The stage whose dataset would tell sizes that are not known.
    waits_for: Option<StageId>,
}

/// For people: a table for each network; one line each for instances that differ.
pub fn text(project: &Project, context: &Context) -> anyhow::Result<String> {
    let drawn = draw(project, context)?;
    let mut text = String::new();
    for group in project.plan.groups() {
        let networks: Vec<(&StageId, &Drawn)> = group
            .instances
            .iter()
            .filter_map(|it| Some((&it.id, drawn.get(&it.id)?)))
            .collect();
        let Some((_, first)) = networks.first() else {
            continue;
        };
        text.push('\n');
        if networks.iter().all(|it| it.1 == *first) {
            text.push_str(&first.table(group.name, context));
        } else {
            text.push_str(&lines(&networks, context));
        }
    }
    Ok(text)
}

/// For programs, by stage.
pub fn content(project: &Project, context: &Context) -> anyhow::Result<Map<String, Value>> {
    let drawn = draw(project, context)?;
    Ok(drawn
        .iter()
        .map(|(id, it)| (id.clone(), it.json()))
        .collect())
}

fn draw(project: &Project, context: &Context) -> anyhow::Result<BTreeMap<StageId, Drawn>> {
    let known = known(project, context)?;
    let networks = trainings(&project.plan).map(|(stage, train)| {
        let data = data_of(stage);
        let dataset = data.and_then(|it| known.get(it));
        let mut drawn = Drawn::of(train, dataset);
        if drawn.footprint.is_none() && dataset.is_none() {
            drawn.waits_for = data.cloned();
        }
        (stage.id.clone(), drawn)
    });
    Ok(networks.collect())
}

fn trainings(plan: &Plan) -> impl Iterator<Item = (&Stage, &Train)> {
    plan.stages.values().filter_map(|stage| match &stage.task {
        Task::Train(train) => Some((&**stage, &**train)),
        _ => None,
    })
}

fn data_of(stage: &Stage) -> Option<&StageId> {
    let data = stage.inputs.iter().find(|it| it.role == "data")?;
    Some(&data.stage)
}

/// The datasets of trainings that are as the spec has them now.
fn known(project: &Project, context: &Context) -> anyhow::Result<BTreeMap<StageId, Known>> {
    let mut known = BTreeMap::new();
    let mut targets: Vec<StageId> = trainings(&project.plan)
        .filter_map(|it| data_of(it.0).cloned())
        .collect();
    targets.sort();
    targets.dedup();
    if targets.is_empty() || !Store::is_at(&project.store) {
        return Ok(known);
    }
    let wish = outlook::Wish {
        targets: targets.clone(),
        ..outlook::Wish::default()
    };
    let store = Store::open_existing(&project.store)?;
    for (stage, forecast) in outlook::of(project, &wish, context)? {
        let Forecast::Cached(record) = forecast else {
            continue;
        };
        let Some(output) = record
            .outputs
            .get("main")
            .filter(|_| targets.contains(&stage))
        else {
            continue;
        };
        let folder = store.artifact(&output.digest);
        let rows = |part: &str| -> anyhow::Result<u64> {
            let part = show::read::<Part>(&folder.join(part).join(PART_FILE))?;
            Ok(part.map_or(0, |it| it.rows))
        };
        if let Some(schema) = show::read(&folder.join(SCHEMA_FILE))? {
            let (train_rows, val_rows) = (rows("train")?, rows("val")?);
            known.insert(
                stage,
                Known {
                    schema,
                    train_rows,
                    val_rows,
                },
            );
        }
    }
    Ok(known)
}

impl Drawn {
    fn of(train: &Train, dataset: Option<&Known>) -> Self {
        let ends = match dataset {
            Some(dataset) => Ends::of(&dataset.schema, train.loss),
            None => Ends {
                row: Row::Any,
                codes: Codes::Unknown,
                loss: train.loss,
                classes: None,
                targets: None,
            },
        };
        let (layers, misfit) = match shape::lower(&train.model, &ends) {
            Ok(layers) => (layers, None),
            Err(misfit) => (Vec::new(), Some(misfit.to_string())),
        };
        let footprint = match misfit {
            None => Footprint::of(
                &layers,
                &ends.row,
                &train.optimizer,
                train.early_stopping.is_some(),
            ),
            Some(_) => None,
        };
        let rows = dataset.map(|it| it.train_rows);
        let batch = match train.batch_size {
            BatchSize::Rows(batch) => Some(rows.map_or(batch, |it| it.min(batch))),
            BatchSize::Full => rows,
        };
        Self {
            layers,
            misfit,
            footprint,
            batch,
            measured: dataset.map_or(0, |it| it.val_rows).min(RUN_ROWS),
            waits_for: None,
        }
    }

    /// All parameters, where they are known.
    fn parameters(&self) -> Option<u64> {
        let layers = self.layers.iter().map(|it| it.layer.clone());
        let layers: Vec<_> = layers.collect::<Option<_>>()?;
        self.misfit.is_none().then(|| parameter_count(&layers))
    }

    fn training(&self) -> Option<u64> {
        Some(self.footprint?.training(self.batch?, self.measured))
    }

    fn table(&self, name: &str, context: &Context) -> String {
        if let Some(misfit) = &self.misfit {
            return format!("network of {name}: does not fit its data: {misfit}\n");
        }
        let all = match self.parameters() {
            Some(count) => figures::plural(count, "parameter"),
            None => "? parameters".to_owned(),
        };
        let mut table = Table::new(&["layer", "gives", "#parameters"]);
        for it in &self.layers {
            table.row([
                it.name.to_owned(),
                sizes(&it.gives).map_or("?".to_owned(), |it| words(it, " × ")),
                match it
                    .layer
                    .as_ref()
                    .map(|it| parameter_count(std::slice::from_ref(it)))
                {
                    Some(0) => String::new(),
                    Some(count) => figures::count(count),
                    None => "?".to_owned(),
                },
            ]);
        }
        let table = table.render(context.width);
        format!("network of {name}: {all}\n{table}{}\n", self.memory())
    }

    fn memory(&self) -> String {
        let Some(found) = self.footprint else {
            let of = match &self.waits_for {
                Some(stage) => format!(": sizes depend on `{stage}`, which is not made yet"),
                None => ": sizes are not known".to_owned(),
            };
            return format!("memory: ?{of}");
        };
        let running = figures::bytes(found.running(RUN_ROWS));
        let run = format!("{running} to run {RUN_ROWS} rows");
        let Some(batch) = self.batch else {
            return format!("memory, about: {run}; to train: depends on the rows");
        };
        let [training, weights, gradients, optimizer, activations] = [
            found.training(batch, self.measured),
            found.weights.saturating_add(found.best),
            found.gradients,
            found.optimizer,
            found.activations(batch),
        ]
        .map(figures::bytes);
        let rows = figures::plural(batch, "row");
        let measuring = found.measuring(self.measured);
        let other = if found.saving > measuring.max(found.activations(batch)) {
            format!(
                " or, to write a checkpoint, {}",
                figures::bytes(found.saving)
            )
        } else if measuring > found.activations(batch) {
            let rows = figures::plural(self.measured, "row");
            format!(" or, to measure {rows}, {}", figures::bytes(measuring))
        } else {
            String::new()
        };
        format!(
            "memory, about: {training} to train (weights {weights}, gradients {gradients}, optimizer {optimizer}, \
             activations of {rows} {activations}{other}); {run}"
        )
    }

    fn json(&self) -> Value {
        let layers = self.layers.iter().map(|it| {
            let parameters = it
                .layer
                .as_ref()
                .map(|it| parameter_count(std::slice::from_ref(it)));
            json!({"layer": it.name, "gives": sizes(&it.gives), "parameters": parameters})
        });
        let memory = self.footprint.map(|it| {
            json!({
                "weights": it.weights,
                "gradients": it.gradients,
                "optimizer": it.optimizer,
                "batch": self.batch,
                "best_weights": it.best,
                "checkpoint": it.saving,
                "activations": self.batch.map(|batch| it.activations(batch)),
                "training": self.training(),
                "run_rows": RUN_ROWS,
                "running": it.running(RUN_ROWS),
            })
        });
        json!({
            "layers": layers.collect::<Vec<_>>(),
            "parameters": self.parameters(),
            "memory_bytes": memory,
            "misfit": self.misfit,
            "waits_for": self.waits_for,
        })
    }
}

/// One line a network.
fn lines(networks: &[(&StageId, &Drawn)], context: &Context) -> String {
    let mut table = Table::new(&["network of", "#parameters", "#memory to train, about", ""]);
    for (id, drawn) in networks {
        let or_unknown = |it: Option<String>| it.unwrap_or_else(|| "?".to_owned());
        table.row([
            (*id).clone(),
            or_unknown(drawn.parameters().map(figures::count)),
            or_unknown(drawn.training().map(figures::bytes)),
            drawn.misfit.clone().unwrap_or_default(),
        ]);
    }
    table.render(context.width)
}

fn sizes(row: &Row) -> Option<&[u32]> {
    match row {
        Row::Sizes(sizes) => Some(sizes),
        Row::Any | Row::Flat => None,
    }
}

fn words(sizes: &[u32], between: &str) -> String {
    let sizes: Vec<String> = sizes.iter().map(u32::to_string).collect();
    sizes.join(between)
}
