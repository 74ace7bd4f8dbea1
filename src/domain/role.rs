//! Roles: permissions under one name, given to users together.

use crate::domain::RoleId;

/// The id of the role of those who may do everything at the console.
pub const ADMINISTRATOR: &str = "rol_doorward_administrator";
/// The id of the role of those who may look at everything there that is no secret.
pub const VIEWER: &str = "rol_doorward_viewer";

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
