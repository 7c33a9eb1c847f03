//! What the change does to the calls of its service, and how it reaches them.

use std::time::Duration;

use astern_graph_core::CallStatus;

/// How many instances run old and new, and which share of the requests the new ones receive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) name: &'static str,
    pub(super) new: u32,
    pub(super) old: u32,
    pub(super) percent: u8,
}

impl Layout {
    pub(super) fn share(&self) -> f64 {
        f64::from(self.percent) / 100.0
    }
}

pub(super) const LAYOUTS: [Layout; 4] = [
    Layout {
        name: "1 of 10 instances, 10 %",
        new: 1,
        old: 9,
        percent: 10,
    },
    Layout {
        name: "1 beside 4, 50 %",
        new: 1,
        old: 4,
        percent: 50,
    },
    Layout {
        name: "2 beside 4, 50 %",
        new: 2,
        old: 4,
        percent: 50,
    },
    Layout {
        name: "4 for 4, all at once",
        new: 4,
        old: 4,
        percent: 100,
    },
];

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
    /// Whether it is played by batches and rates too, and not by calls alone.
    pub(super) is_in_every_feed: bool,
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
        is_in_every_feed: false,
    }
}

const fn in_every_feed(situation: Situation) -> Situation {
    Situation {
        is_in_every_feed: true,
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

pub(super) const OTHERS: [Situation; 14] = [
    Situation {
        is_bad: false,
        ..bad("3 % slower", slower(1.0, 1.03))
    },
    Situation {
        is_bad: false,
        minutes: (10, MINUTES),
        hits_old: true,
        is_in_every_feed: true,
        ..bad("both sides 3 times slower", slower(1.0, 3.0))
    },
    Situation {
        is_bad: false,
        minutes: (10, MINUTES),
        hits_old: true,
        ..bad("both sides fail 10 %", fails(0.1))
    },
    Situation {
        is_bad: false,
        minutes: (0, 2),
        ..bad("first 2 minutes 5 times slower", slower(1.0, 5.0))
    },
    in_every_feed(bad("5 times slower", slower(1.0, 5.0))),
    bad("2 times slower", slower(1.0, 2.0)),
    bad("1.3 times slower", slower(1.0, 1.3)),
    bad("2 % of calls 50 times slower", slower(0.02, 50.0)),
    in_every_feed(bad("all calls fail", fails(1.0))),
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
        is_in_every_feed: true,
        ..bad("new side unseen after 20 minutes", Effect::Unseen)
    },
];

impl Situation {
    /// What becomes of a call in a minute after the change; `None` where it is not seen. `chance` is uniform in 0..1.
    pub(super) fn on(
        &self,
        (took, status): (Duration, CallStatus),
        is_new: bool,
        minute: usize,
        chance: f64,
    ) -> Option<(Duration, CallStatus)> {
        let is_hit =
            (is_new || self.hits_old) && (self.minutes.0..self.minutes.1).contains(&minute);
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
