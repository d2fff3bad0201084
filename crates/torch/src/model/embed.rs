//! Codes of categories become the numbers that stand for them. Knows tensors alone.

use tch::{Kind, Tensor};

use crate::error::{Error, Result};

/// The rows of `weight` that codes name: `[…]` becomes `[…, dim]`. A code that there is not is refused.
pub fn embed(weight: &Tensor, codes: &Tensor) -> Result<Tensor> {
    let count = weight.size()[0];
    let whole = codes.f_to_kind(Kind::Int64)?;
    let fits = whole
        .f_to_kind(Kind::Float)?
        .f_eq_tensor(codes)?
        .f_logical_and(&whole.f_ge(0)?)?
        .f_logical_and(&whole.f_lt(count)?)?;
    if fits.f_all()?.f_int64_value(&[])? == 0 {
        let others = codes.f_masked_select(&fits.f_logical_not()?)?;
        let code = others.f_double_value(&[0])?;
        return Err(Error::wrong(format!(
            "`embedding` gets {code}, which is no code: codes are the whole numbers from 0 to {}",
            count - 1
        ))
        .hint(
            "`tokens` and `ordinal: {unknown: own}` make codes of words; no step may change them afterwards",
        ));
    }
    Ok(Tensor::f_embedding(weight, &whole, -1, false, false)?)
}

/// Takes the code at `column` out of each flat row, and puts its numbers at the end.
pub fn embed_column(weight: &Tensor, rows: &Tensor, column: i64) -> Result<Tensor> {
    let numbers = embed(weight, &rows.f_select(1, column)?)?;
    let after = column + 1;
    let parts = [
        rows.f_narrow(1, 0, column)?,
        rows.f_narrow(1, after, rows.size()[1] - after)?,
        numbers,
    ];
    Ok(Tensor::f_cat(&parts, 1)?)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn rows(values: &[f32]) -> Tensor {
        Tensor::from_slice(values).view([-1, 3])
    }

    #[test]
    fn numbers_of_a_code_come_behind_what_is_left_of_the_row() {
        let weight = Tensor::from_slice(&[10.0f32, 11.0, 20.0, 21.0]).view([2, 2]);
        let found = embed_column(&weight, &rows(&[5.0, 1.0, 6.0, 7.0, 0.0, 8.0]), 1).unwrap();
        let found: Vec<f32> = Vec::try_from(found.flatten(0, -1)).unwrap();
        assert_eq!(found, [5.0, 6.0, 20.0, 21.0, 7.0, 8.0, 10.0, 11.0]);
    }

    #[test]
    fn what_is_no_code_is_named() {
        let weight = Tensor::zeros([4, 2], (Kind::Float, Device::Cpu));
        for (values, named) in [
            ([0.0, 1.0, 4.0], "gets 4,"),
            ([0.0, -1.0, 1.0], "gets -1,"),
            ([0.5, 1.0, 3.0], "gets 0.5,"),
            ([f32::NAN, 1.0, 3.0], "gets NaN,"),
        ] {
            let error = embed(&weight, &rows(&values)).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
            assert!(error.contains("from 0 to 3"), "{error}");
        }
        assert_eq!(
            embed(&weight, &rows(&[0.0, 1.0, 3.0])).unwrap().size(),
            [1, 3, 2]
        );
    }
}
