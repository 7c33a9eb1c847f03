//! Masked-subsequence transformer on tensors.

use tch::Tensor;

use super::super::TorchError;
use super::super::error::Named;
use super::super::module::{ForwardMode, Init, Module, Visitor};
use super::super::tensor::{from_indices, int, shaped};
use super::layer_norm::LayerNorm;
use super::{Linear, TransformerLayer, dropped};
use crate::layer::{LinearConfig, PatchMask, PatchTransformerConfig};

/// Learns what usual time series look like by rebuilding hidden patches; see
/// [`PatchTransformerConfig`].
///
/// A window `[N, T, F]` is cut into `P = T / L` patches. Patches become tokens
/// `z = W patch + b + position`, [`encode`](Self::encode) lets the tokens of each node attend to
/// each other, and [`reconstruct`](Self::reconstruct) encodes those that are shown and decodes the others
/// from them. The loss of the authors is the mean absolute error of hidden patches.
///
/// # Complexity
///
/// Time O(N P d (P + d)) a layer, d the width.
///
/// # Source
///
/// Shao et al., Pre-training Enhanced Spatial-temporal Graph Neural Network for Multivariate Time
/// Series Forecasting (STEP, `TSFormer`), KDD 2022 (arXiv 2206.09113). As there, tokens are scaled by
/// `sqrt(d)` before each stack of layers, one mask serves all nodes, and the decoder is one layer.
/// Deviations: all features of a step are in the patch (there only the first is rebuilt); the mask
/// token begins uniform in ±.02, there as a cut-off normal distribution; the decoder has a norm as
/// the encoder has.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::{PatchMask, PatchTransformerConfig, TransformerConfig};
/// use astern_gnn::torch::tch::{Device, Kind, Tensor};
/// use astern_gnn::torch::{Init, ForwardMode, PatchTransformer};
///
/// // Patches of 5 steps of 2 features, up to 8 of them.
/// let config = PatchTransformerConfig::new(2, 5, 8, TransformerConfig::new(16, 4)).layers(2);
/// let init = &mut Init::new(7, Kind::Float, Device::Cpu);
/// let model = PatchTransformer::new(&config, init)?;
///
/// let window = Tensor::f_ones([3, 40, 2], (Kind::Float, Device::Cpu))?;
/// assert_eq!(model.encode(&window, ForwardMode::Eval)?.size(), [3, 8, 16]);
/// let hidden = model.reconstruct(&window, &PatchMask::random(8, 0.75, 1)?, ForwardMode::Eval)?;
/// assert_eq!(hidden.predicted.size(), [3, 6, 5, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PatchTransformer {
    config: PatchTransformerConfig,
    patch: Linear,
    /// `[max_patches, d]`.
    position: Tensor,
    /// `[d]`.
    mask_token: Tensor,
    encoder: Vec<TransformerLayer>,
    encoder_norm: LayerNorm,
    to_decoder: Linear,
    decoder: TransformerLayer,
    decoder_norm: LayerNorm,
    output: Linear,
}

/// Hidden patches as they are and as they were predicted from the others, each `[N, M, L, F]` for M
/// hidden patches in the order of time.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reconstruction {
    /// What the model says.
    pub predicted: Tensor,
    /// What was hidden.
    pub target: Tensor,
}

