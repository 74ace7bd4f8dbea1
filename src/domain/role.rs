//! Roles: permissions under one name, given to users together.

use crate::domain::RoleId;

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `rol_…`
    pub id: RoleId,
    /// Unique.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
}
