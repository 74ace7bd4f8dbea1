//! Scopes (RFC 6749 §3.3) as ordered sets.

use serde::{Deserialize, Serialize};

/// The scopes that OpenID Connect and this server define, independent of any API: the standard
/// ones (OIDC Core §5.4), `offline_access` (§11), and the per-claim ones of the Auth0 dialect.
pub const OIDC_SCOPES: &[&str] = &[
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
    "name",
    "given_name",
    "family_name",
    "nickname",
    "picture",
    "email_verified",
    "created_at",
    "identities",
    "phone_number",
];

/// A set of scopes that remembers the order in which they were added, because clients show it and
/// compare it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopeSet(Vec<String>);

impl ScopeSet {
    /// The longest `scope` parameter that is read, in bytes.
    pub const MAX_LENGTH: usize = 16 * 1024;

    /// Splits a `scope` parameter on white space. Duplicates and empty items vanish.
    pub fn parse(text: &str) -> Self {
        text.split_whitespace().collect()
    }
    /// Whether `scope` is a member.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|s| s == scope)
    }
    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
    /// Adds `scope` at the end unless it is a member.
    pub fn insert(&mut self, scope: &str) {
        if !self.contains(scope) {
            self.0.push(scope.to_owned());
        }
    }
    /// The members of `self`, then those of `other`.
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).collect()
    }
    /// The members of `self` that are in `other`, in the order of `self`.
    pub fn intersection(&self, other: &Self) -> Self {
        let others = other.lookup();
        self.filtered(|s| others.contains(s))
    }
    /// The members, for many questions: sets of thousands are legal, and each asked of the other
    /// would be millions of comparisons.
    pub fn lookup(&self) -> std::collections::HashSet<&str> {
        self.iter().collect()
    }
    /// The members of `self` that `keep` accepts.
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|s| keep(s)).cloned().collect())
    }
    /// The members that [`OIDC_SCOPES`] defines.
    pub fn oidc(&self) -> Self {
        self.filtered(|s| OIDC_SCOPES.contains(&s))
    }
    /// The members that belong to an API.
    pub fn api(&self) -> Self {
        self.filtered(|s| !OIDC_SCOPES.contains(&s))
    }
}

impl<'a> FromIterator<&'a str> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = &'a str>>(scopes: I) -> Self {
        let mut set = Self::default();
        // A quadratic check of a hostile 16 KiB parameter would be 30 million comparisons.
        let mut seen = std::collections::HashSet::new();
        for scope in scopes {
            if seen.insert(scope) {
                set.0.push(scope.to_owned());
            }
        }
        set
    }
}

impl std::fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, scope) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parsing_keeps_the_order_and_drops_duplicates() {
        assert_eq!(ScopeSet::parse("b a  b\tc ").to_string(), "b a c");
        assert_eq!(ScopeSet::parse(" ").to_string(), "");
    }

    #[test]
    fn oidc_and_api_scopes_part() {
        let set = ScopeSet::parse("openid read:a email");
        assert_eq!(set.oidc().to_string(), "openid email");
        assert_eq!(set.api().to_string(), "read:a");
    }

    #[test]
    fn set_operations_keep_the_left_order() {
        let (ab, bc) = (ScopeSet::parse("a b"), ScopeSet::parse("c b"));
        assert_eq!(ab.union(&bc).to_string(), "a b c");
        assert_eq!(ab.intersection(&bc).to_string(), "b");
    }
}
