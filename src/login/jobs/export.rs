//! Writes the users to a file.
//!
//! 1. Count the users, to tell the progress by.
//! 2. For each page, in the order of ids: show the users, compress them, and commit that together
//!    with the progress. Each page is a gzip member of its own (RFC 1952 §2.2), so that another node
//!    can go on where this one died.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Map, Value};

use super::{Held, Stopped};
use crate::domain::user::User;
use crate::login::LoginService;
use crate::store::{job_chunks, users};

/// Users of a page: the metadata of each may have a megabyte.
const PAGE: i64 = 100;

/// The columns when nobody names any, as Auth0 names them.
const DEFAULT_COLUMNS: &[(&str, &str)] = &[
    ("user_id", "Id"),
    ("given_name", "Given Name"),
    ("family_name", "Family Name"),
    ("nickname", "Nickname"),
    ("name", "Name"),
    ("email", "Email"),
    ("email_verified", "Email Verified"),
    ("picture", "Picture"),
    ("identities[0].connection", "Connection"),
    ("created_at", "Created At"),
    ("updated_at", "Updated At"),
];

/// Times that this server writes: nothing that a user chose.
const OWN_TIMES: &[&str] = &["created_at", "updated_at", "last_login"];

/// A member of users, by its path, and what the file calls it.
struct Column {
    path: String,
    title: String,
}

/// What an export needs to know of the job's parameters.
struct Order {
    connection: Option<String>,
    limit: i64,
    is_csv: bool,
    columns: Vec<Column>,
}

impl Order {
    fn read(parameters: &Map<String, Value>) -> Self {
        let text = |member: &Value, name: &str| {
            member.get(name).and_then(Value::as_str).map(str::to_owned)
        };
        let named = |field: &Value| {
            let path = text(field, "name")?;
            let title = text(field, "export_as").unwrap_or_else(|| path.clone());
            Some(Column { path, title })
        };
        let columns: Vec<_> = match parameters.get("fields").and_then(Value::as_array) {
            Some(fields) if !fields.is_empty() => fields.iter().filter_map(named).collect(),
            _ => DEFAULT_COLUMNS
                .iter()
                .map(|(path, title)| Column { path: (*path).into(), title: (*title).into() })
                .collect(),
        };
        Self {
            connection: parameters.get("connection").and_then(Value::as_str).map(str::to_owned),
            limit: parameters.get("limit").and_then(Value::as_i64).unwrap_or(i64::MAX),
            is_csv: parameters.get("format").and_then(Value::as_str) == Some("csv"),
            columns,
        }
    }

    /// What the file begins with.
    fn head(&self) -> String {
        if !self.is_csv {
            return String::new();
        }
        let titles = self.columns.iter().map(|column| quoted(&column.title));
        titles.collect::<Vec<_>>().join(",") + "\n"
    }

    /// The line of a user.
    fn line(&self, user: &Map<String, Value>) -> String {
        let values = self.columns.iter().map(|column| (column, at(user, &column.path)));
        if self.is_csv {
            let cells = values.map(|(column, value)| cell(&column.path, value));
            return cells.collect::<Vec<_>>().join(",") + "\n";
        }
        let members: Map<_, _> = values
            .filter_map(|(column, value)| Some((column.title.clone(), value?.clone())))
            .collect();
        Value::Object(members).to_string() + "\n"
    }
}

