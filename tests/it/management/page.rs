//! The page of the documentation that lists the Management API.

use std::{collections::BTreeMap, fmt::Write};

use doorward::{
    config::Config,
    policy::management::{OPERATIONS, Operation, unbuilt::UNBUILT},
};

use crate::support::recorded;

const INTRODUCTION: &str = r#"# Management API: what is there, what differs

The Management API is compatible with Auth0's Management API v2: SDKs and tools work unmodified.
Its base URL is `<issuer>api/v2`, and the audience of its tokens `<issuer>api/v2/`, with the slash.
`GET <issuer>api/v2/openapi.json` describes every operation for programs: parameters, bodies with
their types and limits, scopes and status codes. It needs no token.

What holds for every operation:

- **Tokens.** An application gets them with its client credentials, for the scopes of its client
  grant. Users get them at the console only, for their permissions on this API, which are looked at
  anew at each request: who loses a role or is blocked is out at once. Any one of the scopes of an
  operation opens it, unless the table says otherwise.
- **People** cannot get more than they have. A user may give or take only permissions on this API
  that they have themselves, with roles and client grants too, and may not reset the password of,
  change the address of, block or delete a user, or set the secret of an application, that may do
  more: 403 `exceeds_own_permissions`. Applications are trusted with their scopes.
- **Bodies** are JSON objects of at most 1 MiB (`Content-Type: application/json`) and 128 levels.
  Members and query parameters that are unknown are refused, with the messages that Auth0 gives. Of
  two members with one name the last counts. Ids in paths have at most 4096 characters, query strings
  8192.
- **Pages.** `page` and `per_page` (at most 100) with `include_totals`, or `from` and `take`, as the
  operation has it. An unknown cursor is the beginning of nothing: the page is empty.
- **Rates.** Each client, and each user of the console, may send {rate} requests per second, and
  {burst} at once (`management.requests_per_second` and `management.burst` in the configuration; each
  node counts for itself). Answers carry `x-ratelimit-limit`, `x-ratelimit-remaining` and
  `x-ratelimit-reset`; beyond
  it the answer is 429 with `Retry-After`.
- **Two editors** never overwrite each other unawares, if they care (of this server only; RFC 9110
  section 13.1.1). The answer about one object that can be edited, and to its creation and change,
  carries an `ETag`, which names the state of the object: without counters and the time of the last
  use, whatever `fields` the query asks for and whatever the token may see. A write with `If-Match`
  and that tag goes through if the object is still in that state, and otherwise is refused with 412
  and `precondition_failed`; nothing is written then. Without `If-Match` the last one wins, as in
  Auth0. Where nothing has an `ETag`, `If-Match` is refused.
- **Trail.** Each write is an event `sapi` in `GET /logs`, committed together with what it wrote:
  which client, at the console which user, which request, and the names of the members that changed,
  never what they hold. A refused write is an event `fapi`; the same refusal again and again is one
  event that counts.
- **Validation** is a list of fields for each resource, checked by the server's own code: no library
  for validation speaks in the messages that clients of this API match on (`src/http/management/schema.rs`
  says which were weighed).
"#;

/// A part of the notes: text by name.
type Notes = BTreeMap<String, String>;

fn notes(table: &toml::Table, part: &str) -> Notes {
    let entries = table[part].as_table().unwrap().iter();
    entries.map(|(name, text)| (name.clone(), text.as_str().unwrap().to_owned())).collect()
}

fn resource(operation: &Operation) -> &str {
    operation.path.split('/').nth(1).unwrap()
}

/// Operations under the names of their resources, in the order of the routes.
fn by_resource(all: &'static [Operation]) -> Vec<(&'static str, Vec<&'static Operation>)> {
    let mut found: Vec<(&str, Vec<_>)> = Vec::new();
    for operation in all {
        let name = resource(operation);
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, operations)) => operations.push(operation),
            None => found.push((name, vec![operation])),
        }
    }
    found
}

#[test]
fn the_page_of_the_documentation_lists_what_is_there_and_what_is_not() {
    let table: toml::Table =
        include_str!("../../../docs/management-api.notes.toml").parse().unwrap();
    let (titles, differences) = (notes(&table, "resources"), notes(&table, "differences"));
    let usual = Config::load(None, []).unwrap().management;
    let mut page = INTRODUCTION
        .replace("{rate}", &usual.requests_per_second.to_string())
        .replace("{burst}", &usual.burst.to_string());
    for (name, operations) in by_resource(OPERATIONS) {
        let title = titles.get(name).map_or(name, String::as_str);
        write!(
            page,
            "\n## {title}\n\n| operation | scopes | differs from Auth0 |\n|---|---|---|\n"
        )
        .unwrap();
        for Operation { method, path, scopes } in operations {
            let scopes: Vec<_> = scopes.iter().map(|scope| format!("`{scope}`")).collect();
            let note = differences.get(&format!("{method} {path}")).map_or("", String::as_str);
            writeln!(page, "| `{method} {path}` | {} | {note} |", scopes.join(" ")).unwrap();
        }
    }
    page.push_str(
        "\n## Not built\n\nThese operations of Auth0 are known and answer 403 `insufficient_scope`, \
         whatever the token: tools that\nread a whole tenant pass over them with a warning. Every \
         other path answers 404.\n\n| resource | operations |\n|---|---|\n",
    );
    let mut unbuilt = by_resource(UNBUILT);
    unbuilt.sort_by_key(|(name, _)| *name);
    for (name, operations) in unbuilt {
        let names = operations.iter().map(|row| format!("`{} {}`", row.method, row.path));
        writeln!(page, "| {name} | {} |", names.collect::<Vec<_>>().join("<br>")).unwrap();
    }
    recorded::compare("docs/management-api.md", &page);

    for name in differences.keys() {
        let is_it = |o: &Operation| format!("{} {}", o.method, o.path) == *name;
        assert!(OPERATIONS.iter().any(is_it), "docs/management-api.notes.toml: no route {name}");
    }
}
