//! What must happen now and then: gauges, lanes whose task has died, and telling the log what it may remove.

use super::context::Context;
use super::dispatcher::Shared;
use super::lane::Lane;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Gauges are brought up to date, and dead tasks started again.
const TICK: Duration = Duration::from_secs(1);
/// Every so many ticks the log is told what is settled: each time costs an fsync of the state.
const TICKS_PER_RELEASE: u32 = 2;

/// Runs until the gateway stops.
pub async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let stopping = shared.tasks.stopping();
    let work = async {
        let mut released = Released::default();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for tick in 1_u32.. {
            ticks.tick().await;
            for lane in shared.all() {
                look_after(&shared, lane);
            }
            if tick.is_multiple_of(TICKS_PER_RELEASE) {
                released.release(&shared).await;
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = stop.cancelled() => {}
        () = stopping.cancelled() => {}
    }
}

fn look_after(shared: &Shared, lane: Arc<Lane>) {
    let report = lane.report(shared.context.now());
    if report.paused && is_healthy(&shared.context, &lane) {
        lane.hurry();
    }
    // A lane whose task has panicked; once a second, so that one that always panics does no harm.
    if lane.claim() {
        tracing::warn!(lane = %lane.name.display(), "the lane starts again");
        shared.start_lane(lane);
    }
}

fn is_healthy(context: &Context, lane: &Lane) -> bool {
    let deliver = (context.plan.entry)(&lane.name);
    let destination = deliver.and_then(|deliver| (context.plan.destination)(&deliver.lane.destination));
    destination.is_some_and(|destination| destination.health().healthy)
}

/// What the log and the state were told last.
#[derive(Debug, Default)]
struct Released {
    floor: u64,
    first: u64,
}

impl Released {
    async fn release(&mut self, shared: &Shared) {
        let (floor, holder) = shared.floor();
        if floor > self.floor {
            // Everything below the floor was queued in the state before it left its lane: this makes it durable.
            match shared.context.state.sync().await {
                Ok(_) => self.floor = floor,
                Err(error) => return report(shared, &error),
            }
        }
        // The holder may have changed while the floor did not.
        shared.context.source.settled_below(self.floor, holder.filter(|_| self.floor == floor));
        let first = shared.context.source.first();
        if first > self.first {
            match shared.context.state.forget_below(first).await {
                Ok(()) => self.first = first,
                Err(error) => report(shared, &error),
            }
        }
    }
}

fn report(shared: &Shared, error: &crate::state::StateError) {
    tracing::error!(%error, "the log keeps settled events until the state can be written");
    if error.needs_restart() {
        shared.tasks.fail();
    }
}
