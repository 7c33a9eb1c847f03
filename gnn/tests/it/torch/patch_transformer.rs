//! The masked-subsequence transformer: what it sees, what it learns by, what it refuses.

use std::error::Error;

use astern_gnn::layer::{PatchMask, PatchTransformerConfig, TransformerConfig};
use astern_gnn::torch::tch::{self, Device, Kind, Tensor};
use astern_gnn::torch::{
    ForwardMode, Init, Module, PatchTransformer, TorchError, TransformerLayer, load_state, state_of,
};

use crate::support::Outcome;
use crate::support::parity::worst;
use crate::support::torch::values;

fn patches(rate: f64) -> Result<PatchTransformer, TorchError> {
    let layer = TransformerConfig::new(8, 2).dropout(rate);
    let config = PatchTransformerConfig::new(2, 3, 6, layer).layers(2);
    PatchTransformer::new(&config, &mut Init::new(5, Kind::Double, Device::Cpu))
}

#[test]
fn hidden_patches_are_not_seen() -> Outcome {
    let model = patches(0.0)?;
    let x = Tensor::f_arange(3 * 12 * 2, (Kind::Double, Device::Cpu))?;
    let x = x.f_sin()?.f_reshape([3, 12, 2])?;
    let mask = PatchMask::new(4, [3, 1])?;
    let run = |x: &Tensor| model.reconstruct(x, &mask, ForwardMode::Eval);
    let before = run(&x)?;
    assert_eq!(before.predicted.size(), [3, 2, 3, 2]);
    // Patch 1 is steps 3 to 5, in the order of time and features.
    let target = before.target.f_select(1, 0)?;
    assert_eq!(
        values(&target)?,
        values(&x.f_narrow(1, 3, 3)?.f_contiguous()?)?
    );

    let changed = |at: i64, length: i64| -> Result<Tensor, Box<dyn Error>> {
        let copy = x.f_detach_copy()?;
        let mut part = copy.f_narrow(1, at, length)?;
        let _ = part.f_add_scalar_(0.7)?;
        Ok(copy)
    };
    let off = |x: &Tensor| -> Result<f64, Box<dyn Error>> {
        Ok(worst(
            &values(&run(x)?.predicted)?,
            values(&before.predicted)?,
        ))
    };
    assert!(off(&changed(3, 3)?)? < 1e-15, "a hidden patch was seen");
    assert!(off(&changed(11, 1)?)? < 1e-15, "a hidden patch was seen");
    assert!(off(&changed(0, 1)?)? > 1e-9, "a shown patch was not seen");
    // Nodes do not receive from each other, and nothing is hidden when encoding.
    let one = x.f_narrow(0, 1, 1)?;
    let z = model.encode(&x, ForwardMode::Eval)?;
    assert_eq!(z.size(), [3, 4, 8]);
    let alone = model.encode(&one, ForwardMode::Eval)?;
    assert!(
        worst(
            &values(&alone)?,
            values(&z.f_narrow(0, 1, 1)?.f_contiguous()?)?
        ) < 1e-12
    );
    let other = model.encode(&changed(11, 1)?, ForwardMode::Eval)?;
    assert!(worst(&values(&other)?, values(&z)?) > 1e-9);
    Ok(())
}

#[test]
fn hidden_patches_know_where_they_are() -> Outcome {
    let model = patches(0.0)?;
    // Without attention in the decoder every token stays what it is given.
    let mut state = state_of(&model)?;
    let name = "decoder.self_attn.out_proj.weight";
    let shape = state.get(name).ok_or("no decoder")?.shape.clone();
    state.insert(name, &shape, vec![0.0; shape.iter().product()]);
    load_state(&model, &state)?;

    let x = Tensor::f_ones([2, 12, 2], (Kind::Double, Device::Cpu))?;
    let hidden = model.reconstruct(&x, &PatchMask::new(4, [1, 3])?, ForwardMode::Eval)?;
    let second = hidden.predicted.f_select(1, 1)?;
    second.f_square()?.f_sum(Kind::Double)?.f_backward()?;
    let mut parameters = model.parameters().into_iter();
    let (_, position) = parameters
        .find(|(name, _)| name == "position")
        .ok_or("no positions")?;
    let by_row =
        position
            .f_grad()?
            .f_abs()?
            .f_sum_dim_intlist([1].as_slice(), false, Kind::Double)?;
    let moved: Vec<bool> = values(&by_row)?.into_iter().map(|g| g > 0.0).collect();
    assert_eq!(moved, [false, false, false, true, false, false]);
    Ok(())
}

