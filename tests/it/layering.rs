//! Imports point down only. A text check: good against drift, not against malice.

use std::{fs, path::Path};

/// Room → rooms it may name.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("policy", &["domain"]),
    ("telemetry", &["domain"]),
    ("store", &["domain"]),
    ("crypto", &["domain"]),
    ("mail", &["domain"]),
    ("outbound", &["domain"]),
    ("actions", &["domain", "crypto", "outbound"]),
    ("login", &["domain", "policy", "store", "crypto", "telemetry", "mail", "outbound", "actions"]),
    (
        "token",
        &[
            "domain",
            "policy",
            "store",
            "crypto",
            "telemetry",
            "mail",
            "outbound",
            "actions",
            "login",
        ],
    ),
    (
        "http",
        &[
            "domain",
            "policy",
            "store",
            "crypto",
            "telemetry",
            "mail",
            "outbound",
            "actions",
            "login",
            "token",
        ],
    ),
];

/// Crates that only one room may name.
const ONLY_IN: &[(&str, &str)] = &[
    ("sqlx::", "store"),
    ("axum::", "http"),
    ("lettre::", "mail"),
    ("reqwest::", "outbound"),
    ("rquickjs::", "actions"),
];

#[test]
fn rooms_use_only_the_rooms_below_them() {
    let mut wrong = Vec::new();
    for (room, may_use) in MAY_USE {
        let rooms = MAY_USE.iter().map(|(name, _)| *name).chain(["app", "cli", "config"]);
        let forbidden: Vec<_> = rooms.filter(|r| r != room && !may_use.contains(r)).collect();
        for (path, text) in sources(room) {
            for name in &forbidden {
                if names_room(&text, name) {
                    wrong.push(format!("{path} names crate::{name}"));
                }
            }
            for (text_, only) in ONLY_IN {
                if only != room && text.contains(text_) {
                    wrong.push(format!("{path} names {text_}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn decisions_and_values_do_nothing() {
    for room in ["domain", "policy"] {
        for (path, text) in sources(room) {
            assert!(!text.contains("async fn") && !text.contains(".await"), "{path} is async");
            // Addresses are values; what speaks to them is not.
            for io in ["std::fs", "Tcp", "Udp", "ToSocketAddrs", "std::os", "std::process"] {
                assert!(!text.contains(io), "{path} does I/O: {io}");
            }
        }
    }
}

#[test]
fn every_room_is_walked() {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs");
    let map = fs::read_to_string(source).unwrap();
    for line in map.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let room = line.trim_end_matches(';');
        let known = MAY_USE.iter().any(|(name, _)| *name == room);
        assert!(known || ["app", "cli", "config"].contains(&room), "{room} has no row");
    }
}

/// `crate::room` or `crate::{…, room::…}`.
fn names_room(text: &str, room: &str) -> bool {
    let used = |rest: &str| {
        let rest = rest.trim_start();
        rest.strip_prefix(room).is_some_and(|rest| {
            rest.starts_with("::") || rest.starts_with([',', '}', ';', ' ', '\n'])
        })
    };
    text.match_indices("crate::").any(|(at, found)| {
        let rest = &text[at + found.len()..];
        match rest.strip_prefix('{') {
            None => used(rest),
            Some(group) => {
                let group = &group[..group.find(';').unwrap_or(group.len())];
                group.split([',', '{']).any(used)
            }
        }
    })
}

fn sources(room: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = vec![root.join(format!("{room}.rs"))];
    let mut folders = vec![root.join(room)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let read =
        |path: std::path::PathBuf| (path.display().to_string(), fs::read_to_string(&path).unwrap());
    found.into_iter().map(read).collect()
}
