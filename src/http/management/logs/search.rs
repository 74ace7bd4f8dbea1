//! `GET /logs`: which events, in which order.

use super::super::query::Query;
use crate::domain::time::Written;
use crate::http::error::management::ManagementError;
use crate::store::audit::Filter;

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

/// What `q` asks for.
///
/// # Errors
/// `invalid_query_string`, saying what can be searched for.
pub fn filter(query: &Query) -> Result<Filter, ManagementError> {
    let Some(q) = query.text("q")? else { return Ok(Filter::default()) };
    parse(q).ok_or_else(|| {
        ManagementError::invalid_query(
            "Query validation error: 'q' must be type:\"…\", client_id:\"…\", user_id:\"…\", \
             log_id:\"…\" and date:[FROM TO UNTIL], each at most once and joined by AND. FROM and \
             UNTIL are 2026-01-31, 2026-01-31T12:30:59Z or *.",
        )
    })
}

fn parse(q: &str) -> Option<Filter> {
    let mut filter = Filter::default();
    let mut seen = Vec::new();
    let mut rest = q.trim();
    loop {
        let (name, value) = rest.split_once(':')?;
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
        rest = if name == "date" {
            let (range, rest) = value.strip_prefix('[')?.split_once(']')?;
            let (since, until) = range.split_once(" TO ")?;
            if since != "*" {
                filter.since = Written::parse(since)?.start;
            }
            if until != "*" {
                filter.before = Written::parse(until)?.end();
            }
            rest
        } else {
            let (text, rest) = text(value)?;
            let member = match name {
                "type" => &mut filter.event,
                "client_id" => &mut filter.client_id,
                "user_id" => &mut filter.user_id,
                "log_id" | "_id" => &mut filter.id,
                _ => return None,
            };
            *member = Some(text.to_owned());
            rest
        };
        if rest.is_empty() {
            return Some(filter);
        }
        rest = rest.strip_prefix(" AND ")?.trim_start();
    }
}

/// One `"value"` or `value` without operators and wildcards, and what follows it.
fn text(value: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = value.strip_prefix('"') {
        let (text, rest) = quoted.split_once('"')?;
        return (!text.is_empty() && !text.contains('\\')).then_some((text, rest));
    }
    let (text, rest) = value.split_at(value.find(' ').unwrap_or(value.len()));
    let is_plain = !text.is_empty() && !text.contains(|c: char| "*?~^[]{}()\"\\".contains(c));
    is_plain.then_some((text, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_a_conjunction_of_a_few_terms() {
        let all = r#"type:"sertft" AND client_id:a AND user_id:"auth0|1" AND log_id:"x""#;
        let found = parse(all).unwrap();
        assert_eq!(found.event.as_deref(), Some("sertft"));
        assert_eq!(found.client_id.as_deref(), Some("a"));
        assert_eq!(found.user_id.as_deref(), Some("auth0|1"));
        assert_eq!(found.id.as_deref(), Some("x"));
        let day = parse("date:[1970-01-02 TO 1970-01-02] AND type:s").unwrap();
        assert_eq!((day.since.millis(), day.before.millis()), (86_400_000, 172_800_000));
        assert_eq!(parse("date:[* TO *]"), Some(Filter::default()));
    }

    #[test]
    fn anything_else_is_no_search() {
        for q in [
            "",
            "type",
            "type:",
            "type:*",
            "type:s*",
            r#"type:"s"#,
            "type:s OR type:f",
            "type:s AND type:f",
            "NOT type:s",
            "email:a",
            "date:2026-01-01",
            "date:[x TO *]",
            "date:{2026-01-01 TO *}",
            "type:s AND",
            "type:s and client_id:x",
            "(type:s)",
        ] {
            assert_eq!(parse(q), None, "{q}");
        }
    }
}