impl PatchTransformer {
    /// A model with random weights; positions and the mask token are uniform in ±.02.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &PatchTransformerConfig, init: &mut Init) -> Result<Self, TorchError> {
        config
            .check()
            .map_err(|e| TorchError::new("patch_transformer", &[], e))?;
        let width = config.layer.width;
        let size = config.patch_length.saturating_mul(config.features);
        let layer = |init: &mut Init| TransformerLayer::new(&config.layer, init);
        Ok(Self {
            patch: Linear::new(&LinearConfig::new(size, width), init)?,
            position: init.uniform(&[config.max_patches, width].map(int), 0.02)?,
            mask_token: init.uniform(&[int(width)], 0.02)?,
            encoder: (0..config.layers)
                .map(|_| layer(init))
                .collect::<Result<_, _>>()?,
            encoder_norm: LayerNorm::new(int(width), init)?,
            to_decoder: Linear::new(&LinearConfig::new(width, width), init)?,
            decoder: layer(init)?,
            decoder_norm: LayerNorm::new(int(width), init)?,
            output: Linear::new(&LinearConfig::new(width, size), init)?,
            config: config.clone(),
        })
    }

    /// The settings.
    pub fn config(&self) -> &PatchTransformerConfig {
        &self.config
    }

    /// Tokens `[N, P, d]` of the window `x` `[N, T, F]`, T a multiple of the patch length; nothing
    /// is hidden.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, too many patches, another kind or another device.
    pub fn encode(&self, x: &Tensor, mode: ForwardMode) -> Result<Tensor, TorchError> {
        let tokens = self.tokens(&self.patches(x)?, mode)?;
        self.encoded(&tokens, mode)
    }

    /// Hides patches of the window `x` `[N, T, F]` and predicts them from the others.
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode), and [`TorchError`] for a mask of another number of
    /// patches.
    pub fn reconstruct(
        &self,
        x: &Tensor,
        mask: &PatchMask,
        mode: ForwardMode,
    ) -> Result<Reconstruction, TorchError> {
        let patches = self.patches(x)?;
        let [nodes, n_patches, _] = shaped("patch_transformer", &patches, [None; 3])?;
        if int(mask.n_patches()) != n_patches {
            let of = mask.n_patches();
            let source = format!("the mask is of {of} patches, the window has {n_patches}");
            return Err(TorchError::new("patch_transformer", &[x], source));
        }
        let rows = |of: &[usize]| from_indices(of.iter().map(|&p| int(p)), x.device());
        let (hidden, shown) = (rows(mask.hidden())?, rows(mask.shown())?);
        let chosen = |of: &Tensor, which: &Tensor| {
            of.f_index_select(1, which)
                .named("index_select", &[of, which])
        };

        let tokens = self.tokens(&patches, mode)?;
        let encoded = self.encoded(&chosen(&tokens, &shown)?, mode)?;
        let known = self.to_decoder.apply(&encoded)?;
        let unknown = self.mask_tokens(&hidden, nodes, mode)?;
        let all = Tensor::f_cat(&[&known, &unknown], 1).named("cat", &[&known, &unknown])?;
        let decoded = self.decoder.forward(&self.scaled(&all)?, mode)?;
        // The hidden ones came last.
        let (n_shown, n_hidden) = (int(mask.shown().len()), int(mask.hidden().len()));
        let decoded = decoded
            .f_narrow(1, n_shown, n_hidden)
            .named("narrow", &[&decoded])?;
        let predicted = self.output.apply(&self.decoder_norm.apply(&decoded)?)?;
        Ok(Reconstruction {
            predicted: self.steps(&predicted)?,
            target: self.steps(&chosen(&patches, &hidden)?)?,
        })
    }

    /// `[N, T, F]` as `[N, P, L F]`.
    fn patches(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        let (length, features) = (int(self.config.patch_length), int(self.config.features));
        let [nodes, steps, _] = shaped("patch_transformer", x, [None, None, Some(features)])?;
        let (n, limit) = (steps / length, int(self.config.max_patches));
        if n == 0 || steps % length != 0 || n > limit {
            let source =
                format!("{steps} steps make no 1 to {limit} patches of {length} steps each");
            return Err(TorchError::new("patch_transformer", &[x], source));
        }
        x.f_reshape([nodes, n, length * features])
            .named("reshape", &[x])
    }

    /// `[N, M, L F]` as `[N, M, L, F]`.
    fn steps(&self, patches: &Tensor) -> Result<Tensor, TorchError> {
        let [nodes, n, _] = shaped("patch_transformer", patches, [None; 3])?;
        let [steps, features] = [self.config.patch_length, self.config.features].map(int);
        let shape = [nodes, n, steps, features];
        patches.f_reshape(shape).named("reshape", &[patches])
    }

    fn tokens(&self, patches: &Tensor, mode: ForwardMode) -> Result<Tensor, TorchError> {
        let [_, n, _] = shaped("patch_transformer", patches, [None; 3])?;
        let position = self
            .position
            .f_narrow(0, 0, n)
            .named("narrow", &[&self.position])?;
        let tokens = self.patch.apply(patches)?;
        let tokens = tokens
            .f_add(&position)
            .named("add", &[&tokens, &position])?;
        dropped(tokens, mode.dropout(self.config.layer.dropout))
    }

    /// The mask token with the positions of the hidden patches, `[N, M, d]`.
    fn mask_tokens(
        &self,
        hidden: &Tensor,
        nodes: i64,
        mode: ForwardMode,
    ) -> Result<Tensor, TorchError> {
        let position = self
            .position
            .f_index_select(0, hidden)
            .named("index_select", &[&self.position, hidden])?;
        let tokens = position
            .f_add(&self.mask_token)
            .named("add", &[&position, &self.mask_token])?;
        let tokens = tokens
            .f_expand([nodes, -1, -1], false)
            .named("expand", &[&tokens])?;
        dropped(tokens, mode.dropout(self.config.layer.dropout))
    }

    fn encoded(&self, tokens: &Tensor, mode: ForwardMode) -> Result<Tensor, TorchError> {
        let mut h = self.scaled(tokens)?;
        for layer in &self.encoder {
            h = layer.forward(&h, mode)?;
        }
        self.encoder_norm.apply(&h)
    }

    fn scaled(&self, tokens: &Tensor) -> Result<Tensor, TorchError> {
        tokens
            .f_mul_scalar((self.config.layer.width as f64).sqrt())
            .named("mul", &[tokens])
    }
}

impl Module for PatchTransformer {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.module("patch", &self.patch);
        visitor.tensor("position", &self.position);
        visitor.tensor("mask_token", &self.mask_token);
        for (i, layer) in self.encoder.iter().enumerate() {
            visitor.module(&format!("encoder.{i}"), layer);
        }
        visitor.module("encoder_norm", &self.encoder_norm);
        visitor.module("to_decoder", &self.to_decoder);
        visitor.module("decoder", &self.decoder);
        visitor.module("decoder_norm", &self.decoder_norm);
        visitor.module("output", &self.output);
    }
}
