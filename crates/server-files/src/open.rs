//! Files below a root, and nothing else.
//!
//! On Linux the kernel itself resolves the path beneath the root's descriptor (`openat2`, `RESOLVE_BENEATH`), in one step
//! with the opening: there is no moment between check and use. Where there is no `openat2`, each component is opened by
//! itself without following links.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{CWD, FileType, Mode, OFlags, openat};
use rustix::io::Errno;

/// Whether the caller may be kept waiting for a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Only what the kernel holds in memory.
    Never,
    Allowed,
}

/// What an open file says of itself; nothing else is believed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Length in bytes.
    pub(crate) len: u64,
    /// Last modification: seconds since 1970 and nanoseconds.
    pub(crate) modified: (i64, u32),
}

#[derive(Debug)]
pub(crate) enum Opened {
    File(Arc<File>, Facts),
    Directory(OwnedFd),
}

/// Why nothing was opened.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It takes a disk to find out, and that was not allowed.
    WouldBlock,
    /// There is nothing that may be seen.
    Absent,
    /// Out of descriptors or memory.
    Exhausted,
    /// The file system failed.
    Failed(Errno),
}

/// `O_NONBLOCK`: a FIFO must not keep us waiting for its other end; files do not care.
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// A directory below which files are served.
#[derive(Debug)]
pub(crate) struct Root {
    directory: OwnedFd,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    #[cfg(target_os = "linux")]
    Beneath {
        links: bool,
        /// The kernel knows `RESOLVE_CACHED` (Linux 5.12).
        cached: bool,
    },
    /// Component by component; never a link.
    Walk,
}

impl Root {
    /// Opens the directory. `links`: symbolic links are followed, as long as they lead to what is below it.
    pub(crate) fn open_root(path: &Path, links: bool) -> Result<Self, Errno> {
        let directory =
            openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let how = how(&directory, links);
        if links && how == How::Walk {
            tracing::warn!(path = %path.display(), "no openat2 here: symbolic links are not followed");
        }
        Ok(Self { directory, how })
    }

    /// Opens what is at `path`, relative to the root and free of `..`; the root itself is the empty path.
    pub(crate) fn open(&self, path: &[u8], wait: Wait) -> Result<Opened, Fault> {
        let path = if path.is_empty() { b"." } else { path };
        let opened = match self.how {
            #[cfg(target_os = "linux")]
            How::Beneath { links, cached } => {
                if wait == Wait::Never && !cached {
                    return Err(Fault::WouldBlock);
                }
                beneath(&self.directory, path, links, wait)
            }
            How::Walk if wait == Wait::Never => return Err(Fault::WouldBlock),
            How::Walk => walk(&self.directory, path),
        };
        describe(opened.map_err(|errno| fault(errno, wait))?)
    }
}

/// Opens a file that the program itself has named.
pub(crate) fn open_trusted(path: &Path) -> Result<Opened, std::io::Error> {
    let file = openat(CWD, path, READ, Mode::empty())?;
    describe(file).map_err(|fault| match fault {
        Fault::Failed(errno) => errno.into(),
        _ => std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a regular file"),
    })
}

fn describe(file: OwnedFd) -> Result<Opened, Fault> {
    let stat = rustix::fs::fstat(&file).map_err(Fault::Failed)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {
            let facts = Facts {
                len: u64::try_from(stat.st_size).unwrap_or(0),
                modified: (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            };
            Ok(Opened::File(Arc::new(file.into()), facts))
        }
        FileType::Directory => Ok(Opened::Directory(file)),
        // Devices, FIFOs and sockets are not for the public.
        _ => Err(Fault::Absent),
    }
}

fn fault(errno: Errno, wait: Wait) -> Fault {
    match errno {
        Errno::AGAIN if wait == Wait::Never => Fault::WouldBlock,
        // A link that is not followed or leads out, a file where a directory should be, a socket.
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::LOOP
        | Errno::XDEV
        | Errno::NAMETOOLONG
        | Errno::NXIO
        | Errno::NODEV => Fault::Absent,
        Errno::ACCESS | Errno::PERM => {
            tracing::debug!("a file that may not be opened is served as not found");
            Fault::Absent
        }
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => Fault::Exhausted,
        errno => Fault::Failed(errno),
    }
}