#[test]
fn a_patch_transformer_learns_by_all_its_weights() -> Outcome {
    let model = patches(0.0)?;
    let x = Tensor::f_arange(4 * 18 * 2, (Kind::Double, Device::Cpu))?;
    let x = x.f_mul_scalar(0.3)?.f_sin()?.f_reshape([4, 18, 2])?;
    let mask = PatchMask::random(6, 0.5, 3)?;
    let loss = || -> Result<Tensor, Box<dyn Error>> {
        let hidden = model.reconstruct(&x, &mask, ForwardMode::Train)?;
        Ok((hidden.predicted - hidden.target)
            .f_abs()?
            .f_mean(Kind::Double)?)
    };
    let first = loss()?;
    first.f_backward()?;
    for (name, p) in model.parameters() {
        let grad = p.f_grad()?;
        assert!(grad.defined(), "{name}");
        assert!(grad.f_abs()?.f_max()?.f_double_value(&[])? > 0.0, "{name}");
    }
    for _ in 0..30 {
        for (_, p) in model.parameters() {
            let mut p = p.shallow_clone();
            let step = p.f_grad()?.f_mul_scalar(-0.05)?;
            let _ = tch::no_grad(|| p.f_add_(&step))?;
            p.zero_grad();
        }
        loss()?.f_backward()?;
    }
    let (first, last) = (first.f_double_value(&[])?, loss()?.f_double_value(&[])?);
    assert!(last < 0.8 * first, "{first} to {last}");
    Ok(())
}

#[test]
fn windows_and_masks_that_do_not_fit_are_errors() -> Outcome {
    let model = patches(0.0)?;
    let ones = |shape: &[i64]| Tensor::f_ones(shape, (Kind::Double, Device::Cpu)).unwrap();
    let mask = PatchMask::random(4, 0.5, 1)?;
    // Patches of 3 steps, at most 6 of them.
    for steps in [0, 2, 4, 21] {
        let error = model
            .encode(&ones(&[2, steps, 2]), ForwardMode::Eval)
            .unwrap_err();
        let expected = format!("{steps} steps make no 1 to 6 patches of 3 steps each");
        assert_eq!(error.cause.to_string(), expected);
    }
    let shapes: [&[i64]; 4] = [&[2, 12, 1], &[2, 12], &[], &[2, 12, 2, 1]];
    let mut inputs: Vec<Tensor> = shapes.map(ones).into();
    inputs.push(Tensor::new());
    inputs.push(ones(&[2, 12, 2]).f_to_kind(Kind::Float)?);
    for x in &inputs {
        assert!(model.encode(x, ForwardMode::Eval).is_err());
        assert!(model.reconstruct(x, &mask, ForwardMode::Eval).is_err());
    }
    let x = ones(&[2, 9, 2]);
    let error = model.reconstruct(&x, &mask, ForwardMode::Eval).unwrap_err();
    let expected = "the mask is of 4 patches, the window has 3";
    assert_eq!(error.cause.to_string(), expected);

    let init = &mut Init::new(5, Kind::Double, Device::Cpu);
    let layer = TransformerLayer::new(&TransformerConfig::new(8, 2), init)?;
    for x in [ones(&[2, 3, 7]), ones(&[3, 8]), Tensor::new()] {
        assert!(layer.forward(&x, ForwardMode::Eval).is_err());
    }
    Ok(())
}
