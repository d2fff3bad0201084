//! Layers one after another, and beside one another in residual blocks. Knows no single layer.

use super::{Codes, Misfit, Row, Sized, embedding, layers::pass};
use crate::{layer::Layer, stage::train::LayerSpec};

/// Layers so far.
pub struct Sequence {
    pub layers: Vec<Sized>,
    first: Row,
    codes: Codes,
}

impl Sequence {
    pub fn new(row: Row, codes: Codes) -> Self {
        Self {
            layers: Vec::new(),
            first: row,
            codes,
        }
    }

    /// What the next layer gets.
    pub fn row(&self) -> &Row {
        self.layers.last().map_or(&self.first, |it| &it.gives)
    }

    /// Rows are kept flat: where they mean more dimensions, the first layer gives them these.
    pub fn unfold(&mut self) {
        if let Row::Sizes(shape) = &self.first
            && shape.len() > 1
        {
            let (gives, shape) = (self.first.clone(), shape.clone());
            self.add("reshape", Some(Layer::Reshape { shape }), gives);
        }
    }

    /// One more.
    pub fn push(&mut self, spec: &LayerSpec) -> Result<(), Misfit> {
        if let LayerSpec::Residual { layers, shortcut } = spec {
            return self.push_residual(layers, shortcut);
        }
        if let LayerSpec::Embedding {
            embedding_dim,
            num_embeddings,
        } = *spec
        {
            let codes = self.codes.clone();
            return embedding::push_row(self, &codes, embedding_dim, num_embeddings);
        }
        let (layer, gives) = pass(self.row(), spec)?;
        self.add(spec.name(), layer, gives);
        Ok(())
    }

    /// Layers, beside them the way around, and the sum of both.
    fn push_residual(
        &mut self,
        layers: &[LayerSpec],
        shortcut: &[LayerSpec],
    ) -> Result<(), Misfit> {
        if layers.is_empty() {
            let empty = Misfit::new("`residual` must have at least one layer", "no layer");
            return Err(empty.under(&["residual", "layers"]));
        }
        let (start, from) = (self.layers.len(), self.row().clone());
        self.push_all(layers, "layers")?;
        let (end, body) = (self.layers.len(), self.row().clone());
        let mut point = start;
        if !shortcut.is_empty() {
            let recall = Layer::Recall {
                point: start as u32,
            };
            self.add("recall", Some(recall), from);
            self.push_all(shortcut, "shortcut")?;
            point = end;
        }
        let around = if shortcut.is_empty() {
            self.given(start)
        } else {
            self.row()
        };
        if let (Row::Sizes(a), Row::Sizes(b)) = (&body, around)
            && a != b
        {
            let title = "`residual` cannot add rows of two shapes";
            let found = format!("its layers give {body}, added to {around}");
            let hint = if shortcut.is_empty() {
                "give it a `shortcut` with layers that bring the input to that shape"
            } else {
                "`shortcut` must give what `layers` give"
            };
            return Err(Misfit::new(title, found).hint(hint).under(&["residual"]));
        }
        let gives = match &body {
            Row::Sizes(_) => body,
            _ => around.clone(),
        };
        let point = point as u32;
        self.add("add", Some(Layer::Add { point }), gives);
        Ok(())
    }

    fn push_all(&mut self, specs: &[LayerSpec], field: &str) -> Result<(), Misfit> {
        for (i, spec) in specs.iter().enumerate() {
            let at = |error: Misfit| error.under(&["residual", field, &i.to_string()]);
            self.push(spec).map_err(at)?;
        }
        Ok(())
    }

    /// What a layer gets.
    fn given(&self, at: usize) -> &Row {
        match at.checked_sub(1) {
            Some(before) => &self.layers[before].gives,
            None => &self.first,
        }
    }

    /// The linear layer that gives what the loss needs.
    pub fn push_head(&mut self, outputs: Option<u32>) {
        let layer = match (self.row(), outputs) {
            (Row::Sizes(sizes), Some(outputs)) if sizes.len() == 1 => Some(Layer::Linear {
                in_features: sizes[0],
                out_features: outputs,
                bias: true,
            }),
            _ => None,
        };
        let gives = outputs.map_or(Row::Flat, Row::flat);
        self.add("linear", layer, gives);
    }

    /// One more layer whose sizes are worked out.
    pub fn add(&mut self, name: &'static str, layer: Option<Layer>, gives: Row) {
        self.layers.push(Sized { layer, name, gives });
    }
}
