//! What the server is made of: the crates, their licences and sources, the bill of materials, the
//! unit and the image it runs in, and how it says what it is.
//!
//! The rules stand in `config/deny.toml`, which cargo-deny reads too. It is not needed here: it takes
//! minutes to build, and what can be judged without the network is judged by these tests.

mod bill;
mod deployment;
mod version;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::Command,
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A crate that is in the server or builds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    /// An SPDX expression.
    license: String,
}

impl Package {
    /// A line of `cargo tree` after its depth: `name v1.0.0 (proc-macro)|MIT`.
    fn parse(line: &str) -> Self {
        let (package, license) = line.split_once('|').unwrap();
        let mut words = package.split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        // What crates wrote before there were expressions.
        let license = license.trim_end_matches(" (*)").replace(" / ", "/").replace('/', " OR ");
        Self {
            name: name.to_owned(),
            version: version.strip_prefix('v').unwrap().to_owned(),
            license,
        }
    }
}

/// The crates as `(depth, crate)`, each with what it needs right below it the first time. `edges`:
/// `normal` for those in the server, `normal,build` also for those that build it.
fn tree(edges: &str) -> Vec<(usize, Package)> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--locked", "--offline", "--target", "x86_64-unknown-linux-gnu"])
        .args(["--prefix", "depth", "--format", "{p}|{l}", "--edges", edges])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let digits = line.bytes().take_while(u8::is_ascii_digit).count();
            (line[..digits].parse().unwrap(), Package::parse(&line[digits..]))
        })
        .collect()
}

/// The crates, without the server itself.
fn packages(edges: &str) -> BTreeSet<Package> {
    let found: BTreeSet<_> = tree(edges).into_iter().map(|(_, package)| package).collect();
    assert!(found.len() > 100, "only {} crates", found.len());
    found.into_iter().filter(|package| package.name != "doorward").collect()
}

fn rules() -> toml::Table {
    read("config/deny.toml").parse().unwrap()
}

fn strings(list: &toml::Value) -> Vec<String> {
    let list = list.as_array().unwrap();
    list.iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// Whether an SPDX expression can be met with the licences that are `allowed`.
fn is_met(expression: &str, allowed: &[String]) -> bool {
    /// Splits at an operator that stands in no parentheses.
    fn parts<'a>(expression: &'a str, operator: &str) -> Vec<&'a str> {
        let (mut parts, mut depth, mut begin) = (Vec::new(), 0, 0);
        for (at, c) in expression.char_indices() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ if depth == 0 && at >= begin && expression[at..].starts_with(operator) => {
                    parts.push(&expression[begin..at]);
                    begin = at + operator.len();
                }
                _ => {}
            }
        }
        parts.push(&expression[begin..]);
        parts
    }
    let expression = expression.trim();
    let alternatives = parts(expression, " OR ");
    if alternatives.len() > 1 {
        return alternatives.iter().any(|part| is_met(part, allowed));
    }
    let all = parts(expression, " AND ");
    if all.len() > 1 {
        return all.iter().all(|part| is_met(part, allowed));
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => is_met(inner, allowed),
        None => allowed.iter().any(|licence| licence == expression),
    }
}

#[test]
fn every_licence_is_one_that_is_allowed() {
    let allowed = strings(&rules()["licenses"]["allow"]);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("(GPL-3.0-only OR MIT) AND ISC", true),
        ("MIT AND (GPL-3.0-only OR LGPL-2.1-only)", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("", false),
    ] {
        assert_eq!(is_met(expression, &allowed), expected, "{expression}");
    }
    for package in packages("normal,build") {
        assert!(is_met(&package.license, &allowed), "{package:?}");
    }
}

#[test]
fn a_crate_is_there_once_or_for_a_reason() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for Package { name, version, .. } in packages("normal,build") {
        versions.entry(name).or_default().insert(version);
    }
    // Without what a version says about the specification that it follows.
    let plain = |version: &str| version.split('+').next().unwrap_or(version).to_owned();
    let rules = rules();
    let mut excused = BTreeMap::new();
    for skip in rules["bans"]["skip"].as_array().unwrap() {
        let (name, version) = skip["crate"].as_str().unwrap().split_once('@').unwrap();
        assert!(skip["reason"].as_str().unwrap().len() > 3, "{name} has no reason");
        excused.insert(name.to_owned(), version.to_owned());
    }
    for (name, versions) in &versions {
        let mut unexcused =
            versions.iter().filter(|v| excused.get(name.as_str()) != Some(&plain(v)));
        let (first, second) = (unexcused.next(), unexcused.next());
        assert!(second.is_none(), "{name} is there as {first:?} and {second:?}");
    }
    for (name, version) in excused {
        let there = versions.get(&name).map_or(0, BTreeSet::len);
        let has = versions.get(&name).is_some_and(|all| all.iter().any(|v| plain(v) == version));
        assert!(there > 1 && has, "{name}@{version} needs no excuse any more");
    }
    for ban in rules["bans"]["deny"].as_array().unwrap() {
        let name = ban["crate"].as_str().unwrap();
        assert!(!versions.contains_key(name), "{name}: {}", ban["reason"]);
    }
}

#[test]
fn every_crate_comes_from_the_registry_with_its_checksum() {
    let allowed = strings(&rules()["sources"]["allow-registry"]);
    for path in ["Cargo.lock", "tests/fuzz/Cargo.lock"] {
        let lock: toml::Table = read(path).parse().unwrap();
        for package in lock["package"].as_array().unwrap() {
            let name = package["name"].as_str().unwrap();
            if ["doorward", "doorward-fuzz"].contains(&name) {
                continue;
            }
            let source = package.get("source").and_then(toml::Value::as_str).unwrap_or("");
            let source = source.strip_prefix("registry+").unwrap_or("");
            assert!(allowed.iter().any(|known| known == source), "{path}: {name} from {source:?}");
            assert_eq!(package["checksum"].as_str().unwrap().len(), 64, "{path}: {name}");
        }
    }
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    for (name, wanted) in manifest["dependencies"].as_table().unwrap() {
        let version = wanted.as_str().or_else(|| wanted.get("version")?.as_str());
        assert!(version.is_some_and(|version| !version.contains('*')), "{name} is of any version");
    }
}
