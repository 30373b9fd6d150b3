//! Forms over a connection: parts however they arrive, backpressure, limits, files.

use std::fs;
use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;
use http::Response;
use server_core::multipart::{FieldLimits, Fields, FormError, SaveTo, multipart};
use server_core::{Body, ConnectionInfo, Http2Config, Incoming, Request};
use testkit::alloc;
use testkit::sim::pipe;

use super::support::{CAPACITY, World, configured, sleep, statuses, text, with_sim, world};

const HEAD: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n";

fn form(parts: &[(&str, &str)]) -> String {
    let parts = parts
        .iter()
        .map(|(name, body)| format!("--b\r\nContent-Disposition: form-data; name={name}\r\n\r\n{body}\r\n"));
    parts.chain(["--b--\r\n".to_owned()]).collect()
}

fn post(body: &str) -> String {
    format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// `Ok` or the error as a response.
fn answer(result: Result<String, FormError>) -> Response<Body> {
    match result {
        Ok(answer) => text(answer),
        Err(error) => error.into_response(),
    }
}

/// Names each part and shows its body; of one named `skip` it reads a piece, of one named `ignore` nothing.
async fn list(mut request: Request) -> Response<Body> {
    let mut out = String::new();
    let result = async {
        let mut form = multipart(&mut request)?.limit(3 << 20);
        while let Some(mut part) = form.next_part().await? {
            out += &format!("[{}|{:?}|{}]", part.name(), part.filename(), part.content_type());
            match &*part.name() {
                "ignore" => {}
                "skip" => drop(part.chunk().await?),
                "small" => out += &part.limit(3).text().await?,
                "refuse" => return Err(part.refuse()),
                _ => {
                    while let Some(piece) = part.chunk().await? {
                        out += &String::from_utf8_lossy(&piece);
                    }
                    assert!(part.chunk().await?.is_none(), "the end stays the end");
                }
            }
        }
        assert!(form.next_part().await?.is_none(), "and so does that of the form");
        Ok(out)
    };
    let result = result.await;
    answer(result)
}

fn body_of(response: &str) -> &str {
    response.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[test]
fn parts_are_the_same_however_they_arrive() {
    let body = form(&[
        ("title", "Sunset"),
        ("ignore", "nobody reads this\r\n--a"),
        ("\"photo\"; filename=\"a%22b.txt\"\r\nContent-Type: image/x", "\r\n--\r\n--\r\n-b\r\r\n\r\n--"),
        ("empty", ""),
        ("skip", "one\r\n-two"),
        ("last", "\r"),
    ]);
    let expected = "[title|None|text/plain]Sunset[ignore|None|text/plain]\
        [photo|Some(\"a\\\"b.txt\")|image/x]\r\n--\r\n--\r\n-b\r\r\n\r\n--\
        [empty|None|text/plain][skip|None|text/plain][last|None|text/plain]\r";
    let world = world(list);
    let whole = post(&body);
    let got = world.exchange(&whole);
    assert_eq!((statuses(&got), body_of(&got)), (vec![200], expected));
    let start = whole.len() - body.len();
    for at in start..whole.len() {
        let client = world.connect();
        world.send(&client, &whole[..at]);
        world.send(&client, &whole[at..]);
        assert_eq!(body_of(&client.text()), expected, "split at {at}");
    }
    for size in [1, 2, 3, 10] {
        let client = world.connect();
        for piece in whole.as_bytes().chunks(size) {
            world.send(&client, piece);
        }
        assert_eq!(body_of(&client.text()), expected, "in pieces of {size}");
    }
}

#[test]
fn the_ecosystems_request_has_parts_too() {
    let world = world(async |mut request: http::Request<Incoming>| {
        let mut form = multipart(&mut request).unwrap();
        let part = form.next_part().await.unwrap().unwrap();
        text(part.text().await.unwrap())
    });
    let got = world.exchange(post(&form(&[("a", "hello")])));
    assert_eq!(body_of(&got), "hello");
}

#[test]
fn over_http2_it_is_the_same() {
    let world = configured(list, |config| config.http2 = Some(Http2Config::default()));
    let (client, server) = pipe(CAPACITY);
    world.sim.spawn(world.server.connection(server, ConnectionInfo::default()));
    let body = form(&[("ignore", &"x".repeat(200_000)), ("a", "hello"), ("skip", "one")]);
    let sim = Rc::clone(&world.sim);
    let answer = world.sim.spawn(async move {
        let (send, connection) = h2::client::handshake(client).await.unwrap();
        sim.spawn(connection);
        let request =
            http::Request::post("http://a/").header("content-type", "multipart/form-data; boundary=b");
        let (response, mut stream) =
            send.ready().await.unwrap().send_request(request.body(()).unwrap(), false).unwrap();
        // Sent as the windows allow, so it arrives in pieces.
        stream.send_data(Bytes::from(body), true).unwrap();
        response.await.unwrap().into_body().data().await.unwrap().unwrap()
    });
    world.sim.run();
    let answer = answer.take().expect("it answers");
    assert_eq!(answer, "[ignore|None|text/plain][a|None|text/plain]hello[skip|None|text/plain]");
}

#[test]
fn what_is_wrong_has_its_status() {
    let world = world(list);
    // Over the limit of a part, and over that of the whole.
    let (long, longer) = ("x".repeat(2 << 20), "x".repeat(4 << 20));
    for (request, status, says) in [
        (post(&form(&[("small", "123")])), 200, "123"),
        (post(&form(&[("small", "1234")])), 413, "part over its limit"),
        (post(&form(&[("refuse", "")])), 400, "refused"),
        (post(&form(&[("a", &long)])), 413, "part over its limit"),
        (post(&form(&[("ignore", &long), ("a", "b")])), 200, "[a|None|text/plain]b"),
        (post(&form(&[("ignore", &longer)])), 413, "larger than 3145728 bytes: raise"),
        (post("--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx"), 400, "before the close delimiter"),
        (post("--b\r\n\r\nx\r\n--b--"), 400, "without Content-Disposition"),
        (post("--c--"), 400, "no line begins with the boundary"),
        (post(&form(&[("a", ""); 129])), 413, "max_parts"),
        (post("--b--").replace("form-data", "mixed"), 415, "is not multipart/form-data"),
        (post("--b--").replace("Content-Type", "X-Type"), 415, "is not multipart/form-data"),
        (post("--b--").replace("=b\r", "=b; boundary=c\r"), 400, "more than one boundary"),
        (
            post("--b--").replace("Host: a\r\n", "Host: a\r\nContent-Type: text/plain\r\n"),
            400,
            "Content-Type",
        ),
        (post("--b--"), 200, ""),
    ] {
        let client = world.connect();
        world.send(&client, &request);
        let got = client.text();
        assert_eq!(statuses(&got), [status], "{got}");
        assert!(body_of(&got).contains(says), "{got}");
    }
    // The body ends before the form does.
    let client = world.connect();
    client.pipe.send(post(&form(&[("a", "b")])).trim_end_matches("\r\n--b--\r\n"));
    client.pipe.finish();
    world.sim.run();
    assert_eq!(client.statuses(), [400]);
}

/// 64 MiB for a consumer that takes a piece each second: what waits, waits at the sender.
#[test]
fn a_slow_consumer_holds_the_sender_up() {
    const SIZE: usize = 64 << 20;
    const BLOCK: usize = 1 << 20;
    let world = with_sim(|sim| {
        move |mut request: Request| {
            let sim = Rc::clone(&sim);
            async move {
                let mut form = multipart(&mut request).unwrap();
                let mut part = form.next_part().await.unwrap().unwrap().limit(SIZE as u64);
                let mut len = 0;
                while let Some(piece) = part.chunk().await.unwrap() {
                    len += piece.len();
                    sleep(&sim, 1).await;
                }
                text(len.to_string())
            }
        }
    });
    let client = world.connect();
    let (start, end) = ("--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n", "\r\n--b--\r\n");
    let length = start.len() + SIZE + end.len();
    world.send(&client, format!("{HEAD}Content-Length: {length}\r\n\r\n{start}"));
    let ((), used) = alloc::measure(|| {
        for _ in 0..SIZE / BLOCK {
            client.pipe.send(vec![b'\r'; BLOCK]);
            world.sim.run();
            assert!(client.pipe.unread_by_peer() > BLOCK - (256 << 10), "read ahead of the consumer");
            while client.pipe.unread_by_peer() > 0 {
                world.advance(1);
            }
        }
    });
    // The pipe's own buffer among it, which holds a block and may have grown by doubling.
    assert!(used.peak < 5 * BLOCK, "held {} bytes", used.peak);
    world.send(&client, end);
    world.advance(200);
    assert!(client.text().ends_with(&SIZE.to_string()));
}

#[test]
fn a_form_that_is_dropped_leaves_its_rest_to_the_server() {
    let world = world(async |mut request: Request| {
        let mut form = multipart(&mut request).unwrap();
        let mut part = form.next_part().await.unwrap().unwrap();
        part.chunk().await.unwrap();
        text("enough")
    });
    // Little is left: the connection goes on, and is in step.
    let small = post(&form(&[("a", &"x".repeat(100_000))]));
    let client = world.connect();
    world.send(&client, &small[..1000]);
    assert_eq!(client.statuses(), [200]);
    world.send(&client, &small[1000..]);
    world.send(&client, &small);
    assert_eq!((client.statuses(), client.is_closed()), (vec![200], false));
    // Much is left: it closes.
    let large = post(&form(&[("a", &"x".repeat(400_000))]));
    let client = world.connect();
    world.send(&client, &large[..1000]);
    assert_eq!((client.statuses(), client.is_closed()), (vec![200], true));
}

#[test]
fn fields_of_either_kind_within_limits() {
    let world = world(async |mut request: Request| {
        let mut limits = FieldLimits::default();
        (limits.max_fields, limits.max_bytes) = (3, 20);
        let result = async {
            let fields = if request.path() == "/urlencoded" {
                Fields::from_urlencoded(&mut request, limits).await?
            } else {
                let (mut fields, mut form) = (Fields::new(limits), multipart(&mut request)?);
                while let Some(part) = form.next_part().await? {
                    fields.add(part).await?;
                }
                fields
            };
            let all: Vec<_> = fields.get_all("a").collect();
            Ok(format!("{:?} {all:?} {}", fields.get("a"), fields.iter().len()))
        };
        let result = result.await;
        answer(result)
    });
    let urlencoded = |body: &str, content_type: &str| {
        format!(
            "POST /urlencoded HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    const TYPE: &str = "Application/X-WWW-form-urlencoded; charset=utf-8";
    for (request, status, says) in [
        (urlencoded("a=%C3%A9+b&a=2&c", TYPE), 200, "Some(\"é b\") [\"é b\", \"2\"] 3"),
        (urlencoded("", TYPE), 200, "None [] 0"),
        (urlencoded("a&b&c&d", TYPE), 413, "more than 3 fields"),
        (urlencoded("a=0123456789012345678", TYPE), 413, "more than 20 bytes"),
        (urlencoded("a=1", "text/plain"), 415, "not application/x-www-form-urlencoded"),
        (urlencoded("a=1", &format!("{TYPE}\r\nContent-Type: {TYPE}")), 400, "more than one Content-Type"),
        (post(&form(&[("a", "1"), ("b", ""), ("a", "é")])), 200, "Some(\"1\") [\"1\", \"é\"] 3"),
        (post(&form(&[("a", ""); 4])), 413, "more than 3 fields"),
        (post(&form(&[("a", "0123456789"), ("b", "0123456789")])), 413, "more than 20 bytes"),
    ] {
        let got = world.exchange(&request);
        assert_eq!(statuses(&got), [status], "{request}: {got}");
        assert!(body_of(&got).contains(says), "{request}: {got}");
    }
    let mut broken = post(&form(&[("a", "??")])).into_bytes();
    broken.iter_mut().filter(|byte| **byte == b'?').for_each(|byte| *byte = 0xff);
    let got = world.exchange(broken);
    assert!(statuses(&got) == [400] && body_of(&got).contains("not UTF-8"), "{got}");
}

/// Saves each part below `folder`, to the file that its name says; says what it saw on the way.
fn saver(folder: &Path) -> World<impl server_core::Handler<Request> + use<>, Request> {
    let folder = folder.to_owned();
    world(move |mut request: Request| {
        let folder = folder.clone();
        async move {
            let result = async {
                let mut form = multipart(&mut request)?;
                let mut answer = String::new();
                while let Some(part) = form.next_part().await? {
                    let mut to = SaveTo::new(folder.join(&*part.name()));
                    if request.path() == "/replace" {
                        to = to.replace().durable();
                    }
                    let mut seen = Vec::new();
                    let len = part.limit(1000).save(&to, |piece| seen.extend_from_slice(piece)).await?;
                    answer += &format!("{len} {}\n", String::from_utf8_lossy(&seen));
                }
                Ok(answer)
            };
            let result = result.await;
            answer(result)
        }
    })
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let world = saver(path);

    let client = world.connect();
    let request = post(&form(&[("one", "first"), ("two", "second")]));
    let at = request.find("first").unwrap() + 3;
    world.send(&client, &request[..at]);
    assert!(names(path).len() == 1 && names(path)[0].starts_with(".upload-"), "{:?}", names(path));
    world.send(&client, &request[at..]);
    assert_eq!(body_of(&client.text()), "5 first\n6 second\n");
    assert_eq!(names(path), ["one", "two"]);
    assert_eq!(fs::read_to_string(path.join("two")).unwrap(), "second");

    // What is there stays, unless it is to be replaced.
    let again = post(&form(&[("one", "other")]));
    let got = world.exchange(&again);
    assert_eq!((statuses(&got), body_of(&got)), (vec![500], "the file was not saved\n"));
    assert_eq!(fs::read_to_string(path.join("one")).unwrap(), "first");
    assert_eq!(statuses(&world.exchange(again.replace("POST /", "POST /replace"))), [200]);
    assert_eq!(fs::read_to_string(path.join("one")).unwrap(), "other");
    assert_eq!(names(path), ["one", "two"]);

    // Over the limit, malformed, cut off, no such directory, the client gone: nothing is left.
    let large = "x".repeat(1001);
    assert_eq!(statuses(&world.exchange(post(&form(&[("three", &large)])))), [413]);
    let cut = form(&[("three", "abc\r\n--bad")]);
    assert_eq!(statuses(&world.exchange(post(&cut))), [400]);
    assert_eq!(statuses(&world.exchange(post(&form(&[("\"no/three\"", "abc")])))), [500]);
    let client = world.connect();
    world.send(&client, &post(&form(&[("three", "abc")]))[..at]);
    assert_eq!(names(path).len(), 3);
    client.pipe.reset();
    world.sim.run();
    assert_eq!(names(path), ["one", "two"]);
}

#[cfg(unix)]
#[test]
fn a_file_has_the_mode_of_any_other_new_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ordinary"), "").unwrap();
    let world = saver(folder.path());
    assert_eq!(statuses(&world.exchange(post(&form(&[("saved", "")])))), [200]);
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("saved"), mode("ordinary"));
}

/// On tokio's blocking pool it is the same.
#[test]
fn a_file_is_saved_within_tokio() {
    let folder = tempfile::tempdir().unwrap();
    let world = saver(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _within = runtime.enter();
    let client = world.connect();
    world.send(&client, post(&form(&[("one", "first")])));
    // The pool wakes the task from its own thread; nothing here waits for it but by looking.
    let start = std::time::Instant::now();
    let mut got = String::new();
    while got.is_empty() && start.elapsed().as_secs() < 10 {
        std::thread::yield_now();
        world.sim.run();
        got = client.text();
    }
    assert_eq!(body_of(&got), "5 first\n");
    assert_eq!(names(folder.path()), ["one"]);
}
