//! Links that are swapped while requests run: what is sent is what is inside, or nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::tree::{Tree, get};

#[test]
fn nothing_outside_is_ever_sent() {
    let tree = Tree::new();
    let root = tree.root();
    let outside = root.parent().expect("a parent").join("beside");
    fs::create_dir(&outside).expect("a directory");
    fs::write(outside.join("file.txt"), "secret").expect("a file");
    let done = AtomicBool::new(false);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    thread::scope(|scope| {
        let swapped = scope.spawn(|| {
            let mut swaps = 0_u64;
            while !done.load(Ordering::Relaxed) {
                // A directory and a file, each in turn the real thing and a link to the outside.
                for (name, real, secret) in
                    [("swap", "dir", outside.clone()), ("swap.txt", "ten.txt", outside.join("file.txt"))]
                {
                    let staged = root.join("staged");
                    for target in [root.join(real), secret] {
                        symlink(target.strip_prefix(&root).unwrap_or(&target), &staged).expect("a link");
                        fs::rename(&staged, root.join(name)).expect("swapped");
                        swaps += 1;
                    }
                    // And a real directory that is moved away and back.
                    let away = outside.join("away");
                    fs::rename(root.join("dir"), &away).expect("away");
                    fs::rename(&away, root.join("dir")).expect("back");
                }
            }
            swaps
        });
        let (mut found, mut absent) = (0_u64, 0_u64);
        runtime.block_on(async {
            for options in [&[][..], &["links".to_owned()]] {
                let files = tree.files(options, false);
                let end = Instant::now() + Duration::from_millis(700);
                while Instant::now() < end {
                    for target in ["/swap/file.txt", "/swap.txt", "/dir/file.txt"] {
                        let response = get(&files, target).await;
                        match response.status().as_u16() {
                            200 => {
                                let body = response.body();
                                assert!(body == b"file" || body == b"0123456789", "{target} sent {body:?}");
                                found += 1;
                            }
                            404 => absent += 1,
                            other => panic!("{target}: {other}"),
                        }
                    }
                }
            }
        });
        done.store(true, Ordering::Relaxed);
        let swaps = swapped.join().expect("the swapper does not panic");
        assert!(swaps > 100 && found > 100 && absent > 100, "{swaps} swaps, {found} found, {absent} absent");
    });
}
