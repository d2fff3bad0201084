//! Linear layers with 8-bit weights. Knows tensors alone.
//!
//! libtorch's `quantized::linear_dynamic` takes one range for all activations of a batch, so that a row's outputs would
//! depend on the rows beside it. Here each row is scaled to [0, 1] by its own range first; the operator then always finds
//! the same range, and its sums of integers are exact: a row's outputs are the same in every batch, to the last bit.

use tch::{Device, Kind, Tensor};

use crate::{
    error::Result,
    shim::{Argument, Operator, Value},
};

/// A linear layer that computes with integers.
pub struct QuantizedLinear {
    operator: Operator,
    packed: Value,
    /// Each output's sum of weights: what a shift of all inputs by 1 adds to it.
    sums: Tensor,
    bias: Option<Tensor>,
}

/// Weights as integers: `weight` is about `integers * scale`.
pub struct Integers {
    /// i8, in the shape of the weights.
    pub integers: Tensor,
    pub scale: f64,
}

/// Quantizes as PyTorch's default dynamic configuration does (`MinMaxObserver`, qint8, per_tensor_symmetric):
/// scale = max |w| / 127.5, zero at 0, at least the f32 epsilon.
pub fn quantize(weight: &Tensor) -> Result<Integers> {
    let weight = weight.f_detach()?.f_to_device(Device::Cpu)?;
    let largest = if weight.numel() == 0 {
        0.0
    } else {
        weight.f_abs()?.f_max()?.f_double_value(&[])? as f32
    };
    // In f32, as there.
    let scale = f64::from((largest / 127.5).max(f32::EPSILON));
    let quantized = weight.f_quantize_per_tensor(scale, 0, Kind::QInt8)?;
    Ok(Integers {
        integers: quantized.f_int_repr()?,
        scale,
    })
}

impl QuantizedLinear {
    /// Packs the weights for the CPU.
    pub fn new(weight: &Integers, bias: Option<&Tensor>) -> Result<Self> {
        let integers = weight.integers.f_to_device(Device::Cpu)?;
        let bias = bias.map(|it| it.f_detach()?.f_to_device(Device::Cpu));
        let sums = integers.f_sum_dim_intlist([1i64].as_slice(), false, Kind::Double)?;
        let weights = integers.f_internal_make_per_tensor_quantized_tensor(weight.scale, 0)?;
        Ok(Self {
            operator: Operator::find("quantized::linear_dynamic")?,
            packed: Operator::find("quantized::linear_prepack")?
                .call(&[Argument::Tensor(&weights), Argument::None])?,
            sums: sums.f_mul_scalar(weight.scale)?.f_to_kind(Kind::Float)?,
            bias: bias.transpose()?,
        })
    }

    /// The outputs for rows: [n, in] gives [n, out]. TorchScript files compute the same, in the same order.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let low = x.f_amin([-1i64].as_slice(), true)?;
        let high = x.f_amax([-1i64].as_slice(), true)?;
        // A row of equal values has no span; it is all zeros then, and the shift says the rest.
        let span = high
            .f_subtract(&low)?
            .f_clamp_min(f64::from(f32::MIN_POSITIVE))?;
        let unit = x.f_subtract(&low)?.f_divide(&span)?;
        // Reduced range: without VNNI two products are added in 16 bits, which full range would overflow.
        let reduce_range = Argument::Bool(true);
        let mut y = self
            .operator
            .call(&[
                Argument::Tensor(&unit),
                Argument::Value(&self.packed),
                reduce_range,
            ])?
            .tensor()?;
        let mut y = y.f_mul_(&span)?.f_add_(&low.f_mul(&self.sums)?)?;
        match &self.bias {
            Some(bias) => Ok(y.f_add_(bias)?),
            None => Ok(y),
        }
    }

    /// The weights as the operator takes them, for TorchScript.
    pub fn packed(&self) -> &Value {
        &self.packed
    }

    /// Each output's sum of weights, for TorchScript.
    pub fn sums(&self) -> &Tensor {
        &self.sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::seed;

    const FLOATS: (Kind, Device) = (Kind::Float, Device::Cpu);

    fn layer(inputs: i64, outputs: i64) -> (QuantizedLinear, Tensor, Tensor) {
        let weight = Tensor::randn([outputs, inputs], FLOATS);
        let bias = Tensor::randn([outputs], FLOATS);
        let integers = quantize(&weight).unwrap();
        let layer = QuantizedLinear::new(&integers, Some(&bias)).unwrap();
        (layer, weight, bias)
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor.flatten(0, -1)).unwrap()
    }

    #[test]
    fn weights_are_quantized_as_pytorch_does() {
        // torch.ao.quantization.default_dynamic_qconfig.weight() of this gives scale 0.0392156877.
        let weight = Tensor::from_slice(&[5.0f32, -4.99, 0.0, 0.02, -0.05, 2.5]).view([2, 3]);
        let integers = quantize(&weight).unwrap();
        assert_eq!(integers.scale, f64::from(5.0f32 / 127.5f32));
        let whole: Vec<i64> =
            Vec::try_from(integers.integers.to_kind(Kind::Int64).flatten(0, -1)).unwrap();
        assert_eq!(whole, [127, -127, 0, 1, -1, 64]);
        let zeros = quantize(&Tensor::zeros([2, 2], FLOATS)).unwrap();
        assert_eq!(zeros.scale, f64::from(f32::EPSILON));
    }

    #[test]
    fn outputs_are_close_to_those_of_floats() {
        let _turn = seed(3);
        let (layer, weight, bias) = layer(64, 32);
        let rows = Tensor::randn([40, 64], FLOATS);
        let exact = rows.linear(&weight, Some(&bias));
        let error = (layer.forward(&rows).unwrap() - &exact).norm() / exact.norm();
        assert!(error.double_value(&[]) < 0.02, "{error:?}");
    }

    #[test]
    fn a_row_does_not_depend_on_its_neighbours() {
        let _turn = seed(4);
        let (layer, ..) = layer(37, 19);
        // Rows of very different size, a row of equal values, rows of one sign.
        let rows = Tensor::randn([23, 37], FLOATS)
            * Tensor::logspace(-6.0, 6.0, 23, 10.0, FLOATS).view([23, 1]);
        let rows = Tensor::cat(
            &[
                &rows,
                &Tensor::ones([1, 37], FLOATS),
                &rows.abs(),
                &(-rows.abs()),
            ],
            0,
        );
        let together = layer.forward(&rows).unwrap();
        for at in 0..rows.size()[0] {
            let alone = layer.forward(&rows.narrow(0, at, 1)).unwrap();
            assert_eq!(
                values(&alone),
                values(&together.narrow(0, at, 1)),
                "row {at}"
            );
        }
    }
}