/// The member at a path like `identities[0].connection`.
fn at<'a>(user: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut steps = path.split(['.', '[']).map(|step| step.trim_end_matches(']'));
    let mut found = user.get(steps.next()?)?;
    for step in steps {
        found = match found {
            Value::Object(members) => members.get(step)?,
            Value::Array(items) => items.get(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(found)
}

/// A text in quotes (RFC 4180 §2).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A value as CSV. What a user may have chosen begins with an apostrophe, as at Auth0: no program
/// takes it for a formula.
fn cell(path: &str, value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if OWN_TIMES.contains(&path) => quoted(text),
        Some(Value::String(text)) => quoted(&format!("'{text}")),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
        Some(value) => quoted(&format!("'{value}")),
    }
}

impl LoginService {
    pub(super) async fn export(
        &self,
        held: &mut Held,
        show: fn(&User) -> Map<String, Value>,
    ) -> Result<(), Stopped> {
        let order = Order::read(&held.job.parameters);
        let connection = order.connection.as_deref();
        if held.job.total.is_none() {
            let users = users::count_of(self.store.read().await?.db(), connection).await?;
            held.job.total = Some(users.min(order.limit));
            let mut tx = self.store.write().await?;
            let head = compressed(&order.head())?;
            job_chunks::insert(&mut tx, &held.job.id, 0, &head).await?;
            self.commit_progress(tx, held, 0).await?;
        }
        loop {
            let done = held.job.counts.done;
            let limit = (order.limit - done).min(PAGE);
            let after = held.job.resume_after.clone().unwrap_or_default();
            let page = match limit {
                1.. => {
                    let mut conn = self.store.read().await?;
                    users::list_after(conn.db(), connection, &after, limit).await?
                }
                _ => Vec::new(),
            };
            let Some(last) = page.last() else { return Ok(()) };
            held.job.resume_after = Some(last.user.user_id.as_str().to_owned());
            let counts = &mut held.job.counts;
            counts.done += i64::try_from(page.len()).unwrap_or(0);
            counts.inserted = counts.done;
            let lines: String = page.iter().map(|record| order.line(&show(&record.user))).collect();
            let data = compressed(&lines)?;
            let mut tx = self.store.write().await?;
            // The head is number 0.
            job_chunks::insert(&mut tx, &held.job.id, held.job.counts.done, &data).await?;
            self.commit_progress(tx, held, done).await?;
            tokio::task::yield_now().await;
        }
    }
}

/// A gzip member.
fn compressed(text: &str) -> Result<Vec<u8>, Stopped> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    written.map_err(|_| Stopped::Impossible("The file could not be compressed."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn order(parameters: Value) -> Order {
        Order::read(parameters.as_object().unwrap())
    }

    fn user() -> Map<String, Value> {
        let user = json!({
            "user_id": "auth0|1", "name": "=HYPERLINK(\"x\")", "email_verified": true,
            "created_at": "2026-01-01T00:00:00.000Z", "logins_count": 3,
            "identities": [{ "connection": "Main" }], "user_metadata": { "a": { "b": ["c"] } },
        });
        user.as_object().unwrap().clone()
    }

    #[test]
    fn csv_is_escaped_against_formulas_and_quotes() {
        let fields = [
            "user_id",
            "name",
            "email_verified",
            "created_at",
            "logins_count",
            "email",
            "identities[0].connection",
            "user_metadata.a",
            "user_metadata.a.b[0]",
            "identities[1]",
        ];
        let fields: Vec<_> = fields.iter().map(|name| json!({ "name": name })).collect();
        let order = order(json!({ "format": "csv", "fields": fields }));
        assert!(order.head().starts_with("\"user_id\",\"name\",\"email_verified\""));
        assert_eq!(
            order.line(&user()),
            "\"'auth0|1\",\"'=HYPERLINK(\"\"x\"\")\",true,\"2026-01-01T00:00:00.000Z\",3,,\"'Main\",\
             \"'{\"\"b\"\":[\"\"c\"\"]}\",\"'c\",\n"
        );
    }

    #[test]
    fn json_has_a_line_for_each_user_and_the_titles_that_were_asked_for() {
        let fields = json!([{ "name": "user_id", "export_as": "id" }, { "name": "email" }]);
        let chosen = order(json!({ "format": "json", "fields": fields }));
        assert_eq!(
            (chosen.head(), chosen.line(&user())),
            (String::new(), "{\"id\":\"auth0|1\"}\n".into())
        );
        let line: Value = serde_json::from_str(&order(json!({})).line(&user())).unwrap();
        assert_eq!(line["Id"], "auth0|1");
        assert_eq!(line["Connection"], "Main");
        assert_eq!(line.get("Family Name"), None);
    }
}
