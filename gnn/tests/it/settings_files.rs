//! Settings in files: what a file leaves out has its default, what it misspells is named, and what
//! is read is checked like any other setting.

use std::fmt::Debug;

use astern_gnn::explain::{AblationParams, CascadeParams, CounterfactualParams};
use astern_gnn::layer::{
    AttentionReadoutConfig, CausalConvConfig, GatConfig, GatV2Config, GcnConfig, GraphNormConfig,
    LinearConfig, PatchTransformerConfig, RecurrentConfig, RgcnConfig, SageConfig,
    SubtractiveConfig, TgcnConfig, TransformerConfig,
};
use astern_gnn::model::Activation;
use astern_gnn::ndarray::array;
use astern_gnn::one_class::Plateau;
use astern_gnn::train::{
    AdamConfig, EarlyStop, OptimizerConfig, RmsPropConfig, SgdConfig, Smote, SmoteAmount,
    TrainParams,
};
use astern_gnn::{ConfigError, Graph, NetworkConfig, OneClassParams};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::Outcome;

/// A file reads as these settings, and they come back from one.
fn reads<T>(json: &str, settings: &T) -> Outcome
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    assert_eq!(&serde_json::from_str::<T>(json)?, settings, "{json}");
    assert_eq!(
        &serde_json::from_str::<T>(&serde_json::to_string(settings)?)?,
        settings
    );
    let misspelt = json.replacen('{', r#"{"bais":1,"#, 1).replace(",}", "}");
    let error = serde_json::from_str::<T>(&misspelt).err();
    let text = error.map(|e| e.to_string()).unwrap_or_default();
    assert!(text.contains("unknown field `bais`"), "{json}: {text}");
    Ok(())
}

fn refused(check: Result<(), ConfigError>) -> String {
    check.err().map(|e| e.to_string()).unwrap_or_default()
}

#[test]
fn layers_need_their_widths_alone() -> Outcome {
    let wide = r#"{"inputs":3,"outputs":2}"#;
    reads(wide, &GcnConfig::new(3, 2))?;
    reads(wide, &GatConfig::new(3, 2))?;
    reads(wide, &GatV2Config::new(3, 2))?;
    reads(wide, &SageConfig::new(3, 2))?;
    reads(wide, &LinearConfig::new(3, 2))?;
    reads(wide, &RecurrentConfig::new(3, 2))?;
    reads(wide, &TgcnConfig::new(3, 2))?;
    reads(wide, &SubtractiveConfig::new(3, 2))?;
    let dilated = r#"{"inputs":3,"outputs":2,"kernel":4,"dilation":2}"#;
    reads(dilated, &CausalConvConfig::new(3, 2, 4).dilation(2))?;
    let mixed = r#"{"inputs":3,"outputs":2,"relations":4,"bases":2}"#;
    reads(mixed, &RgcnConfig::new(3, 2, 4).bases(2))?;
    let dense = r#"{"inputs":3,"outputs":2}"#;
    reads(dense, &AttentionReadoutConfig::new(3).outputs(2))?;
    reads(r#"{"width":3}"#, &GraphNormConfig::new(3))?;
    let layer = TransformerConfig::new(8, 2);
    reads(r#"{"width":8,"heads":2}"#, &layer)?;
    let narrow = r#"{"width":8,"heads":2,"feed_forward":4,"dropout":0}"#;
    reads(narrow, &layer.clone().feed_forward(4).dropout(0.0))?;
    let patches =
        r#"{"features":1,"patch_length":12,"max_patches":9,"layer":{"width":8,"heads":2}}"#;
    reads(patches, &PatchTransformerConfig::new(1, 12, 9, layer))
}

#[test]
fn a_width_that_is_left_out_is_refused() -> Outcome {
    let check = |json| serde_json::from_str::<GcnConfig>(json).map(|config| config.check());
    let text = refused(check(r#"{"inputs":3}"#)?);
    assert_eq!(text, "outputs is 0, allowed is at least 1");
    assert!(serde_json::from_str::<TransformerConfig>(r#"{"width":8}"#).is_err());
    let empty: CascadeParams = serde_json::from_str("{}")?;
    let graph = Graph::new(array![[1.0]], [])?;
    let score = |_: &Graph| Ok::<_, ConfigError>(vec![0.0]);
    assert!(empty.run(&graph, &[0], score).is_err());
    let empty: CounterfactualParams = serde_json::from_str("{}")?;
    assert!(empty.run(&graph, 0, score).is_err());
    let empty: EarlyStop = serde_json::from_str("{}")?;
    let text = refused(TrainParams::default().early_stop(empty).check());
    assert!(text.starts_with("early_stop.patience is 0"), "{text}");
    Ok(())
}

#[test]
fn a_network_is_read_layer_by_layer() -> Outcome {
    let json = r#"{"layers":[{"type":"gru","inputs":4,"outputs":8},
        {"type":"gatv2","inputs":8,"outputs":2,"heads":2}],"activation":"elu"}"#;
    let network = NetworkConfig::new()
        .layer(RecurrentConfig::new(4, 8))
        .layer(GatV2Config::new(8, 2).heads(2))
        .activation(Activation::Elu);
    reads(json, &network)?;
    let misspelt = json.replace("heads", "haeds");
    let error = serde_json::from_str::<NetworkConfig>(&misspelt).err();
    let text = error.map(|e| e.to_string()).unwrap_or_default();
    assert!(text.contains("unknown field `haeds`"), "{text}");
    let none: NetworkConfig = serde_json::from_str("{}")?;
    assert_eq!(none.check(), Err(ConfigError::NoLayer { widths: vec![] }));
    Ok(())
}

#[test]
fn trainings_have_their_defaults() -> Outcome {
    reads("{}", &SgdConfig::new(1e-3))?;
    reads("{}", &AdamConfig::new(1e-3))?;
    reads("{}", &RmsPropConfig::new(1e-2))?;
    reads(r#"{"name":"adam"}"#, &OptimizerConfig::adam(1e-3))?;
    reads(r#"{"name":"adam_w"}"#, &OptimizerConfig::adam_w(1e-3))?;
    let decay = r#"{"name":"adam_w","learning_rate":0.1,"weight_decay":0.0}"#;
    let adam = AdamConfig::new(0.1);
    reads(decay, &OptimizerConfig::AdamW(adam))?;
    let stop = EarlyStop::after(3);
    reads(r#"{"patience":3}"#, &stop)?;
    let params = TrainParams::default().epochs(5).early_stop(stop);
    reads(r#"{"epochs":5,"early_stop":{"patience":3}}"#, &params)?;
    let smote = Smote::new(&[1]).amount(SmoteAmount::Balance);
    reads(r#"{"classes":[1],"amount":"balance"}"#, &smote)?;
    let plateau = Plateau {
        patience: 3,
        min_decrease: 0.0,
    };
    let params = OneClassParams::default().hidden([8]).plateau(plateau);
    reads(r#"{"hidden":[8],"plateau":{"patience":3}}"#, &params)
}

#[test]
fn explanations_have_their_defaults() -> Outcome {
    let ablation = AblationParams::default().hops(2);
    reads(r#"{"hops":2}"#, &ablation)?;
    let cascade = CascadeParams::new(2).draws(9);
    reads(r#"{"reach":2,"draws":9}"#, &cascade)?;
    reads(r#"{"threshold":1.5}"#, &CounterfactualParams::new(1.5))
}
