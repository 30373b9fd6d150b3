//! Work that may wait for a disk: on tokio's blocking pool (feature `rt-tokio`), or, where there is none, in place.

use std::pin::Pin;
use std::task::{Context, Poll};

/// The result of such work, to come.
#[derive(Debug)]
pub(crate) enum Task<T> {
    /// It was done in place.
    Done(Option<T>),
    #[cfg(feature = "rt-tokio")]
    Pool(tokio::task::JoinHandle<T>),
}

/// Starts the work.
pub(crate) fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Task<T> {
    #[cfg(feature = "rt-tokio")]
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        return Task::Pool(runtime.spawn_blocking(work));
    }
    Task::Done(Some(work()))
}

// Nothing is pinned inside.
impl<T> Unpin for Task<T> {}

impl<T> Future for Task<T> {
    type Output = T;

    #[cfg_attr(
        not(feature = "rt-tokio"),
        expect(unused_variables, reason = "what was done in place never waits")
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.get_mut() {
            Self::Done(result) => Poll::Ready(result.take().expect("polled behind its end")),
            #[cfg(feature = "rt-tokio")]
            Self::Pool(task) => Pin::new(task).poll(cx).map(|joined| match joined {
                Ok(result) => result,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The runtime shuts down: whoever polls this is about to be dropped with it.
                    Err(error) => panic!("{error}"),
                },
            }),
        }
    }
}
