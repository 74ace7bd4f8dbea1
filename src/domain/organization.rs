//! Organizations: a group of users that logs in together.

use crate::domain::OrganizationId;

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// `org_…`, the `org_id` of tokens.
    pub id: OrganizationId,
    /// Lower case, unique; may be used in place of the id at `/authorize`.
    pub name: String,
    /// What people see.
    pub display_name: Option<String>,
}
