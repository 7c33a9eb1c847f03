//! Transformer encoder layer on tensors.

use tch::Tensor;

use super::super::TorchError;
use super::super::error::Named;
use super::super::module::{ForwardMode, Init, Module, Visitor};
use super::super::tensor::{int, shaped};
use super::layer_norm::LayerNorm;
use super::{Linear, dropped, linear};
use crate::layer::{LinearConfig, TransformerConfig};

/// Attention among the tokens of each row, then a dense network; see [`TransformerConfig`].
/// `[B, P, width]` stays so: B rows of P tokens.
///
/// # Complexity
///
/// Time O(B P · width (P + width + `feed_forward`)).
///
/// # Source
///
/// Vaswani et al., Attention Is All You Need, 2017 (arXiv 1706.03762), norms behind the sums; equal
/// to `torch.nn.TransformerEncoderLayer` 2.11 with its defaults and `batch_first`, whose parameter
/// names it has.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::TransformerConfig;
/// use astern_gnn::torch::tch::{Device, Kind, Tensor};
/// use astern_gnn::torch::{Init, ForwardMode, TransformerLayer};
///
/// let init = &mut Init::new(7, Kind::Float, Device::Cpu);
/// let layer = TransformerLayer::new(&TransformerConfig::new(8, 2), init)?;
/// let tokens = Tensor::f_ones([3, 5, 8], (Kind::Float, Device::Cpu))?;
/// assert_eq!(layer.forward(&tokens, ForwardMode::Eval)?.size(), [3, 5, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TransformerLayer {
    config: TransformerConfig,
    /// Query, key and value, `[3 width, width]`.
    in_weight: Tensor,
    in_bias: Tensor,
    out: Linear,
    dense1: Linear,
    dense2: Linear,
    norm1: LayerNorm,
    norm2: LayerNorm,
}

impl TransformerLayer {
    /// A layer with random weights: Glorot's for the attention, torch's own for dense layers.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &TransformerConfig, init: &mut Init) -> Result<Self, TorchError> {
        config
            .check()
            .map_err(|e| TorchError::new("transformer", &[], e))?;
        let (width, inner) = (config.width, config.feed_forward);
        let rows = int(width).saturating_mul(3);
        Ok(Self {
            in_weight: init.glorot(&[rows, int(width)])?,
            in_bias: init.constant(&[rows], 0.0)?,
            out: Linear::new(&LinearConfig::new(width, width), init)?,
            dense1: Linear::new(&LinearConfig::new(width, inner), init)?,
            dense2: Linear::new(&LinearConfig::new(inner, width), init)?,
            norm1: LayerNorm::new(int(width), init)?,
            norm2: LayerNorm::new(int(width), init)?,
            config: config.clone(),
        })
    }

    /// `[B, P, width]` to the same shape.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, another kind or another device.
    pub fn forward(&self, x: &Tensor, mode: ForwardMode) -> Result<Tensor, TorchError> {
        let rate = mode.dropout(self.config.dropout);
        let attended = dropped(self.attention(x, rate)?, rate)?;
        let h = x.f_add(&attended).named("add", &[x, &attended])?;
        let h = self.norm1.apply(&h)?;
        let inner = self.dense1.apply(&h)?;
        let inner = inner.f_relu().named("relu", &[&inner])?;
        let inner = self.dense2.apply(&dropped(inner, rate)?)?;
        let inner = dropped(inner, rate)?;
        let y = h.f_add(&inner).named("add", &[&h, &inner])?;
        self.norm2.apply(&y)
    }

    fn attention(&self, x: &Tensor, dropout: f64) -> Result<Tensor, TorchError> {
        let (width, heads) = (int(self.config.width), int(self.config.heads));
        let [rows, tokens, _] = shaped("transformer", x, [None, None, Some(width)])?;
        let parts = linear(x, &self.in_weight, Some(&self.in_bias))?;
        // [3, B, H, P, width / H]
        let parts = parts
            .f_reshape([rows, tokens, 3, heads, width / heads])
            .named("reshape", &[&parts])?;
        let parts = parts
            .f_permute([2, 0, 3, 1, 4])
            .named("permute", &[&parts])?;
        let part = |at| parts.f_select(0, at).named("select", &[&parts]);
        let (query, key, value) = (part(0)?, part(1)?, part(2)?);
        let y = Tensor::f_scaled_dot_product_attention(
            &query,
            &key,
            &value,
            None::<&Tensor>,
            dropout,
            false,
            None,
            false,
        )
        .named("scaled_dot_product_attention", &[&query])?;
        let y = y.f_transpose(1, 2).named("transpose", &[&y])?;
        let y = y.f_reshape([rows, tokens, width]).named("reshape", &[&y])?;
        self.out.apply(&y)
    }
}

impl Module for TransformerLayer {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.tensor("self_attn.in_proj_weight", &self.in_weight);
        visitor.tensor("self_attn.in_proj_bias", &self.in_bias);
        visitor.module("self_attn.out_proj", &self.out);
        visitor.module("linear1", &self.dense1);
        visitor.module("linear2", &self.dense2);
        visitor.module("norm1", &self.norm1);
        visitor.module("norm2", &self.norm2);
    }
}
