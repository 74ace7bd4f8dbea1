//! `GET /logs`: which events, in which order.

use super::super::query::Query;
use crate::domain::time::{Timestamp, Written};
use crate::http::error::management::ManagementError;
use crate::policy::query_syntax::{self, Query as Asked, Value};
use crate::store::audit::Condition;

/// Whether the oldest come first.
///
/// # Errors
/// `invalid_query_string`.
pub fn is_ascending(query: &Query) -> Result<bool, ManagementError> {
    match query.text("sort")? {
        None | Some("date:-1") => Ok(false),
        Some("date:1") => Ok(true),
        Some(_) => Err(ManagementError::invalid_query(
            "Query validation error: 'sort' must be date:1 or date:-1.",
        )),
    }
}

/// What `q` and `search` ask for, both if there are both. SDKs know only `search`, and it takes
/// what `q` takes.
///
/// # Errors
/// `invalid_query_string`, saying what can be searched for.
pub fn condition(query: &Query) -> Result<Condition, ManagementError> {
    let mut asked = Vec::new();
    for name in ["q", "search"] {
        let Some(terms) = query.text(name)? else { continue };
        asked.push(parse(terms).map_err(|why| {
            ManagementError::invalid_query(format!(
                "Query validation error: '{name}' cannot be searched for: {why}. Terms are \
                 type:\"…\", client_id:\"…\", user_id:\"…\", ip:\"…\", log_id:\"…\" and \
                 date:[FROM TO UNTIL], joined by AND, OR and NOT. FROM and UNTIL are 2026-01-31, \
                 2026-01-31T12:30:59Z or *."
            ))
        })?);
    }
    Ok(match asked.pop() {
        Some(only) if asked.is_empty() => only,
        last => Condition::All(asked.into_iter().chain(last).collect()),
    })
}

fn parse(q: &str) -> Result<Condition, String> {
    of(query_syntax::parse(q).map_err(|fault| fault.to_string())?)
}

fn of(query: Asked) -> Result<Condition, String> {
    let each = |queries: Vec<Asked>| queries.into_iter().map(of).collect::<Result<_, _>>();
    Ok(match query {
        Asked::All(queries) => Condition::All(each(queries)?),
        Asked::Any(queries) => Condition::Any(each(queries)?),
        Asked::Not(query) => Condition::Not(Box::new(of(*query)?)),
        Asked::Term(None, _) => return Err("a term names no field".to_owned()),
        Asked::Term(Some(name), value) => match (name.as_str(), value) {
            ("date", value) => date(value).ok_or("date is no time")?,
            ("type", Value::Is(code)) => Condition::Event(code),
            ("client_id", Value::Is(id)) => Condition::Client(id),
            ("user_id", Value::Is(id)) => Condition::User(id),
            ("ip", Value::Is(address)) => Condition::Ip(address),
            ("log_id" | "_id", Value::Is(id)) => Condition::Id(id),
            ("type" | "client_id" | "user_id" | "ip" | "log_id" | "_id", _) => {
                return Err(format!("{name} can have neither wildcards nor ranges"));
            }
            _ => return Err(format!("{name} cannot be searched")),
        },
    })
}

fn date(value: Value) -> Option<Condition> {
    let (mut since, mut before) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
    match value {
        Value::Is(text) => {
            let written = Written::parse(&text)?;
            (since, before) = (written.start, written.end());
        }
        Value::Between(from, until) => {
            if let Some(edge) = from {
                let written = Written::parse(&edge.text)?;
                since = if edge.inclusive { written.start } else { written.end() };
            }
            if let Some(edge) = until {
                let written = Written::parse(&edge.text)?;
                before = if edge.inclusive { written.end() } else { written.start };
            }
        }
        Value::Pieces(_) | Value::Exists => return None,
    }
    Some(Condition::Date(since, before))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn dates(since: i64, before: i64) -> Condition {
        Condition::Date(Timestamp::from_millis(since), Timestamp::from_millis(before))
    }

    #[test]
    fn a_search_joins_terms() {
        let event = |code: &str| Condition::Event(code.to_owned());
        for (q, expected) in [
            ("type:\"s\"", event("s")),
            (
                "type:s AND client_id:a AND user_id:\"auth0|1\" AND log_id:x",
                Condition::All(vec![
                    event("s"),
                    Condition::Client("a".into()),
                    Condition::User("auth0|1".into()),
                    Condition::Id("x".into()),
                ]),
            ),
            ("ip:\"::1\"", Condition::Ip("::1".into())),
            ("type:(f OR fp)", Condition::Any(vec![event("f"), event("fp")])),
            ("NOT type:s", Condition::Not(Box::new(event("s")))),
            ("date:[1970-01-02 TO 1970-01-02]", dates(DAY, 2 * DAY)),
            ("date:{1970-01-02 TO 1970-01-05}", dates(2 * DAY, 4 * DAY)),
            ("date:1970-01-02", dates(DAY, 2 * DAY)),
            ("date:>=1970-01-02", dates(DAY, i64::MAX)),
            ("date:[* TO *]", dates(0, i64::MAX)),
            ("*", Condition::All(vec![])),
        ] {
            assert_eq!(parse(q), Ok(expected), "{q}");
        }
    }

    #[test]
    fn anything_else_is_no_search() {
        for q in [
            "type",
            "type:",
            "type:*",
            "type:s*",
            "type:\"s",
            "type:[a TO b]",
            "email:a",
            "s",
            "date:x",
            "date:[x TO *]",
            "date:*",
            "type:s AND",
            "(type:s",
        ] {
            assert!(parse(q).is_err(), "{q}");
        }
    }
}
