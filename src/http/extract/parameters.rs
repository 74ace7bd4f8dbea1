//! Parameters of the OAuth endpoints: from a query, a form or a JSON object (RFC 6749 §3.1, §3.2).

use std::{
    collections::{BTreeMap, HashSet, btree_map::Entry},
    fmt,
};

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{Method, header},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, error::Category};

use crate::domain::{audience::Audience, scope::ScopeSet};
use crate::http::{
    App,
    error::{oauth::OAuthError, page::PageError},
};
use crate::login::triggers::request::{Body, remember_body};

/// The longest query or body that is read, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// Parameters by name. One that came more than once is kept aside: RFC 6749 forbids it, but at
/// `/authorize` that may only be told once the redirect URI is proven.
#[derive(Default)]
pub struct Parameters {
    values: BTreeMap<String, String>,
    repeated: Option<String>,
    endpoint: String,
}

/// Why parameters cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// Not UTF-8, or with a NUL, which no database stores.
    Characters,
    /// Neither a form nor JSON.
    MediaType,
    /// Not a JSON object of strings.
    Json(String),
    /// Longer than [`MAX_BYTES`].
    TooLong,
}

impl Unreadable {
    /// What to tell the caller.
    pub fn message(&self) -> String {
        match self {
            Self::Characters => "A parameter is not valid UTF-8 text".to_owned(),
            Self::MediaType => {
                "Content-Type must be application/x-www-form-urlencoded or application/json"
                    .to_owned()
            }
            Self::Json(why) => why.clone(),
            Self::TooLong => format!("The request is longer than {MAX_BYTES} bytes"),
        }
    }
}

impl Parameters {
    /// Reads a query or a form.
    ///
    /// # Errors
    /// [`Unreadable::Characters`].
    pub fn from_form(encoded: &[u8]) -> Result<Self, Unreadable> {
        let mut parameters = Self::default();
        for (name, value) in url::form_urlencoded::parse(encoded) {
            // The decoder writes U+FFFD for bytes that are not UTF-8.
            let bad = |text: &str| text.contains('\0') || text.contains('\u{fffd}');
            if bad(&name) || bad(&value) {
                return Err(Unreadable::Characters);
            }
            parameters.add(name.into_owned(), value.into_owned());
        }
        Ok(parameters)
    }

    /// Reads a JSON object. `scope` may be an array.
    ///
    /// # Errors
    /// [`Unreadable::Json`] or [`Unreadable::Characters`].
    pub fn from_json(body: &[u8]) -> Result<Self, Unreadable> {
        let invalid = |why: &str| Unreadable::Json(why.to_owned());
        let members: Result<Members, _> = serde_json::from_slice(body);
        let Members(members) = members.map_err(|error| match error.classify() {
            Category::Data => invalid("The request body must be a JSON object"),
            _ => invalid("The request body is not JSON"),
        })?;
        // A name counts as repeated also where one of its values is `null`, and so no value: who
        // reads the request in front of this server may keep that one.
        let mut names = HashSet::new();
        let mut repeated = members.iter().map(|(name, _)| name);
        let repeated = repeated.find(|name| !names.insert(name.as_str())).cloned();
        let mut parameters = Self { repeated, ..Self::default() };
        for (name, value) in members {
            let text = match value {
                Value::Null => continue,
                Value::String(text) => text,
                Value::Array(items) if name == "scope" => {
                    let words: Option<Vec<_>> = items.iter().map(Value::as_str).collect();
                    words.ok_or_else(|| invalid("Scope must be an array or a string"))?.join(" ")
                }
                _ if name == "scope" => {
                    return Err(invalid("Scope must be an array or a string"));
                }
                // Parameters we do not know may be anything; SDKs send numbers and objects.
                other => other.to_string(),
            };
            if text.contains('\0') {
                return Err(Unreadable::Characters);
            }
            parameters.add(name, text);
        }
        Ok(parameters)
    }

    fn add(&mut self, name: String, value: String) {
        match self.values.entry(name) {
            Entry::Vacant(free) => {
                free.insert(value);
            }
            Entry::Occupied(taken) => {
                self.repeated.get_or_insert_with(|| taken.key().clone());
            }
        }
    }

    /// Gives a parameter another value.
    pub fn replace(&mut self, name: &str, value: String) {
        self.values.insert(name.to_owned(), value);
    }
    /// Forgets a parameter.
    pub fn remove(&mut self, name: &str) {
        self.values.remove(name);
    }
    /// A parameter. One without a value counts as omitted (RFC 6749 §3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
    /// A parameter, owned.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }
    /// The first parameter that came more than once.
    pub fn repeated(&self) -> Option<&str> {
        self.repeated.as_deref()
    }
    /// The parameters as they came, but for those `names`.
    pub fn without(&self, names: &[&str]) -> BTreeMap<String, String> {
        let values = self.values.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        values.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
    /// The path of the endpoint that they were sent to, without the leading `/`: an audience of
    /// client assertions. Empty for those of a page.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
    /// A parameter that must be there.
    ///
    /// # Errors
    /// `invalid_request` naming it.
    pub fn required(&self, name: &str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| {
            OAuthError::invalid_request(format!("Missing required parameter: {name}"))
        })
    }
    /// `scope`.
    ///
    /// # Errors
    /// `invalid_scope` when it is too long.
    pub fn scope(&self) -> Result<Option<ScopeSet>, OAuthError> {
        match self.get("scope") {
            None => Ok(None),
            Some(text) if text.len() > ScopeSet::MAX_LENGTH => Err(OAuthError::InvalidScope(
                format!("Scope is longer than {} bytes", ScopeSet::MAX_LENGTH),
            )),
            Some(text) => Ok(Some(ScopeSet::parse(text))),
        }
    }
    /// `audience`, or `resource` (RFC 8707 §2.2), which must not differ.
    ///
    /// # Errors
    /// `invalid_request` when they differ or are too long.
    pub fn audience(&self) -> Result<Option<Audience>, OAuthError> {
        let text = match (self.get("audience"), self.get("resource")) {
            (Some(a), Some(r)) if a != r => {
                return Err(OAuthError::invalid_request(
                    "Parameters audience and resource name different APIs",
                ));
            }
            (a, r) => a.or(r),
        };
        if text.is_some_and(|text| text.chars().count() > Audience::MAX_LENGTH) {
            return Err(OAuthError::invalid_request("Parameter audience is too long"));
        }
        Ok(text.map(Audience::new))
    }
}

