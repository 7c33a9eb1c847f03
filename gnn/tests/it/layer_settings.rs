//! Settings of layers: every rule, and that they come back from a file as they were.

use astern_gnn::layer::{
    AttentionReadoutConfig, CausalConvConfig, GraphNormConfig, PatchMask, PatchTransformerConfig,
    RecurrentConfig, RgcnConfig, SubtractiveConfig, Subtrahend, TgcnConfig, TransformerConfig,
};
use astern_gnn::{ConfigError, SelfLoops};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::Outcome;

/// The setting that is refused.
fn refused(check: Result<(), ConfigError>) -> &'static str {
    match check.unwrap_err() {
        ConfigError::OutOfRange { name, .. } => name,
        other => panic!("{other}"),
    }
}

#[test]
fn every_rule_is_held() {
    assert_eq!(refused(RgcnConfig::new(0, 1, 1).check()), "inputs");
    assert_eq!(refused(RgcnConfig::new(1, 0, 1).check()), "outputs");
    assert_eq!(refused(RgcnConfig::new(1, 1, 0).check()), "relations");
    assert_eq!(refused(RgcnConfig::new(1, 1, 1).bases(0).check()), "bases");

    let away = SubtractiveConfig::new(1, 1);
    assert_eq!(refused(SubtractiveConfig::new(0, 1).check()), "inputs");
    assert_eq!(refused(SubtractiveConfig::new(1, 0).check()), "outputs");
    let slope = away.clone().negative_slope(f64::NAN);
    assert_eq!(refused(slope.check()), "negative_slope");
    assert_eq!(refused(away.dropout(1.0).check()), "dropout");

    assert_eq!(refused(GraphNormConfig::new(0).check()), "width");
    for eps in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(GraphNormConfig::new(1).eps(eps).check()), "eps");
    }

    assert_eq!(refused(RecurrentConfig::new(0, 1).check()), "inputs");
    assert_eq!(refused(RecurrentConfig::new(1, 0).check()), "outputs");
    assert_eq!(refused(TgcnConfig::new(0, 1).check()), "inputs");
    assert_eq!(refused(TgcnConfig::new(1, 0).check()), "outputs");

    assert_eq!(refused(CausalConvConfig::new(0, 1, 1).check()), "inputs");
    assert_eq!(refused(CausalConvConfig::new(1, 0, 1).check()), "outputs");
    assert_eq!(refused(CausalConvConfig::new(1, 1, 0).check()), "kernel");
    let still = CausalConvConfig::new(1, 1, 1).dilation(0);
    assert_eq!(refused(still.check()), "dilation");

    assert_eq!(refused(AttentionReadoutConfig::new(0).check()), "inputs");
    let nothing = AttentionReadoutConfig::new(1).outputs(0);
    assert_eq!(refused(nothing.check()), "outputs");

    let layer = TransformerConfig::new(8, 2);
    assert_eq!(refused(TransformerConfig::new(0, 1).check()), "width");
    assert_eq!(refused(TransformerConfig::new(8, 0).check()), "heads");
    assert_eq!(refused(TransformerConfig::new(8, 3).check()), "heads");
    let inner = layer.clone().feed_forward(0);
    assert_eq!(refused(inner.check()), "feed_forward");
    assert_eq!(refused(layer.clone().dropout(-0.1).check()), "dropout");
    let patches = |f, l, p| PatchTransformerConfig::new(f, l, p, TransformerConfig::new(8, 2));
    assert_eq!(refused(patches(0, 1, 1).check()), "features");
    assert_eq!(refused(patches(1, 0, 1).check()), "patch_length");
    assert_eq!(refused(patches(1, 1, 0).check()), "max_patches");
    assert_eq!(refused(patches(1, 1, 1).layers(0).check()), "layers");
    let inner = PatchTransformerConfig::new(1, 1, 1, layer.dropout(2.0));
    assert_eq!(refused(inner.check()), "dropout");
}

fn comes_back<T>(config: &T) -> Outcome
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let back: T = serde_json::from_str(&serde_json::to_string(config)?)?;
    assert_eq!(&back, config);
    Ok(())
}

#[test]
fn settings_come_back_from_json() -> Outcome {
    comes_back(&RgcnConfig::new(3, 4, 2).bases(2).root_weight(false))?;
    comes_back(&SubtractiveConfig::new(3, 4).subtrahend(Subtrahend::Attention))?;
    comes_back(&GraphNormConfig::new(3).eps(1e-3))?;
    comes_back(&RecurrentConfig::new(3, 4).bias(false))?;
    comes_back(&TgcnConfig::new(3, 4).loops(SelfLoops::AsGiven))?;
    comes_back(&CausalConvConfig::new(3, 4, 2).dilation(4))?;
    comes_back(&AttentionReadoutConfig::new(3).outputs(2))?;
    let layer = TransformerConfig::new(8, 2);
    comes_back(&PatchTransformerConfig::new(1, 12, 9, layer).layers(2))
}

#[test]
fn masks_are_drawn_from_the_seed_and_checked() -> Outcome {
    let of = |seed| PatchMask::random(12, 0.75, seed);
    assert_eq!(of(1)?, of(1)?);
    assert_ne!(of(1)?, of(2)?);
    let mut often = [0; 12];
    for seed in 0..2000 {
        let mask = of(seed)?;
        assert_eq!((mask.hidden().len(), mask.shown().len()), (9, 3));
        mask.hidden().iter().for_each(|&p| often[p] += 1);
    }
    // 1500 expected, standard deviation 19.
    assert!(often.iter().all(|n| (1400..1600).contains(n)), "{often:?}");

    let text = |mask: Result<PatchMask, _>| {
        let error: ConfigError = mask.unwrap_err();
        error.to_string()
    };
    let beyond = "hidden patch is 4, allowed is below the number of patches";
    assert_eq!(text(PatchMask::new(4, [0, 4])), beyond);
    let none = "hidden patches is 0, allowed is at least 1, fewer than all";
    assert_eq!(text(PatchMask::new(4, [])), none);
    assert_eq!(text(PatchMask::random(4, 0.2, 1)), none);
    assert_eq!(text(PatchMask::random(0, 0.5, 1)), none);
    let all = "hidden patches is 2, allowed is at least 1, fewer than all";
    assert_eq!(text(PatchMask::new(2, [0, 1, 1])), all);
    for share in [1.0, -0.1, f64::NAN] {
        assert!(text(PatchMask::random(4, share, 1)).starts_with("share is"));
    }
    Ok(())
}

#[test]
fn a_mask_of_very_many_patches_is_refused() {
    for mask in [
        PatchMask::new(usize::MAX, [0]),
        PatchMask::random(usize::MAX, 0.5, 1),
    ] {
        let message = mask.unwrap_err().to_string();
        assert!(message.contains("at most 2^24"), "{message}");
    }
}
