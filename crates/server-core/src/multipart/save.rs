//! A part as a file that is there whole or not at all.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{FormError, Part};

/// Where a part is saved, and how.
///
/// It is written to a file with a name of its own in the same directory, which takes its name when it is whole, in one step.
/// Until then there is nothing new under that name. On an error, and when the future is dropped, what was written is removed;
/// only a future that is dropped in that last step may leave the file, whole.
#[derive(Clone, Debug)]
pub struct SaveTo {
    path: PathBuf,
    replace: bool,
    durable: bool,
}

impl SaveTo {
    /// This path, which nothing has yet. Choose it yourself: no path may come from a client, except
    /// [`Part::safe_filename`] in a directory where nothing else lies.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), replace: false, durable: false }
    }

    /// Takes the place of what is there already. Without this it is an error, and what is there stays.
    #[must_use]
    pub fn replace(mut self) -> Self {
        self.replace = true;
        self
    }

    /// Returns when the file and its name are on the disk (`fsync`), so that a loss of power does not take it.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    fn directory(&self) -> &Path {
        self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    fn create(&self) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".upload-");
        // What any other new file would have, by the umask; temporary files are private otherwise.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.tempfile_in(self.directory())
    }

    fn finish(&self, file: NamedTempFile) -> io::Result<()> {
        if self.durable {
            file.as_file().sync_all()?;
        }
        if self.replace {
            file.persist(&self.path)?;
        } else {
            file.persist_noclobber(&self.path)?;
        }
        // The name is in the directory, and elsewhere than on Unix a directory is no file to be synchronised.
        #[cfg(unix)]
        if self.durable {
            std::fs::File::open(self.directory())?.sync_all()?;
        }
        Ok(())
    }
}

impl Part<'_> {
    /// Writes the body to a file, and returns its length in bytes. `inspect` sees each piece before it is written: a checksum,
    /// or the first bytes that tell what it is.
    ///
    /// Within tokio (feature `rt-tokio`) the disk is waited for on its blocking pool; elsewhere in place, which holds up the
    /// executor for the time of a write into the page cache. The next piece is asked for when the last one is written.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk); [`FormError::Save`]. Nothing is left then, unless the last step of
    /// [`durable`](SaveTo::durable) failed, with the file under its name already.
    pub async fn save(mut self, to: &SaveTo, mut inspect: impl FnMut(&[u8])) -> Result<u64, FormError> {
        let (create, finish) = (to.clone(), to.clone());
        let mut len = 0;
        let mut file = off_executor(move || create.create()).await?;
        while let Some(piece) = self.chunk().await? {
            inspect(&piece);
            len += piece.len() as u64;
            file = off_executor(move || file.write_all(&piece).map(|()| file)).await?;
        }
        off_executor(move || finish.finish(file)).await?;
        Ok(len)
    }
}

/// Work that may wait for a disk: on tokio's blocking pool where there is one, else in place.
async fn off_executor<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    #[cfg(feature = "rt-tokio")]
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        return runtime.spawn_blocking(work).await.map_err(io::Error::other)?;
    }
    work()
}
