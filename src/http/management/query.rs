//! Query strings: strict, as unknown parameters are an error.

use std::{collections::HashSet, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
};
use serde_json::{Map, Value};

use super::validation::check_range;
use crate::crypto::cursor::CursorKey;
use crate::http::{App, error::management::ManagementError};
use crate::policy::management::Operation;

/// Most characters of a query string, as it is sent.
const LENGTH: usize = 8192;

/// Most characters of what is looked for.
const SEARCH_LENGTH: usize = 255;

/// The decoded query string.
pub struct Query {
    pairs: Vec<(String, String)>,
    cursors: Option<Cursors>,
}

/// Makes and reads the cursors of one listing.
#[derive(Clone)]
pub struct Cursors {
    key: Arc<CursorKey>,
    listing: &'static str,
}

impl Cursors {
    /// The cursor for a place.
    pub fn seal(&self, place: &str) -> String {
        self.key.seal(self.listing, place)
    }
}

impl FromRequestParts<App> for Query {
    type Rejection = ManagementError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let operation = parts.extensions.get::<Operation>();
        let cursors = operation
            .map(|Operation { path, .. }| Cursors { key: Arc::clone(&app.cursors), listing: path });
        Ok(Self { cursors, ..Self::of(&parts.uri)? })
    }
}

fn refuse(what: &str, name: &str) -> ManagementError {
    ManagementError::invalid_query(format!("Query validation error: '{what}' on property {name}."))
}

impl Query {
    /// The query string of an address.
    ///
    /// # Errors
    /// `invalid_query_string`.
    pub fn of(uri: &Uri) -> Result<Self, ManagementError> {
        let query = uri.query().unwrap_or("");
        if query.len() > LENGTH {
            return Err(ManagementError::invalid_query(format!(
                "Query validation error: the query string is longer than {LENGTH} characters."
            )));
        }
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        // Postgres cannot compare U+0000.
        if pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(ManagementError::invalid_query(
                "Query validation error: the query string contains the character U+0000.",
            ));
        }
        Ok(Self { pairs, cursors: None })
    }

    /// Where the page begins that is asked for (`from`); empty for the first.
    ///
    /// # Errors
    /// `invalid_query_string` for anything but the `next` of another page of this listing.
    pub fn cursor(&self) -> Result<String, ManagementError> {
        let Some(cursor) = self.text("from")? else { return Ok(String::new()) };
        let cursors = self.cursors.as_ref();
        let place = cursors.and_then(|cursors| cursors.key.open(cursors.listing, cursor));
        place.ok_or_else(|| {
            ManagementError::invalid_query(
                "The checkpoint ID provided in the 'from' parameter has expired or is invalid, \
                 please remove the checkpoint ID",
            )
        })
    }

    /// Makes the cursors of this listing.
    pub fn cursors(&self) -> Option<Cursors> {
        self.cursors.clone()
    }

    /// Refuses parameters that are not listed.
    ///
    /// # Errors
    /// `invalid_query_string`.
    pub fn only(&self, known: &[&[&str]]) -> Result<(), ManagementError> {
        let mut unknown: Vec<&str> = Vec::new();
        for (name, _) in &self.pairs {
            let is_known = known.iter().any(|group| group.contains(&name.as_str()));
            if !is_known && !unknown.contains(&name.as_str()) {
                unknown.push(name);
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let names = unknown.join(",");
        Err(ManagementError::invalid_query(format!(
            "Query validation error: 'Additional properties not allowed: {names}'."
        )))
    }

    /// Every value of a parameter that may be repeated.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that may stand once. An empty value is none.
    ///
    /// # Errors
    /// `invalid_query_string` when it is repeated.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ManagementError> {
        let mut values = self.pairs.iter().filter(|(n, _)| n == name);
        let first = values.next().map(|(_, value)| value.as_str()).filter(|v| !v.is_empty());
        if values.next().is_some() {
            return Err(refuse("Expected type string but found type array", name));
        }
        Ok(first)
    }

    /// What is looked for: a parameter without the blanks around it.
    ///
    /// # Errors
    /// `invalid_query_string` when it is longer than anything it could find.
    pub fn search(&self, name: &str) -> Result<Option<&str>, ManagementError> {
        let text = self.text(name)?.map(str::trim).filter(|text| !text.is_empty());
        let length = text.map_or(0, |text| text.chars().count());
        if length > SEARCH_LENGTH {
            let what = format!("String is too long ({length} chars), maximum {SEARCH_LENGTH}");
            return Err(refuse(&what, name));
        }
        Ok(text)
    }

    /// A parameter that must stand once and not be empty.
    ///
    /// # Errors
    /// `invalid_query_string`.
    pub fn required(&self, name: &str) -> Result<&str, ManagementError> {
        self.text(name)?.ok_or_else(|| {
            ManagementError::invalid_query(format!(
                "Query validation error: 'Missing required property: {name}'."
            ))
        })
    }

    /// A parameter that is `true` or `false`.
    ///
    /// # Errors
    /// `invalid_query_string`.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, ManagementError> {
        match self.text(name)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(refuse("Expected type boolean but found type string", name)),
        }
    }

    /// A parameter that is a whole number.
    ///
    /// # Errors
    /// `invalid_query_string`.
    pub fn integer(&self, name: &str, min: i64, max: i64) -> Result<Option<i64>, ManagementError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let number: i64 = text
            .parse()
            .map_err(|_| refuse("Expected type integer but found type string", name))?;
        check_range(number, min, max).map_err(|what| refuse(&what, name))?;
        Ok(Some(number))
    }

    /// A parameter that is one of a few words.
    ///
    /// # Errors
    /// `invalid_query_string`.
    pub fn one_of(&self, name: &str, words: &[&str]) -> Result<Option<&str>, ManagementError> {
        match self.text(name)? {
            Some(word) if !words.contains(&word) => {
                Err(refuse(&format!("No enum match for: {word}"), name))
            }
            word => Ok(word),
        }
    }
}

/// `fields` and `include_fields`: which members of a resource to answer.
pub struct Fields {
    names: HashSet<String>,
    include: bool,
}

impl Fields {
    /// The parameters that it reads.
    pub const PARAMETERS: &[&str] = &["fields", "include_fields"];

    /// Reads the parameters.
    ///
    /// # Errors
    /// `invalid_query_string`.
    pub fn read(query: &Query) -> Result<Self, ManagementError> {
        let names = query.text("fields")?.unwrap_or("");
        let names = names.split(',').map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned);
        let include = query.boolean("include_fields")?.unwrap_or(true);
        Ok(Self { names: names.collect(), include })
    }

    /// Drops the members that were not asked for.
    pub fn select(&self, mut resource: Map<String, Value>) -> Value {
        if !self.names.is_empty() {
            resource.retain(|name, _| self.names.contains(name) == self.include);
        }
        Value::Object(resource)
    }
}
