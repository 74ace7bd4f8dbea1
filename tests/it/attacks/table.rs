//! The list of cases in `docs/attacks.md`, and the tests: neither has what the other has not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const CASES: usize = 66;

/// A row of the list.
struct Row {
    number: usize,
    /// The tests it names as its own, `module::name`. Without any the case does not apply.
    tests: BTreeSet<String>,
    /// The tests that its text names.
    mentioned: BTreeSet<String>,
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The names in backquotes that have a module before them.
fn named(cell: &str) -> BTreeSet<String> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.filter(|name| name.contains("::")).map(str::to_owned).collect()
}

fn rows(document: &str) -> Vec<Row> {
    let cells = |line: &str| line.split(" | ").map(str::to_owned).collect::<Vec<_>>();
    let mut rows = Vec::new();
    for line in document.lines().filter_map(|line| line.strip_prefix("| ")) {
        let cells = cells(line.trim_end_matches(" |"));
        let Ok(number) = cells[0].parse() else { continue };
        assert_eq!(cells.len(), 5, "five cells: {line}");
        assert!(cells.iter().all(|cell| !cell.trim().is_empty()), "an empty cell: {line}");
        let (tests, mentioned) = (named(&cells[4]), named(&cells[3]));
        let is_reason = cells[4].starts_with("not applicable: ");
        assert_ne!(tests.is_empty(), !is_reason, "tests, or why there are none: {line}");
        rows.push(Row { number, tests, mentioned });
    }
    rows
}

/// Every test of the suite, and the cases that its comment names.
fn tests() -> BTreeMap<String, Option<usize>> {
    let mut found = BTreeMap::new();
    for entry in
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/attacks")).unwrap()
    {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (mut case, mut is_test) = (None, false);
        for line in fs::read_to_string(&path).unwrap().lines() {
            if let Some(rest) = line.strip_prefix("/// **Case ") {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                case = Some(digits.parse().unwrap());
            }
            is_test |= line.starts_with("#[tokio::test") || line == "#[test]";
            let declared = line.trim_start_matches("async ").strip_prefix("fn ");
            if let Some(name) = declared.filter(|_| !line.starts_with(' ')) {
                if is_test {
                    found.insert(format!("{module}::{}", name.split('(').next().unwrap()), case);
                } else {
                    assert_eq!(case, None, "{module}: {name} is no test");
                }
                (case, is_test) = (None, false);
            }
        }
    }
    found
}

#[test]
fn the_list_and_the_tests_tell_the_same() {
    let document = read("docs/attacks.md");
    let (rows, tests) = (rows(&document), tests());
    let numbers: Vec<_> = rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=CASES).collect::<Vec<_>>(), "each case once, in order");
    for row in &rows {
        let of_case = tests.iter().filter(|(_, case)| **case == Some(row.number));
        let of_case: BTreeSet<_> = of_case.map(|(name, _)| name.clone()).collect();
        assert_eq!(row.tests, of_case, "the tests of case {}", row.number);
        for name in &row.mentioned {
            assert!(tests.contains_key(name), "case {}: no test {name}", row.number);
        }
    }
    let passed = rows.iter().filter(|row| !row.tests.is_empty()).count();
    let summary =
        format!("{CASES} published cases: {passed} passed, {} not applicable", CASES - passed);
    assert!(document.contains(&summary), "the document says: {summary}");
}
