//! Work that may wait for a disk: on tokio's blocking pool (feature `rt-tokio`), or, where there is none, in place.

use std::pin::Pin;
use std::task::{Context, Poll};

/// The result of work that may wait for a disk, to come. It runs on tokio's blocking pool; without the feature `rt-tokio`,
/// and outside of a tokio runtime, it was done in place.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Blocking<T>(State<T>);

#[derive(Debug)]
enum State<T> {
    Done(Option<T>),
    #[cfg(feature = "rt-tokio")]
    Pool(tokio::task::JoinHandle<T>),
}

impl<T: Send + 'static> Blocking<T> {
    /// Starts the work.
    pub fn run(work: impl FnOnce() -> T + Send + 'static) -> Self {
        #[cfg(feature = "rt-tokio")]
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            return Self(State::Pool(runtime.spawn_blocking(work)));
        }
        Self(State::Done(Some(work())))
    }
}

// Nothing is pinned inside.
impl<T> Unpin for Blocking<T> {}

impl<T> Future for Blocking<T> {
    type Output = T;

    #[cfg_attr(
        not(feature = "rt-tokio"),
        expect(unused_variables, reason = "what was done in place never waits")
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.get_mut().0 {
            State::Done(result) => Poll::Ready(result.take().expect("polled behind its end")),
            #[cfg(feature = "rt-tokio")]
            State::Pool(task) => Pin::new(task).poll(cx).map(|joined| match joined {
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
