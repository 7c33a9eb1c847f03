//! What the change does to the calls of its service, and how it reaches them.

use std::time::Duration;

use astern_graph_core::CallStatus;

/// Minutes of a run after the change.
pub(super) const MINUTES: usize = 60;

/// Something that a release does or that happens meanwhile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Situation {
    pub(super) name: &'static str,
    /// Whether a regression is the right verdict.
    pub(super) is_bad: bool,
    /// From which minute after the change to which.
    pub(super) minutes: (usize, usize),
    /// Whether old instances are hit as well.
    pub(super) hits_old: bool,
    pub(super) effect: Effect,
    pub(super) extent: Extent,
}

/// Where a situation is played beside calls at the rates of the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    /// Nowhere.
    Calls,
    /// At other rates too.
    Rates,
    /// At other rates and by every feed too.
    Feeds,
}

/// What happens to a call that is hit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// A share of the calls takes so many times longer.
    Slower { share: f64, times: f64 },
    /// A share of the calls ends so.
    Ends { share: f64, status: CallStatus },
    /// It is not seen.
    Unseen,
}

const ALWAYS: (usize, usize) = (0, MINUTES);

const fn bad(name: &'static str, effect: Effect) -> Situation {
    Situation {
        name,
        is_bad: true,
        minutes: ALWAYS,
        hits_old: false,
        effect,
        extent: Extent::Calls,
    }
}

const fn in_every_feed(situation: Situation) -> Situation {
    Situation {
        extent: Extent::Feeds,
        ..situation
    }
}

const fn at_every_rate(situation: Situation) -> Situation {
    Situation {
        extent: Extent::Rates,
        ..situation
    }
}

const fn slower(share: f64, times: f64) -> Effect {
    Effect::Slower { share, times }
}

const fn fails(share: f64) -> Effect {
    let status = CallStatus::Error;
    Effect::Ends { share, status }
}

/// Nothing differs.
pub(super) const ALIKE: Situation = Situation {
    is_bad: false,
    ..bad("alike", Effect::None)
};

const BOTH_SLOWER: Situation = Situation {
    is_bad: false,
    minutes: (10, MINUTES),
    hits_old: true,
    extent: Extent::Feeds,
    ..bad("both sides 3 times slower", slower(1.0, 3.0))
};

const FIRST_MINUTES: Situation = Situation {
    is_bad: false,
    minutes: (0, 2),
    ..bad("first 2 minutes 5 times slower", slower(1.0, 5.0))
};

pub(super) const SLOWER: Situation = in_every_feed(bad("5 times slower", slower(1.0, 5.0)));

pub(super) const ALL_FAIL: Situation = in_every_feed(bad("all calls fail", fails(1.0)));

/// For the whole guard.
pub(super) const GUARDED: [Situation; 5] = [ALIKE, FIRST_MINUTES, BOTH_SLOWER, SLOWER, ALL_FAIL];

pub(super) const OTHERS: [Situation; 14] = [
    Situation {
        is_bad: false,
        extent: Extent::Rates,
        ..bad("3 % slower", slower(1.0, 1.03))
    },
    BOTH_SLOWER,
    Situation {
        is_bad: false,
        minutes: (10, MINUTES),
        hits_old: true,
        ..bad("both sides fail 10 %", fails(0.1))
    },
    FIRST_MINUTES,
    SLOWER,
    bad("2 times slower", slower(1.0, 2.0)),
    at_every_rate(bad("1.3 times slower", slower(1.0, 1.3))),
    bad("2 % of calls 50 times slower", slower(0.02, 50.0)),
    ALL_FAIL,
    bad("20 % of calls fail", fails(0.2)),
    in_every_feed(bad("5 % of calls fail", fails(0.05))),
    Situation {
        minutes: (30, MINUTES),
        ..bad("20 % fail after half an hour", fails(0.2))
    },
    in_every_feed(bad(
        "all calls answered 4xx",
        Effect::Ends {
            share: 1.0,
            status: CallStatus::ClientError,
        },
    )),
    Situation {
        is_bad: false,
        minutes: (20, MINUTES),
        extent: Extent::Feeds,
        ..bad("new side unseen after 20 minutes", Effect::Unseen)
    },
];

impl Situation {
    /// The share of the calls that is hit, of those that may be.
    pub(super) fn share(&self) -> f64 {
        match self.effect {
            Effect::Slower { share, .. } | Effect::Ends { share, .. } => share,
            Effect::None | Effect::Unseen => 1.0,
        }
    }

    /// What becomes of a call, in a minute after the change if there is one; `None` where it is not seen. `chance` is uniform
    /// in 0..1.
    pub(super) fn on(
        &self,
        (took, status): (Duration, CallStatus),
        is_new: bool,
        minute: Option<usize>,
        chance: f64,
    ) -> Option<(Duration, CallStatus)> {
        let is_hit = (is_new || self.hits_old)
            && minute.is_some_and(|minute| (self.minutes.0..self.minutes.1).contains(&minute));
        if !is_hit {
            return Some((took, status));
        }
        match self.effect {
            Effect::Slower { share, times } if chance < share => {
                Some((took.mul_f64(times), status))
            }
            Effect::Ends { share, status } if chance < share => Some((took, status)),
            Effect::Unseen => None,
            _ => Some((took, status)),
        }
    }
}
