//! Parameters as they stand in files.

use std::fmt::Debug;

use astern_rca::DiagnoserParams;
use astern_rca::abstain::AbstentionParams;
use astern_rca::blame::BlameParams;
use astern_rca::explain::ExplainParams;
use astern_rca::influence::{BlendParams, InfluenceMethod, InfluenceParams};
use astern_rca::ranker::{FusedParams, FusedWeights, RankerParams};
use astern_rca::stream::{BaselineParams, Baselines};
use astern_rca::te::{
    CopulaParams, DiscreteParams, GaussianParams, KernelParams, KsgParams, Lags, Surrogates,
    SymbolicParams,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Nothing given is the default, what is written is read again, and what is unknown is named.
#[track_caller]
fn is_a_file<T: Default + Debug + PartialEq + Serialize + DeserializeOwned>() {
    assert_eq!(serde_json::from_str::<T>("{}").unwrap(), T::default());
    let written = serde_json::to_string(&T::default()).unwrap();
    assert_eq!(serde_json::from_str::<T>(&written).unwrap(), T::default());
    let refused = serde_json::from_str::<T>(r#"{"speling": 1}"#).unwrap_err();
    assert!(refused.to_string().contains("`speling`"), "{refused}");
}

#[test]
fn every_family_is_read_in_part_and_names_what_it_does_not_know() {
    is_a_file::<DiagnoserParams>();
    is_a_file::<BlameParams>();
    is_a_file::<AbstentionParams>();
    is_a_file::<ExplainParams>();
    is_a_file::<FusedParams>();
    is_a_file::<FusedWeights>();
    is_a_file::<InfluenceParams>();
    is_a_file::<BlendParams>();
    is_a_file::<BaselineParams>();
    is_a_file::<Lags>();
    is_a_file::<Surrogates>();
    is_a_file::<CopulaParams>();
    is_a_file::<DiscreteParams>();
    is_a_file::<GaussianParams>();
    is_a_file::<KernelParams>();
    is_a_file::<KsgParams>();
    is_a_file::<SymbolicParams>();
}

#[test]
fn choices_are_read_by_name() {
    let ksg = r#"{"method": {"ksg": {"count": 19, "stop_after": 3}}, "blend": {"topology": 0.5}}"#;
    let read: InfluenceParams = serde_json::from_str(ksg).unwrap();
    let surrogates = Surrogates::circular(19).stop_after(3);
    let expected = InfluenceParams::default()
        .method(InfluenceMethod::Ksg(surrogates))
        .blend(BlendParams::default().topology(0.5));
    assert_eq!(read, expected);
    let blocks = r#"{"scheme": {"blocks": {"length": 20}}}"#;
    let read: Surrogates = serde_json::from_str(blocks).unwrap();
    assert_eq!(read, Surrogates::blocks(99, 20));
    let read: RankerParams = serde_json::from_str(r#""circa""#).unwrap();
    assert_eq!(read, RankerParams::Circa);
}

#[test]
fn stored_baselines_are_checked() {
    let baselines = BaselineParams::default().check().unwrap();
    let mut stored = serde_json::to_value(&baselines).unwrap();
    assert!(serde_json::from_value::<Baselines>(stored.clone()).is_ok());
    stored["params"]["steps"] = 0.into();
    let refused = serde_json::from_value::<Baselines>(stored).unwrap_err();
    assert!(refused.to_string().contains("`steps`"), "{refused}");
}