#[cfg(target_os = "linux")]
fn how(directory: &OwnedFd, links: bool) -> How {
    match resolve(directory, b".", links, true) {
        // Whether the lookup is cached or not, the kernel has understood.
        Ok(_) | Err(Errno::AGAIN) => How::Beneath { links, cached: true },
        Err(_) if resolve(directory, b".", links, false).is_ok() => How::Beneath { links, cached: false },
        // An old kernel, or a sandbox that does not let the call through.
        Err(_) => How::Walk,
    }
}

#[cfg(not(target_os = "linux"))]
fn how(_: &OwnedFd, _: bool) -> How {
    How::Walk
}

#[cfg(target_os = "linux")]
fn beneath(directory: &OwnedFd, path: &[u8], links: bool, wait: Wait) -> Result<OwnedFd, Errno> {
    /// A rename elsewhere may ask for another try; one that goes on for ever must not hold us.
    const TRIES: usize = 16;
    if wait == Wait::Never {
        return resolve(directory, path, links, true);
    }
    for _ in 1..TRIES {
        match resolve(directory, path, links, false) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            result => return result,
        }
    }
    resolve(directory, path, links, false)
}

#[cfg(target_os = "linux")]
fn resolve(directory: &OwnedFd, path: &[u8], links: bool, cached: bool) -> Result<OwnedFd, Errno> {
    use rustix::fs::{ResolveFlags, openat2};
    let mut flags = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    flags.set(ResolveFlags::NO_SYMLINKS, !links);
    flags.set(ResolveFlags::CACHED, cached);
    openat2(directory, path, READ, Mode::empty(), flags)
}

fn walk(directory: &OwnedFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let mut components = path.split(|&byte| byte == b'/').peekable();
    let mut current: Option<OwnedFd> = None;
    loop {
        let Some(name) = components.next() else { return current.ok_or(Errno::NOENT) };
        let last = components.peek().is_none();
        let flags = READ | OFlags::NOFOLLOW | if last { OFlags::empty() } else { OFlags::DIRECTORY };
        let base = current.as_ref().unwrap_or(directory).as_fd();
        let next = openat(base, name, flags, Mode::empty())?;
        current = Some(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fallback sees what `openat2` sees, and follows no link at all.
    #[test]
    fn the_fallback_agrees() {
        let base = tempfile::tempdir().expect("a directory");
        let root = base.path().join("root");
        std::fs::create_dir_all(root.join("a/b")).expect("directories");
        std::fs::write(root.join("a/b/file"), "x").expect("a file");
        std::fs::write(base.path().join("secret"), "x").expect("a file");
        let link = |to: &str, from: &str| std::os::unix::fs::symlink(to, root.join(from)).expect("a link");
        link("a/b/file", "inside");
        link("../secret", "outside");
        link("a", "directory");
        let mut beneath = Root::open_root(&root, false).expect("the root");
        for how in [beneath.how, How::Walk] {
            beneath.how = how;
            let open = |path: &str| beneath.open(path.as_bytes(), Wait::Allowed);
            assert!(matches!(open(""), Ok(Opened::Directory(_))), "{how:?}");
            assert!(matches!(open("a/b"), Ok(Opened::Directory(_))), "{how:?}");
            assert!(matches!(open("a/b/file"), Ok(Opened::File(_, Facts { len: 1, .. }))), "{how:?}");
            for absent in ["inside", "outside", "directory/b/file", "a/b/file/x", "nothing", "a/nothing/x"] {
                assert!(matches!(open(absent), Err(Fault::Absent)), "{how:?} {absent}");
            }
        }
        let links = Root::open_root(&root, true).expect("the root");
        if links.how != How::Walk {
            assert!(matches!(links.open(b"inside", Wait::Allowed), Ok(Opened::File(..))));
            assert!(matches!(links.open(b"directory/b/file", Wait::Allowed), Ok(Opened::File(..))));
            assert!(matches!(links.open(b"outside", Wait::Allowed), Err(Fault::Absent)));
        }
    }

    #[test]
    fn what_is_no_file_is_absent() {
        let base = tempfile::tempdir().expect("a directory");
        rustix::fs::mknodat(CWD, base.path().join("fifo"), FileType::Fifo, Mode::from_raw_mode(0o600), 0)
            .expect("a FIFO");
        let _socket = std::os::unix::net::UnixListener::bind(base.path().join("socket")).expect("a socket");
        let root = Root::open_root(base.path(), false).expect("the root");
        for name in ["fifo", "socket"] {
            assert!(matches!(root.open(name.as_bytes(), Wait::Allowed), Err(Fault::Absent)), "{name}");
        }
    }
}
