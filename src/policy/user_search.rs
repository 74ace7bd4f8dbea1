//! What `q` and `sort` of `GET /users` ask for: the fields of a user.

use super::query_syntax::{self, Query, Value};
use crate::domain::{
    time::{Timestamp, Written},
    user_search::{Beginning, Condition, Edge, Flag, Key, Match, Number, Range, Text},
};

/// Why a search cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The query is no query.
    #[error(transparent)]
    Syntax(#[from] query_syntax::Fault),
    /// No such field can be searched.
    #[error("{0} cannot be searched")]
    Field(String),
    /// The value is of another type.
    #[error("{0} must be {1}")]
    Value(String, &'static str),
    /// A wildcard that is not the last character, in a field where it cannot be.
    #[error("{0} can have a wildcard at the end only")]
    Inner(String),
    /// Too little beside the wildcards.
    #[error("a wildcard before the end of {0} needs 3 other characters")]
    TooShort(String),
    /// Metadata are compared as a whole.
    #[error("{0} can have neither wildcards nor ranges")]
    Metadata(String),
}

enum Field {
    Text(Text),
    Flag(Flag),
    Time(Number),
    Count(Number),
    Provider,
    LocalId,
    Organization,
    Metadata,
}

#[rustfmt::skip]
fn field(name: &str) -> Option<Field> {
    Some(match name {
        "user_id"               => Field::Text(Text::UserId),
        "email"                 => Field::Text(Text::Email),
        "email.domain"          => Field::Text(Text::EmailDomain),
        "username"              => Field::Text(Text::Username),
        "name"                  => Field::Text(Text::Name),
        "nickname"              => Field::Text(Text::Nickname),
        "given_name"            => Field::Text(Text::GivenName),
        "family_name"           => Field::Text(Text::FamilyName),
        "phone_number"          => Field::Text(Text::PhoneNumber),
        "last_ip"               => Field::Text(Text::LastIp),
        "identities.connection" => Field::Text(Text::Connection),
        "identities.provider"   => Field::Provider,
        "identities.user_id"    => Field::LocalId,
        "email_verified"        => Field::Flag(Flag::EmailVerified),
        "phone_verified"        => Field::Flag(Flag::PhoneVerified),
        "blocked"               => Field::Flag(Flag::Blocked),
        "created_at"            => Field::Time(Number::CreatedAt),
        "updated_at"            => Field::Time(Number::UpdatedAt),
        "last_login"            => Field::Time(Number::LastLogin),
        "logins_count"          => Field::Count(Number::LoginsCount),
        "organization_id"       => Field::Organization,
        "app_metadata" | "user_metadata" => Field::Metadata,
        _ if name.starts_with("app_metadata.") || name.starts_with("user_metadata.") => Field::Metadata,
        _ => return None,
    })
}

/// Where a term without a field is looked for. As at Auth0, not in the metadata.
const ANYWHERE: &[(&str, Text)] = &[
    ("email", Text::Email),
    ("username", Text::Username),
    ("name", Text::Name),
    ("nickname", Text::Nickname),
    ("given_name", Text::GivenName),
    ("family_name", Text::FamilyName),
    ("phone_number", Text::PhoneNumber),
    ("user_id", Text::UserId),
];

/// The first parts of user ids.
const PROVIDERS: &[&str] = &["auth0", "email", "sms"];

/// Reads `q`.
///
/// # Errors
/// [`Fault`].
pub fn condition(q: &str) -> Result<Condition, Fault> {
    of_query(query_syntax::parse(q)?)
}

/// The most characters of what is typed into a search box.
pub const LONGEST_TYPED: usize = 256;

/// What somebody may mean who types the beginning of it into a search box, the likeliest first. Ids
/// have a `|`, telephone numbers begin with `+`; everything else may be an address or a name.
pub fn beginnings(typed: &str) -> Vec<Beginning> {
    let of = |text: Text, begins: String| {
        let begins = if ignores_case(text) { begins.to_lowercase() } else { begins };
        Beginning { text, begins }
    };
    let typed = typed.trim();
    let texts: &[Text] = match typed {
        _ if typed.contains('|') => &[Text::UserId],
        _ if typed.starts_with('+') => &[Text::PhoneNumber],
        _ if typed.contains('@') => &[Text::Email, Text::Username],
        _ => &[Text::Email, Text::Username, Text::Name, Text::FamilyName, Text::GivenName],
    };
    let mut found: Vec<_> = texts.iter().map(|text| of(*text, typed.to_owned())).collect();
    if texts.len() > 2 {
        // The part of an id that logs and applications show without the provider.
        let ids = PROVIDERS.iter().map(|provider| format!("{provider}|{typed}"));
        found.extend(ids.map(|id| of(Text::UserId, id)));
    }
    found
}

/// The field of `sort=field:1` or `sort=field:-1`, and whether the greatest come first. `None` when
/// users cannot be sorted so.
pub fn sort(text: &str) -> Option<(Key, bool)> {
    let (name, order) = text.split_once(':')?;
    let is_descending = match order {
        "1" => false,
        "-1" => true,
        _ => return None,
    };
    let key = match field(name)? {
        Field::Text(Text::Connection | Text::EmailDomain) => return None,
        Field::Text(text) => Key::Text(text),
        Field::Time(number) | Field::Count(number) => Key::Number(number),
        _ => return None,
    };
    Some((key, is_descending))
}

fn of_query(query: Query) -> Result<Condition, Fault> {
    let each = |queries: Vec<Query>| queries.into_iter().map(of_query).collect::<Result<_, _>>();
    Ok(match query {
        Query::All(queries) => Condition::All(each(queries)?),
        Query::Any(queries) => Condition::Any(each(queries)?),
        Query::Not(query) => Condition::Not(Box::new(of_query(*query)?)),
        Query::Term(None, value) => {
            // What a field cannot be does not find it; what no field can be is a fault.
            let mut found = Vec::new();
            let mut fault = None;
            for (name, text) in ANYWHERE {
                match of_text(name, *text, value.clone()) {
                    Ok(condition) => found.push(condition),
                    Err(why) => fault = fault.or(Some(why)),
                }
            }
            match fault {
                Some(why) if found.is_empty() => return Err(why),
                _ => Condition::Any(found),
            }
        }
        Query::Term(Some(name), value) => of_term(&name, value)?,
    })
}

fn of_term(name: &str, value: Value) -> Result<Condition, Fault> {
    let wrong = |what| Fault::Value(name.to_owned(), what);
    match (field(name).ok_or_else(|| Fault::Field(name.to_owned()))?, value) {
        (Field::Text(text), value) => of_text(name, text, value),
        (Field::Flag(flag), Value::Exists) => Ok(Condition::HasFlag(flag)),
        (Field::Flag(flag), Value::Is(text)) => match text.as_str() {
            "true" => Ok(Condition::Flag(flag, true)),
            "false" => Ok(Condition::Flag(flag, false)),
            _ => Err(wrong("true or false")),
        },
        (Field::Flag(_), _) => Err(wrong("true or false")),
        // Who has never logged in has no such member.
        (Field::Count(_), Value::Exists) => Ok(Condition::HasNumber(Number::LastLogin)),
        (Field::Count(number), value) => {
            let read = |text: &str| text.parse::<i64>().ok().map(|n| (n, n.saturating_add(1)));
            let range = range(value, read).ok_or_else(|| wrong("a whole number"))?;
            Ok(Condition::Number(number, range))
        }
        (Field::Time(number), Value::Exists) => Ok(Condition::HasNumber(number)),
        (Field::Time(number), value) => {
            let range = range(value, read_time).ok_or_else(|| {
                wrong("a time like 2026, 2026-01, 2026-01-31 or 2026-01-31T12:30:59Z")
            })?;
            Ok(Condition::Number(number, range))
        }
        (Field::Provider, Value::Is(provider)) => {
            let pieces = vec![format!("{provider}|"), String::new()];
            Ok(Condition::Text(Text::UserId, Match::Pieces(pieces)))
        }
        (Field::LocalId, Value::Is(local)) => {
            let id = |provider: &&str| {
                Condition::Text(Text::UserId, Match::Is(format!("{provider}|{local}")))
            };
            Ok(Condition::Any(PROVIDERS.iter().map(id).collect()))
        }
        // Every user has an identity.
        (Field::Provider | Field::LocalId, Value::Exists) => Ok(Condition::All(Vec::new())),
        (Field::Organization, Value::Is(id)) => Ok(Condition::MemberOf(id)),
        (Field::Provider | Field::LocalId | Field::Organization, _) => {
            Err(wrong("a text without wildcards"))
        }
        (Field::Metadata, Value::Exists) => Ok(Condition::HasMetadata(name.to_owned())),
        (Field::Metadata, Value::Is(value)) => {
            Ok(Condition::Metadata { path: name.to_owned(), value })
        }
        (Field::Metadata, _) => Err(Fault::Metadata(name.to_owned())),
    }
}

/// The columns that are kept in lower case: Auth0's normalized fields, and user names.
fn ignores_case(text: Text) -> bool {
    use Text as T;
    matches!(
        text,
        T::Email
            | T::EmailDomain
            | T::Username
            | T::Name
            | T::Nickname
            | T::GivenName
            | T::FamilyName
    )
}

fn of_text(name: &str, text: Text, value: Value) -> Result<Condition, Fault> {
    let fold = |value: String| if ignores_case(text) { value.to_lowercase() } else { value };
    let matches = match value {
        Value::Exists => return Ok(Condition::HasText(text)),
        Value::Is(value) => Match::Is(fold(value)),
        Value::Pieces(pieces) => {
            let is_beginning = pieces.len() == 2 && pieces.last().is_some_and(String::is_empty);
            if !is_beginning {
                // It reads every user, and SQLite compares so without regard to case.
                if !ignores_case(text) {
                    return Err(Fault::Inner(name.to_owned()));
                }
                if pieces.iter().map(|piece| piece.chars().count()).sum::<usize>() < 3 {
                    return Err(Fault::TooShort(name.to_owned()));
                }
            }
            Match::Pieces(pieces.into_iter().map(fold).collect())
        }
        Value::Between(from, to) => {
            let edge = |edge: query_syntax::Edge| Edge {
                text: fold(edge.text),
                inclusive: edge.inclusive,
            };
            Match::Between(from.map(edge), to.map(edge))
        }
    };
    Ok(Condition::Text(text, matches))
}

/// `read` gives the first number of what is written and the first one beyond.
fn range(value: Value, read: impl Fn(&str) -> Option<(i64, i64)>) -> Option<Range> {
    match value {
        Value::Is(text) => {
            let (from, before) = read(&text)?;
            Some(Range { from: Some(from), before: Some(before) })
        }
        Value::Between(from, to) => {
            let from = match from {
                Some(edge) => {
                    let (first, beyond) = read(&edge.text)?;
                    Some(if edge.inclusive { first } else { beyond })
                }
                None => None,
            };
            let before = match to {
                Some(edge) => {
                    let (first, beyond) = read(&edge.text)?;
                    Some(if edge.inclusive { beyond } else { first })
                }
                None => None,
            };
            Some(Range { from, before })
        }
        Value::Pieces(_) | Value::Exists => None,
    }
}

/// A time as precise as it is written, from a year to a millisecond.
fn read_time(text: &str) -> Option<(i64, i64)> {
    let first_of = |year: i32, month: u32| -> Option<i64> {
        let date = Written::parse(&format!("{year:04}-{month:02}-01"))?;
        Some(date.start.millis())
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if text.len() == 4 && digits(text) {
        let year: i32 = text.parse().ok()?;
        return Some((first_of(year, 1)?, first_of(year + 1, 1)?));
    }
    if let Some((year, month)) = text.split_once('-')
        && (year.len(), month.len()) == (4, 2)
        && digits(year)
        && digits(month)
    {
        let (year, month): (i32, u32) = (year.parse().ok()?, month.parse().ok()?);
        let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        return Some((first_of(year, month)?, first_of(next_year, next)?));
    }
    let written = Written::parse(text)?;
    Some((written.start.millis(), Timestamp::millis(written.end())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(text: Text, value: &str) -> Condition {
        Condition::Text(text, Match::Is(value.to_owned()))
    }
    fn number(number: Number, from: Option<i64>, before: Option<i64>) -> Condition {
        Condition::Number(number, Range { from, before })
    }
    const DAY: i64 = 86_400_000;

    #[test]
    fn what_is_typed_may_be_the_beginning_of_several_things() {
        let texts = |typed: &str| -> Vec<Text> {
            beginnings(typed).iter().map(|beginning| beginning.text).collect()
        };
        let begins = |typed: &str| beginnings(typed).swap_remove(0).begins;
        let ids = [Text::UserId, Text::UserId, Text::UserId];
        let words = [Text::Email, Text::Username, Text::Name, Text::FamilyName, Text::GivenName];
        assert_eq!(texts("Smith"), [&words[..], &ids[..]].concat());
        assert_eq!(texts("auth0|A1"), [Text::UserId]);
        assert_eq!(texts("+49"), [Text::PhoneNumber]);
        assert_eq!(texts("j@"), [Text::Email, Text::Username]);
        assert_eq!(begins("  John Smith "), "john smith");
        assert_eq!(begins("auth0|A1"), "auth0|A1", "ids have letters of both cases");
        assert_eq!(beginnings("a1B")[5].begins, "auth0|a1B");
    }

    #[test]
    fn fields_have_their_types() {
        let metadata = |path: &str, value: &str| Condition::Metadata {
            path: path.into(),
            value: value.into(),
        };
        for (q, expected) in [
            ("email:Ada@Example.COM", is(Text::Email, "ada@example.com")),
            ("user_id:\"auth0|A\"", is(Text::UserId, "auth0|A")),
            (
                "phone_number:\\+44*",
                Condition::Text(
                    Text::PhoneNumber,
                    Match::Pieces(vec!["+44".into(), String::new()]),
                ),
            ),
            ("email.domain:X.example", is(Text::EmailDomain, "x.example")),
            ("identities.connection:Users", is(Text::Connection, "Users")),
            (
                "identities.provider:email",
                Condition::Text(Text::UserId, Match::Pieces(vec!["email|".into(), String::new()])),
            ),
            (
                "identities.user_id:1",
                Condition::Any(vec![
                    is(Text::UserId, "auth0|1"),
                    is(Text::UserId, "email|1"),
                    is(Text::UserId, "sms|1"),
                ]),
            ),
            ("blocked:true", Condition::Flag(Flag::Blocked, true)),
            ("NOT _exists_:blocked", Condition::Not(Box::new(Condition::HasFlag(Flag::Blocked)))),
            ("name:*", Condition::HasText(Text::Name)),
            ("logins_count:0", number(Number::LoginsCount, Some(0), Some(1))),
            ("logins_count:{1 TO 5}", number(Number::LoginsCount, Some(2), Some(5))),
            ("logins_count:>=7", number(Number::LoginsCount, Some(7), None)),
            ("_exists_:logins_count", Condition::HasNumber(Number::LastLogin)),
            ("created_at:1970-01-02", number(Number::CreatedAt, Some(DAY), Some(2 * DAY))),
            ("created_at:[1970-01 TO 1970-02}", number(Number::CreatedAt, Some(0), Some(31 * DAY))),
            ("created_at:1970", number(Number::CreatedAt, Some(0), Some(365 * DAY))),
            ("last_login:<=1970-12", number(Number::LastLogin, None, Some(365 * DAY))),
            ("updated_at:>1970-01-01T00:00:00.000Z", number(Number::UpdatedAt, Some(1), None)),
            ("app_metadata.a.B:Gold", metadata("app_metadata.a.B", "Gold")),
            ("user_metadata.age:5", metadata("user_metadata.age", "5")),
            ("_exists_:app_metadata", Condition::HasMetadata("app_metadata".into())),
            ("organization_id:org_1", Condition::MemberOf("org_1".into())),
        ] {
            assert_eq!(condition(q), Ok(expected), "{q}");
        }
    }

    #[test]
    fn a_term_without_a_field_is_looked_for_everywhere_but_in_metadata() {
        let Ok(Condition::Any(found)) = condition("Ada*") else { panic!() };
        assert_eq!(found.len(), ANYWHERE.len());
        let begins = |text| Match::Pieces(vec![text, String::new()]);
        assert!(found.contains(&Condition::Text(Text::Name, begins("ada".to_owned()))));
        assert!(found.contains(&Condition::Text(Text::UserId, begins("Ada".to_owned()))));
        // An id cannot be searched from its end.
        let Ok(Condition::Any(found)) = condition("*Ada") else { panic!() };
        assert_eq!(found.len(), 6);
        assert!(matches!(condition("*da"), Err(Fault::TooShort(_))));
    }

    #[test]
    fn what_cannot_be_searched_is_named() {
        for (q, expected) in [
            ("nmae:ada", "nmae cannot be searched"),
            ("password:x", "password cannot be searched"),
            ("blocked:yes", "blocked must be true or false"),
            ("blocked:t*", "blocked must be true or false"),
            ("logins_count:many", "logins_count must be a whole number"),
            ("logins_count:1*", "logins_count must be a whole number"),
            ("created_at:[yesterday TO *]", "created_at must be a time like"),
            ("created_at:1970-13", "created_at must be a time like"),
            ("name:*sa", "a wildcard before the end of name needs 3 other characters"),
            ("name:a*b*", "a wildcard before the end of name needs 3 other characters"),
            ("user_id:*123", "user_id can have a wildcard at the end only"),
            ("app_metadata.plan:g*", "app_metadata.plan can have neither wildcards nor ranges"),
            ("user_metadata.age:>5", "user_metadata.age can have neither wildcards nor ranges"),
            ("identities.provider:a*", "identities.provider must be a text without wildcards"),
            ("organization_id:*", "organization_id must be a text without wildcards"),
            ("name:(", "a term is missing at character 7"),
        ] {
            let why = condition(q).map_err(|fault| fault.to_string());
            assert!(why.as_ref().is_err_and(|text| text.starts_with(expected)), "{q}: {why:?}");
        }
    }

    #[test]
    fn users_are_sorted_by_what_has_an_order() {
        let at = Key::Number(Number::CreatedAt);
        assert_eq!(sort("created_at:1"), Some((at, false)));
        assert_eq!(sort("email:-1"), Some((Key::Text(Text::Email), true)));
        assert_eq!(sort("logins_count:1"), Some((Key::Number(Number::LoginsCount), false)));
        for bad in [
            "",
            "email",
            "email:",
            "email:0",
            "email:asc",
            "app_metadata.x:1",
            "blocked:1",
            "password_hash:1",
            "email.domain:1",
            "identities.connection:1",
        ] {
            assert_eq!(sort(bad), None, "{bad}");
        }
    }
}
