//! The rule table: each rule with and without the cache, the first time and again.

use conformance::files::{Case, cases};
use http::Response;

use crate::tree::{Tree, ask, get};

#[tokio::test]
async fn every_rule() {
    let tree = Tree::new();
    let mut failed = Vec::new();
    for case in cases() {
        for cached in [false, true] {
            let files = tree.files(&case.options, cached);
            for time in ["at first", "again"] {
                // Some targets of the table are none that `http::Uri` can hold.
                if case.target.parse::<http::Uri>().is_err() {
                    panic!("{}: not a target: {}", case.id, case.target);
                }
                let response = ask(&files, &case.method, &case.target, &case.request).await;
                if let Err(fact) = check(&case, &response) {
                    failed.push(format!("{} (cached: {cached}, {time}): {fact}", case.id));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

fn check(case: &Case, response: &Response<Vec<u8>>) -> Result<(), String> {
    let field =
        |name: &str| response.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
    if response.status() != case.status {
        return Err(format!("status {}", response.status()));
    }
    let content_type = field("content-type").unwrap_or_default();
    let boundary = content_type.split_once("boundary=").map(|(_, boundary)| boundary.to_owned());
    let generic = |text: String| match &boundary {
        Some(boundary) => text.replace(boundary, "BOUNDARY"),
        None => text,
    };
    for (name, expected) in &case.fields {
        let value = match field(name) {
            // The server makes it of the body's length.
            None if name == "content-length" => Some(response.body().len().to_string()),
            value => value.map(&generic),
        };
        if value.as_ref() != Some(expected) {
            return Err(format!("{name}: {value:?} instead of {expected:?}"));
        }
    }
    if let Some(name) = case.without.iter().find(|name| response.headers().contains_key(*name)) {
        return Err(format!("{name}: {:?}", field(name)));
    }
    let body = generic(String::from_utf8_lossy(response.body()).into_owned());
    match &case.body {
        Some(expected) if *expected != body => Err(format!("{body:?} instead of {expected:?}")),
        _ => Ok(()),
    }
}

#[tokio::test]
async fn listings_are_sorted_escaped_and_hide_what_is_not_served() {
    let tree = Tree::new();
    let files = tree.files(&["listing".into()], false);
    let page = |target: &'static str| {
        let files = files.clone();
        async move { String::from_utf8(get(&files, target).await.into_body()).expect("text") }
    };
    let root = page("/").await;
    for absent in [".hidden", ".git", "with:colon", "out.txt", "link.txt", "outside", "loop", "../"] {
        assert!(!root.contains(absent), "{absent} in {root}");
    }
    assert!(root.contains(r#"<a href="./a%20b.txt">a b.txt</a><td>5 B<td>01 Jan 2024 00:00"#), "{root}");
    assert!(root.contains(r#"<a href="./%C3%BC.txt">ü.txt</a>"#), "{root}");
    assert!(root.contains(r#"<a href="./dir/">dir/</a>"#), "{root}");
    let bare = page("/bare/").await;
    assert!(bare.contains(r#"<a href="./%3Cb%3E%26%27%22.txt">&lt;b&gt;&amp;&#39;&quot;.txt</a>"#), "{bare}");
    assert!(bare.contains(r#"<a href="../">"#), "{bare}");
    let order = |page: &str| {
        ["dir/", "empty.txt", "ten.txt", "long.txt"]
            .map(|name| page.find(&format!("\">{name}</a>")).expect("listed"))
    };
    let [dir, empty, ten, long] = order(&page("/?sort=size").await);
    assert!(dir < empty && empty < ten && ten < long);
    let [dir, empty, ten, long] = order(&page("/?sort=size&order=desc").await);
    assert!(dir < long && long < ten && ten < empty, "directories stay first");
    let [_, empty, ten, long] = order(&page("/").await);
    assert!(empty < long && long < ten);

    let with_links = tree.files(&["listing".into(), "links".into()], false);
    let root = String::from_utf8(get(&with_links, "/").await.into_body()).expect("text");
    assert!(root.contains("link.txt") && root.contains("linked/") && !root.contains("out.txt"), "{root}");
}

#[tokio::test]
async fn fields_of_every_response() {
    let tree = Tree::new();
    let name = http::HeaderName::from_static("x-extra");
    let files = server_files::Files::builder(tree.root())
        .header(name.clone(), http::HeaderValue::from_static("1"))
        .content_type("qqq", http::HeaderValue::from_static("application/x-strange"))
        .build()
        .expect("a tree");
    for target in ["/ten.txt", "/absent", "/dir", "/.."] {
        assert_eq!(get(&files, target).await.headers()[&name], "1", "{target}");
    }
    assert_eq!(get(&files, "/strange.qqq").await.headers()["content-type"], "application/x-strange");
}

#[test]
fn what_cannot_be_served_is_said() {
    let tree = Tree::new();
    let fails = |builder: server_files::Builder| builder.build().expect_err("a fault").to_string();
    let absent = tree.root().join("absent");
    assert_eq!(
        fails(server_files::Files::builder(&absent)),
        format!("cannot serve {}: No such file or directory (os error 2)", absent.display())
    );
    let file = tree.root().join("ten.txt");
    assert!(fails(server_files::Files::builder(&file)).ends_with("Not a directory (os error 20)"));
    for path in ["../x", "a//b", "%zz"] {
        assert_eq!(
            fails(server_files::Files::builder(tree.root()).fallback(path)),
            format!("not a path that can be served: {path}")
        );
    }
}