impl From<BTreeMap<String, String>> for Parameters {
    /// Parameters that were read before.
    fn from(values: BTreeMap<String, String>) -> Self {
        Self { values, ..Self::default() }
    }
}

/// The members of a JSON object as they came. A map would keep the last of two with one name, and
/// what stands in front of this server may have checked the first.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AnyMembers)
    }
}

struct AnyMembers;

impl<'de> Visitor<'de> for AnyMembers {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// The body of a POST to an OAuth endpoint: a form or JSON, nothing repeated.
pub struct OAuthBody(pub Parameters);

impl FromRequest<App> for OAuthBody {
    type Rejection = OAuthError;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        let unreadable = |why: Unreadable| match why {
            Unreadable::TooLong => OAuthError::TooLarge(why.message()),
            _ => OAuthError::invalid_request(why.message()),
        };
        let endpoint = request.uri().path().trim_start_matches('/').to_owned();
        let mut parameters = body(request, app).await.map_err(unreadable)?;
        parameters.endpoint = endpoint;
        if let Some(name) = parameters.repeated() {
            let text = format!("Parameter {name} is included more than once");
            return Err(OAuthError::invalid_request(text));
        }
        Ok(Self(parameters))
    }
}

/// The parameters of a request that is answered with a page.
///
/// # Errors
/// The page that says why they cannot be read.
pub async fn of_page(request: Request, app: &App) -> Result<Parameters, PageError> {
    of_request(request, app).await.map_err(|why| PageError::unreadable(app, &why))
}

/// The parameters of a request: the query of a GET, the form or JSON of a POST.
///
/// # Errors
/// Why they cannot be read.
pub async fn of_request(request: Request, app: &App) -> Result<Parameters, Unreadable> {
    if request.method() == Method::POST {
        return body(request, app).await;
    }
    let query = request.uri().query().unwrap_or("");
    if query.len() > MAX_BYTES {
        return Err(Unreadable::TooLong);
    }
    Parameters::from_form(query.as_bytes())
}

async fn body(request: Request, app: &App) -> Result<Parameters, Unreadable> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|v| v.to_str().ok()).unwrap_or("");
    let media_type = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let body = Bytes::from_request(request, app).await.map_err(|_| Unreadable::TooLong)?;
    if body.len() > MAX_BYTES {
        return Err(Unreadable::TooLong);
    }
    match media_type.as_str() {
        "application/x-www-form-urlencoded" => {
            remember_body(|| Body::Form(body.to_vec()));
            Parameters::from_form(&body)
        }
        "application/json" => {
            remember_body(|| Body::Json(body.to_vec()));
            Parameters::from_json(&body)
        }
        _ => Err(Unreadable::MediaType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_strictly() {
        let read = |text: &str| Parameters::from_form(text.as_bytes());
        let parameters = read("a=1&b=&c=x+y%2B&a=2").unwrap();
        assert_eq!(parameters.get("a"), Some("1"));
        assert_eq!(parameters.get("b"), None, "without a value is omitted");
        assert_eq!(parameters.get("c"), Some("x y+"));
        assert_eq!(parameters.repeated(), Some("a"));
        assert_eq!(read("a=%00").err(), Some(Unreadable::Characters));
        assert_eq!(read("a=%ff").err(), Some(Unreadable::Characters));
    }

    #[test]
    fn json_is_read_like_a_form() {
        let read = |text: &str| Parameters::from_json(text.as_bytes());
        let parameters = read(r#"{"a":"1","scope":["x","y"],"n":5,"z":null}"#).unwrap();
        assert_eq!(parameters.get("a"), Some("1"));
        assert_eq!(parameters.get("scope"), Some("x y"));
        assert_eq!(parameters.get("z"), None);
        assert_eq!(parameters.repeated(), None);
        assert_eq!(read(r#"{"a":"1","b":"2","a":"1"}"#).unwrap().repeated(), Some("a"));
        let why = |text: &str| read(text).err().unwrap().message();
        assert_eq!(why("{"), "The request body is not JSON");
        assert_eq!(why("[]"), "The request body must be a JSON object");
        for bad in ["", "[]", "\"x\"", r#"{"scope":5}"#, r#"{"scope":[1]}"#, r#"{"a":"\u0000"}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
