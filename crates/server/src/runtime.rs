//! The runtime that commands and the server run on.

use anyhow::Result;

/// Runs `work` to its end on this thread.
///
/// # Errors
/// Those of `work`.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    actix_web::rt::System::new().block_on(work)
}
