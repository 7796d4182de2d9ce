//! Work that goes on when nobody waits for it any more: a client that hangs up in the middle of a delivery changes nothing
//! about it, neither its order nor what becomes of its copies.

use crate::tasks::{Kind, Tasks};
use futures::future::BoxFuture;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// A future that is finished by a task of its own when it is dropped before its end.
pub struct Detached<T: Send + 'static> {
    work: Option<BoxFuture<'static, T>>,
    tasks: Tasks,
}

impl<T: Send + 'static> Detached<T> {
    /// Nothing runs before it is polled.
    pub fn new(work: BoxFuture<'static, T>, tasks: Tasks) -> Detached<T> {
        Detached { work: Some(work), tasks }
    }
}

impl<T: Send + 'static> Future for Detached<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let outcome = std::task::ready!(work.as_mut().poll(context));
        self.work = None;
        Poll::Ready(outcome)
    }
}

impl<T: Send + 'static> Drop for Detached<T> {
    fn drop(&mut self) {
        // Every such work has a deadline of its own, and counts among what a shutdown waits for.
        if let (Some(work), Ok(_)) = (self.work.take(), Handle::try_current()) {
            drop(self.tasks.spawn(Kind::Abandoned, async move { drop(work.await) }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Detached;
    use crate::tasks::Tasks;
    use futures::FutureExt;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn what_is_dropped_in_the_middle_is_finished() {
        let (go, wait) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel::<()>();
        let work = async move {
            wait.await.ok();
            done.send(()).ok();
        };
        let mut detached = Detached::new(work.boxed(), Tasks::default());
        assert!((&mut detached).now_or_never().is_none());
        drop(detached);
        go.send(()).unwrap();
        ended.await.unwrap();
    }

    #[tokio::test]
    async fn what_ends_is_not_done_twice() {
        assert_eq!(Detached::new(async { 7 }.boxed(), Tasks::default()).await, 7);
    }
}
