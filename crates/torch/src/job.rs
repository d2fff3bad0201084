//! From a request to the work that it asks for. Knows who does what; does nothing itself.

use std::path::Path;

use pipe_schema::{
    protocol::{Done, Failed, Request, Work},
    stage::{Task, preprocess::Preprocess},
    text::size_words,
};
use pipe_wire::Reporter;

use crate::{
    compress::compress,
    error::{Error, Result},
    evaluate::evaluate,
    package::package,
    predict::predict,
    probe,
    request::input,
    shim,
    train::train,
};

/// Does what the request asks for and leaves the result in its output folder.
#[allow(clippy::needless_pass_by_value)] // the signature of `pipe_wire::Handler`
pub fn perform(request: Request, reporter: &mut Reporter) -> Result<Done, Failed> {
    Ok(dispatch(&request, reporter)?)
}

fn dispatch(request: &Request, reporter: &mut Reporter) -> Result<Done> {
    tch::set_num_threads(i32::try_from(request.threads).unwrap_or(i32::MAX));
    shim::be_deterministic()?;
    match &request.work {
        Work::Stage(Task::Preprocess(block)) => preprocess(block, request, reporter),
        Work::Stage(Task::Train(stage)) => train(stage, request, reporter),
        Work::Stage(Task::Evaluate(block)) => evaluate(block, request, reporter),
        Work::Stage(Task::Compress(block)) => compress(block, request, reporter),
        Work::Stage(Task::Package(block)) => package(block, request, reporter),
        Work::Predict(work) => predict(work, request, reporter),
        Work::Convert { form } => convert(*form, request),
        Work::Probe => Ok(Done {
            environments: probe::environments()?,
            ..Done::default()
        }),
        Work::Fetch(_) => Err(Error::bug("a worker was asked to fetch a file")),
        Work::Stage(task) => Err(Error::bug(format!(
            "a worker was asked for a {} stage",
            task.kind()
        ))),
    }
}

fn preprocess(block: &Preprocess, request: &Request, reporter: &mut Reporter) -> Result<Done> {
    let files = pipe_data::Files::from_inputs(&request.inputs)?;
    let output = Path::new(&request.output);
    let room = &pipe_wire::memory::room;
    let summary =
        pipe_data::preprocess_within(block, &files, output, room, &mut |note| match note {
            pipe_data::Note::Progress { done, total, unit } => reporter.progress(done, total, unit),
            pipe_data::Note::Log(text) => reporter.note(text),
        })?;
    let rows = summary
        .rows
        .iter()
        .map(|(part, rows)| format!("{part} {rows}"));
    let rows: Vec<String> = rows.collect();
    let features = summary.features;
    let dense = size_words(summary.dense_bytes);
    let size = match size_words(summary.bytes) {
        size if summary.bytes < summary.dense_bytes => {
            format!(", sparse: {size} in place of {dense}")
        }
        _ => String::new(),
    };
    let rows = rows.join(", ");
    reporter.log(format!("rows: {rows}; features: {features}{size}"));
    Ok(Done::default())
}

fn convert(form: pipe_schema::stage::command::InputForm, request: &Request) -> Result<Done> {
    let data = input(request, "data")?;
    let part = data.part.as_deref().unwrap_or("train");
    let dataset = pipe_data::Dataset::open(&data.path)?;
    let path = Path::new(&request.output).join(form.file_name());
    pipe_data::convert(&dataset, part, form, &path)?;
    Ok(Done::default())
}
