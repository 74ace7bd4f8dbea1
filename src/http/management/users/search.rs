//! `GET /users`: which users, in which order.

use super::super::query::Query;
use crate::http::error::management::ManagementError;
use crate::store::users::Filter;

/// The parameters that it reads.
pub const PARAMETERS: &[&str] = &["q", "sort", "search_engine", "connection", "primary_order"];

/// A parsed search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    email: Option<String>,
    username: Option<String>,
    user_id: Option<String>,
    connection: Option<String>,
    /// Two connections were asked for at once: nobody is found.
    pub finds_nobody: bool,
    /// Newest first.
    pub is_descending: bool,
}

impl Search {
    /// Reads the parameters.
    ///
    /// # Errors
    /// `invalid_query_string`, saying what can be searched for.
    pub fn read(query: &Query) -> Result<Self, ManagementError> {
        query.one_of("search_engine", &["v2", "v3"])?;
        query.boolean("primary_order")?;
        let mut search = Self {
            email: None,
            username: None,
            user_id: None,
            connection: query.text("connection")?.map(str::to_owned),
            finds_nobody: false,
            is_descending: is_descending(query.text("sort")?)?,
        };
        if let Some(q) = query.text("q")? {
            search.parse(q)?;
        }
        Ok(search)
    }

    fn parse(&mut self, q: &str) -> Result<(), ManagementError> {
        let Some((name, value)) = term(q.trim()) else { return Err(not_understood()) };
        match name {
            // Addresses and user names are kept in lower case.
            "email" => self.email = Some(value.to_lowercase()),
            "username" => self.username = Some(value.to_lowercase()),
            "user_id" => self.user_id = Some(value),
            "identities.connection" => {
                self.finds_nobody = self.connection.as_ref().is_some_and(|other| *other != value);
                self.connection = Some(value);
            }
            _ => return Err(not_understood()),
        }
        Ok(())
    }

    /// The search as the store takes it.
    pub fn filter(&self) -> Filter<'_> {
        Filter {
            email: self.email.as_deref(),
            username: self.username.as_deref(),
            user_id: self.user_id.as_deref(),
            connection: self.connection.as_deref(),
        }
    }
}

/// One `name:"value"` or `name:value`, without operators and wildcards.
fn term(q: &str) -> Option<(&str, String)> {
    let (name, value) = q.split_once(':')?;
    if let Some(rest) = value.strip_prefix('"') {
        let quoted = rest.strip_suffix('"')?;
        let mut text = String::with_capacity(quoted.len());
        let mut characters = quoted.chars();
        while let Some(c) = characters.next() {
            match c {
                '"' => return None,
                '\\' => text.push(characters.next()?),
                c => text.push(c),
            }
        }
        return Some((name, text));
    }
    let is_operator = |c: char| c.is_whitespace() || "*?~^[]{}()\"\\".contains(c);
    let is_plain = !value.is_empty() && !value.contains(is_operator);
    is_plain.then(|| (name, value.to_owned()))
}

fn not_understood() -> ManagementError {
    ManagementError::invalid_query(
        "Query validation error: 'q' must be a single email:\"…\", username:\"…\", user_id:\"…\" \
         or identities.connection:\"…\".",
    )
}

fn is_descending(sort: Option<&str>) -> Result<bool, ManagementError> {
    match sort {
        None | Some("created_at:1") => Ok(false),
        Some("created_at:-1") => Ok(true),
        Some(_) => Err(ManagementError::invalid_query(
            "Query validation error: 'sort' must be created_at:1 or created_at:-1.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_one_name_and_one_value() {
        for (q, name, value) in [
            (r#"email:"a@b.c""#, "email", "a@b.c"),
            ("email:a@b.c", "email", "a@b.c"),
            (r#"user_id:"auth0|1""#, "user_id", "auth0|1"),
            (r#"username:"a\"b""#, "username", "a\"b"),
            ("user_id:auth0|a:b", "user_id", "auth0|a:b"),
        ] {
            assert_eq!(term(q), Some((name, value.to_owned())), "{q}");
        }
        for q in ["", "email", "email:", "name:*", "email:a OR b", r#"a:"b" AND c:"d""#, r#"a:"b"#]
        {
            assert_eq!(term(q), None, "{q}");
        }
    }
}
