//! How a service runs while it is changed: instances, who gets which requests, how many there are.

/// The instances of the service, how requests reach them, and how many come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) name: &'static str,
    pub(super) new: u32,
    pub(super) old: u32,
    pub(super) split: Split,
    /// Each instance takes so much longer or shorter than the next, at most, as a share of each duration; drawn once, the
    /// same before and after the change. It stands for machines of unequal age, noisy neighbours and hot partitions: a
    /// release has nothing to do with it, and a judge that knows that instances differ finds nothing.
    pub(super) unequal_by: f64,
    pub(super) traffic: Traffic,
}

/// Which requests the new side receives.
#[derive(Debug, Clone, Copy)]
pub(super) enum Split {
    /// Fresh instances receive this share of them, in percent; of all of them the old ones are gone.
    Percent(u8),
    /// Instances are updated where they are, and go on receiving what they did.
    InPlace,
}

/// How many requests reach the service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Traffic {
    /// As many as in the source.
    AsRecorded,
    /// At most so many a minute on average: the requests of the source, thinned at random.
    PerMinute(f64),
    /// So many a second, as batches with histograms: each request of a quarter of an hour around the minute comes any
    /// number of times, by a Poisson distribution.
    PerSecond(f64),
}

impl Layout {
    /// What reaches the new side by an announced share.
    pub(super) fn percent(&self) -> Option<u8> {
        match self.split {
            Split::Percent(percent) => Some(percent),
            Split::InPlace => None,
        }
    }

    /// What it stands for in the summary.
    pub(super) fn setting(&self) -> &'static str {
        match (self.traffic, self.split) {
            (Traffic::PerMinute(_), _) => "5 requests a minute",
            (Traffic::PerSecond(_), _) => "1,000 requests a second",
            (Traffic::AsRecorded, Split::InPlace) => "unequal instances, in place",
            (Traffic::AsRecorded, _) if self.unequal_by > 0.0 => "unequal instances",
            (Traffic::AsRecorded, _) if !self.has_old_side() => "all at once",
            (Traffic::AsRecorded, _) => "beside old ones",
        }
    }

    /// Whether old instances are left after the change.
    pub(super) fn has_old_side(&self) -> bool {
        self.percent().is_none_or(|percent| percent < 100)
    }
}

const fn fresh(name: &'static str, (new, old): (u32, u32), percent: u8) -> Layout {
    Layout {
        name,
        new,
        old,
        split: Split::Percent(percent),
        unequal_by: 0.0,
        traffic: Traffic::AsRecorded,
    }
}

/// By every feed.
pub(super) const LAYOUTS: [Layout; 4] = [
    fresh("1 of 10 instances, 10 %", (1, 9), 10),
    fresh("1 beside 4, 50 %", (1, 4), 50),
    fresh("2 beside 4, 50 %", (2, 4), 50),
    fresh("4 for 4, all at once", (4, 4), 100),
];

/// By calls.
pub(super) const FURTHER_LAYOUTS: [Layout; 3] = [
    fresh("1 beside 1, 50 %", (1, 1), 50),
    Layout {
        unequal_by: 0.2,
        ..fresh("2 beside 4, 50 %, unequal by 20 %", (2, 4), 50)
    },
    Layout {
        unequal_by: 0.2,
        split: Split::InPlace,
        ..fresh("2 of 6 in place, unequal by 20 %", (2, 4), 0)
    },
];

/// For the whole guard.
pub(super) const GUARDED_LAYOUTS: [Layout; 4] = [
    fresh("1 beside 1, 50 %", (1, 1), 50),
    fresh("2 beside 2, 50 %", (2, 2), 50),
    fresh("1 beside 4, 50 %", (1, 4), 50),
    LAYOUTS[3],
];

/// Traffic that no source has.
pub(super) const RATES: [Layout; 4] = [
    Layout {
        traffic: Traffic::PerMinute(5.0),
        ..fresh("1 of 10 instances, 10 %, 5 a minute", (1, 9), 10)
    },
    Layout {
        traffic: Traffic::PerMinute(5.0),
        ..fresh("2 beside 4, 50 %, 5 a minute", (2, 4), 50)
    },
    Layout {
        traffic: Traffic::PerSecond(1_000.0),
        ..fresh("1 of 10 instances, 10 %, 1,000 a second", (1, 9), 10)
    },
    Layout {
        traffic: Traffic::PerSecond(1_000.0),
        ..fresh("2 beside 4, 50 %, 1,000 a second", (2, 4), 50)
    },
];
