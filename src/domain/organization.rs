//! Organizations: a group of users that logs in together.

use serde_json::{Map, Value};

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
    /// Colors and logo, as the Management API writes them.
    pub branding: Map<String, Value>,
    /// What operators note.
    pub metadata: Map<String, Value>,
}
