//! Random orders of rows.

use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::seq::SliceRandom;

use super::{Scheme, Surrogates};
use crate::te::error::TeError;

/// Orders of the source's rows, one after the other in one buffer.
#[derive(Debug)]
pub(super) struct Orders {
    kind: Kind,
    count: usize,
    given: usize,
    order: Vec<u32>,
}

#[derive(Debug)]
enum Kind {
    /// Offsets still to come, in random order.
    Circular(Vec<u32>),
    Blocks {
        /// Start of each block.
        starts: Vec<u32>,
        length: u32,
        rng: Box<ChaCha8Rng>,
    },
}

impl Orders {
    #[expect(clippy::cast_possible_truncation, reason = "rows are counted in u32")]
    pub(super) fn new(surrogates: &Surrogates, rows: usize) -> Result<Self, TeError> {
        let (count, mut rng) = (surrogates.count as usize, seeded(surrogates.seed, 0));
        let (kind, count) = match surrogates.scheme {
            Scheme::Circular { offset_min } => {
                let need = 2 * offset_min as usize;
                let offsets = offset_min..(rows as u32 + 1).saturating_sub(offset_min);
                if rows < need {
                    return Err(TeError::TooFew { have: rows, need });
                }
                let mut offsets: Vec<u32> = offsets.collect();
                let (chosen, _) = offsets.partial_shuffle(&mut rng, count);
                let chosen = chosen.to_vec();
                let count = chosen.len();
                (Kind::Circular(chosen), count)
            }
            Scheme::Blocks { length } => {
                let need = 2 * length as usize;
                if rows < need {
                    return Err(TeError::TooFew { have: rows, need });
                }
                let starts = (0..rows as u32).step_by(length as usize).collect();
                let rng = Box::new(rng);
                let kind = Kind::Blocks {
                    starts,
                    length,
                    rng,
                };
                (kind, count)
            }
        };
        Ok(Self {
            kind,
            count,
            given: 0,
            order: (0..rows as u32).collect(),
        })
    }

    /// How many orders there are in all.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn next(&mut self) -> Option<&[u32]> {
        if self.given == self.count {
            return None;
        }
        self.given += 1;
        let rows = self.order.len();
        match &mut self.kind {
            Kind::Circular(offsets) => {
                let offset = offsets.pop()? as usize;
                for (at, row) in (0u32..).zip(&mut self.order) {
                    *row = at;
                }
                self.order.rotate_left(offset % rows);
            }
            Kind::Blocks {
                starts,
                length,
                rng,
            } => {
                starts.shuffle(rng);
                self.order.clear();
                for start in starts {
                    let end = (*start as usize + *length as usize).min(rows);
                    self.order.extend((*start..).take(end - *start as usize));
                }
            }
        }
        Some(&self.order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(surrogates: &Surrogates, rows: usize) -> Vec<Vec<u32>> {
        let mut orders = Orders::new(surrogates, rows).unwrap();
        let mut all = Vec::new();
        while let Some(order) = orders.next() {
            all.push(order.to_vec());
        }
        assert_eq!(all.len(), orders.count());
        all
    }

    #[test]
    fn shifts_keep_their_distance_and_never_repeat() {
        let mut offsets: Vec<u32> = all(&Surrogates::circular(500).offset_min(5), 30)
            .iter()
            .map(|order| {
                assert!(order.windows(2).all(|w| w[1] == (w[0] + 1) % 30));
                order[0]
            })
            .collect();
        offsets.sort_unstable();
        assert_eq!(offsets, (5..=25).collect::<Vec<_>>());
        let few = Orders::new(&Surrogates::circular(9).offset_min(16), 30);
        assert_eq!(few.unwrap_err(), TeError::TooFew { have: 30, need: 32 });
    }

    #[test]
    fn blocks_are_permutations_of_whole_blocks() {
        let orders = all(&Surrogates::blocks(20, 4), 30);
        for order in &orders {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..30).collect::<Vec<_>>());
            let seams = order.windows(2).filter(|w| w[1] != w[0] + 1).count();
            assert!(seams <= 7);
        }
        assert_ne!(orders[0], orders[1]);
        assert_eq!(orders, all(&Surrogates::blocks(20, 4), 30));
        assert_ne!(orders, all(&Surrogates::blocks(20, 4).seed(1), 30));
    }
}
