//! Head sampling by `OTEL_TRACES_SAMPLER`, on ids alone: the samplers of the SDK ask for a context object per decision.

/// Decides which traces are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampler {
    /// A caller that is believed decides; the root decides only where there is none.
    pub parent_based: bool,
    /// Decides for traces that begin here.
    pub root: Root,
}

/// A decision without a parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// Every trace.
    On,
    /// None.
    Off,
    /// Those whose id is below the bound.
    Below(u64),
}

impl Default for Sampler {
    /// `parentbased_always_on`.
    fn default() -> Sampler {
        Sampler { parent_based: true, root: Root::On }
    }
}

impl Root {
    /// The share of traces `ratio`, 0 to 1, taken by trace id, so that all services with one ratio keep the same ones.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a ratio of 0 to 1 of 2^63 fits")]
    pub fn ratio(ratio: f64) -> Root {
        if ratio >= 1.0 { Root::On } else { Root::Below((ratio.max(0.0) * (1_u64 << 63) as f64) as u64) }
    }
}

impl Sampler {
    /// Is this trace recorded?
    pub fn sample(&self, parent: Option<bool>, trace_id: [u8; 16]) -> bool {
        match (parent.filter(|_| self.parent_based), self.root) {
            (Some(sampled), _) => sampled,
            (None, Root::On) => true,
            (None, Root::Off) => false,
            // As in other SDKs: the upper 63 of the lower 64 bits.
            (None, Root::Below(bound)) => {
                (u128::from_be_bytes(trace_id) & u128::from(u64::MAX)) >> 1 < u128::from(bound)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Root, Sampler};
    use crate::observability::trace::Ids;

    #[test]
    fn a_believed_parent_decides_only_where_the_sampler_is_based_on_it() {
        let id = [7; 16];
        let off = Sampler { parent_based: true, root: Root::Off };
        assert!(off.sample(Some(true), id) && !off.sample(Some(false), id) && !off.sample(None, id));
        let on = Sampler { parent_based: false, root: Root::On };
        assert!(on.sample(Some(false), id) && on.sample(None, id));
        assert!(Sampler::default().sample(None, id) && !Sampler::default().sample(Some(false), id));
    }

    #[test]
    fn a_ratio_keeps_its_share_and_always_the_same_traces() {
        let mut ids = Ids::seeded(1);
        let sampler = Sampler { parent_based: false, root: Root::ratio(0.25) };
        let traces: Vec<_> = (0..10_000).map(|_| ids.root().trace_id).collect();
        let kept = |sampler: &Sampler| traces.iter().filter(|id| sampler.sample(None, **id)).count();
        assert!((2_300..2_700).contains(&kept(&sampler)), "{}", kept(&sampler));
        let mut edge = [0; 16];
        edge[8] = 0x3f;
        assert!(sampler.sample(None, edge));
        edge[8] = 0x40;
        assert!(!sampler.sample(None, edge));
        for (ratio, root) in [(0.0, Root::Below(0)), (-1.0, Root::Below(0)), (1.0, Root::On)] {
            assert_eq!(Root::ratio(ratio), root);
        }
        assert_eq!(kept(&Sampler { parent_based: false, root: Root::ratio(0.0) }), 0);
    }
}
