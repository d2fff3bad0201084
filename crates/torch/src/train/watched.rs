//! Metrics of reports that training measures on the val part after each epoch, because something hangs on them.

use pipe_data::{Dataset, TargetValues};
use pipe_schema::{
    report::Metrics,
    stage::{Train, evaluate::Metric, train::Answer},
};

use crate::{
    answer::{Answers, Form},
    error::Result,
    paired::{Paired, refusal},
};

/// What is measured beside the loss and its own metric.
pub struct Watched {
    metrics: Vec<Metric>,
    truth: TargetValues,
    rows: usize,
    form: Form,
    positive: Option<usize>,
}

/// The metric of a name like `val.f1_macro`, if rows of such a target have it.
pub fn metric_on_val(name: &str, answer: Answer) -> Option<Metric> {
    let metric = Metric::of_name(name.strip_prefix("val.")?)?;
    (metric.is_number() && metric.is_for(answer)).then_some(metric)
}

impl Watched {
    /// Of a stage whose dataset has a val part; nothing where the loss and its own metric are all that is watched.
    pub fn new(stage: &Train, dataset: &Dataset) -> Result<Option<Self>> {
        let target = &dataset.schema().target;
        let own = stage.loss.metric();
        let mut metrics: Vec<Metric> = Vec::new();
        for name in stage.watched() {
            let metric = metric_on_val(name, target.answer()).filter(|it| it.name() != own);
            metrics.extend(metric.filter(|it| !metrics.contains(it)));
        }
        if metrics.is_empty() {
            return Ok(None);
        }
        let form = Form::of(target);
        let positive = target.positive_class();
        let positive =
            positive.and_then(|it| form.names().iter().position(|name| *name == it.class));
        let part = dataset.part_as_kept("val")?;
        Ok(Some(Self {
            metrics,
            rows: part.len(),
            truth: part.target,
            form,
            positive,
        }))
    }

    /// Whether one of the metrics looks for the positive class.
    pub fn looks_for_positive(&self) -> bool {
        self.metrics.iter().any(|it| it.looks_for_positive())
    }

    /// Measures what the network gave for the rows of the val part.
    pub fn measure(&self, outputs: &[f32]) -> Result<Metrics> {
        let Ok(answers) = Answers::of_rows(outputs, self.rows, &self.form) else {
            // The loss is lost as well, and says so.
            return Ok(Metrics::new());
        };
        let width = self.form.width();
        let paired = Paired::of(&self.truth, &answers, width, self.positive)?;
        let measured = crate::metric::measure(&self.metrics, &paired.answers());
        let measured = measured.map_err(|it| refusal(&it))?;
        Ok(measured.metrics)
    }
}
