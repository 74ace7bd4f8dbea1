//! The people of the console: the roles that let them in, and the first of them. Later ones are made
//! there.

use serde_json::{Map, json};

use crate::app::{StartError, bootstrap::object};
use crate::domain::{
    ClientId, RoleId,
    audience::Audience,
    audit::Happened,
    connection::{Connection, Options},
    family::RevokedBy,
    logout::Initiator,
    role::{self, Role},
    scope::ScopeSet,
    secret::Password,
    user::{DATABASE_CONNECTION, User},
};
use crate::http::App;
use crate::login::{profile, signup::personal};
use crate::mail;
use crate::policy::{
    management,
    new_password::{self, Problem},
};
use crate::store::{
    self, Tx, connections, families, permissions, role_permissions, roles, user_roles, users,
};

/// Characters of a generated password, where the connection does not demand more.
const PASSWORD_LENGTH: usize = 20;
/// Generated passwords that are tried against the policy of the connection.
const ATTEMPTS: usize = 100;

/// What somebody may do at the console. An operator makes finer roles there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// Everything.
    Administrator,
    /// Look at everything that is no secret.
    Viewer,
}

impl Post {
    const ALL: [Self; 2] = [Self::Administrator, Self::Viewer];

    /// Its role.
    pub fn role(self) -> Role {
        let (id, name, description) = match self {
            Self::Administrator => (
                role::ADMINISTRATOR,
                "Doorward Administrator",
                "May do everything at the console of this server.",
            ),
            Self::Viewer => (
                role::VIEWER,
                "Doorward Viewer",
                "May look at everything at the console of this server, but change nothing.",
            ),
        };
        let (name, description) = (name.to_owned(), description.to_owned());
        Role { id: RoleId::new(id), name, description }
    }

    /// The permissions on the Management API that its role has in this release.
    pub fn scopes(self) -> Vec<&'static str> {
        match self {
            Self::Administrator => management::scopes(),
            Self::Viewer => management::reading_scopes(),
        }
    }
}

/// Gives the roles that exist the scopes that the Management API did not define before. What else
/// was taken from them, the operator took.
///
/// # Errors
/// When the database does.
pub async fn extend(
    tx: &mut Tx,
    audience: &Audience,
    defined_before: &ScopeSet,
) -> Result<(), store::Error> {
    for post in Post::ALL {
        let role = post.role().id;
        if !roles::lock(tx, &role).await? {
            continue;
        }
        for scope in post.scopes().into_iter().filter(|scope| !defined_before.contains(scope)) {
            role_permissions::insert(tx, &role, audience, scope).await?;
        }
    }
    Ok(())
}

/// Makes sure of both roles, so that who looks for one finds it. Returns that of a post.
///
/// # Errors
/// Another role has the name of one, or the database fails.
pub async fn ensure_roles(app: &App, post: Post) -> Result<RoleId, StartError> {
    for post in Post::ALL {
        ensure_role(app, post).await?;
    }
    Ok(post.role().id)
}

/// One that exists stays as the operator left it.
async fn ensure_role(app: &App, post: Post) -> Result<(), StartError> {
    let role = post.role();
    let mut conn = app.store.read().await?;
    let found = roles::find(conn.db(), &role.id).await?;
    drop(conn);
    if found.is_some() {
        return Ok(());
    }
    let audience = app.settings.management_audience();
    let mut tx = app.store.write().await?;
    match roles::insert(&mut tx, &role, app.clock.now()).await {
        Ok(()) => {}
        Err(store::Error::Duplicate) => {
            drop(tx);
            let mut conn = app.store.read().await?;
            // Another process may just have made it.
            return match roles::find(conn.db(), &role.id).await? {
                Some(_) => Ok(()),
                None => Err(StartError::Config(format!(
                    "there is another role with the name \"{}\"; rename it",
                    role.name
                ))),
            };
        }
        Err(error) => return Err(error.into()),
    }
    for scope in post.scopes() {
        role_permissions::insert(&mut tx, &role.id, &audience, scope).await?;
    }
    Ok(tx.commit().await?)
}

/// Whom to appoint.
#[derive(Debug, Clone)]
pub struct Appointment {
    /// The address, as typed.
    pub email: String,
    /// The full name, for a new user.
    pub name: Option<String>,
    /// To what.
    pub post: Post,
    /// For a new user, or to be set anew; `None` for a generated one.
    pub password: Option<Password>,
    /// Whether a user who exists gets a new password.
    pub reset_password: bool,
}

/// Who was appointed.
#[derive(Debug)]
pub struct Appointed {
    /// The user.
    pub user: User,
    /// Whether there was no such user before.
    pub created: bool,
    /// The password, if it was generated.
    pub generated: Option<Password>,
}

/// Gives a role to the user with an address, who is made if there is none yet.
///
/// # Errors
/// What is wrong with the appointment, or the database.
pub async fn appoint(app: &App, appointment: &Appointment) -> Result<Appointed, StartError> {
    let email = appointment.email.trim().to_lowercase();
    if !mail::is_address(&email) {
        return Err(StartError::Config(format!("\"{email}\" is no e-mail address")));
    }
    let connection = home(app).await?;
    let role = ensure_roles(app, appointment.post).await?;
    let mut conn = app.store.read().await?;
    let found = users::find_by_email(conn.db(), &connection.name, &email).await?;
    drop(conn);
    let created = found.is_none();
    if !created && appointment.password.is_some() && !appointment.reset_password {
        return Err(StartError::Config(format!(
            "{email} exists and keeps the password; add --reset-password to set a new one"
        )));
    }
    let user = match found {
        Some(record) => record.user,
        None => new_user(app, &connection, &email, appointment.name.as_deref()),
    };
    let chosen = match created || appointment.reset_password {
        true => Some(password(app, &connection.options, &user, appointment.password.as_ref())?),
        false => None,
    };
    let hash = match &chosen {
        Some(password) => Some(hash(app, password).await?),
        None => None,
    };
    let mut tx = app.store.write().await?;
    if created {
        insert(&mut tx, &user, hash.as_deref()).await?;
    } else {
        edit(app, &mut tx, &user, hash.as_deref()).await?;
    }
    user_roles::insert(&mut tx, &user.user_id, &role).await?;
    let happened = Happened::Appointed { role: &role, created, password_set: hash.is_some() };
    app.login.commit_event(tx, &happened, None, Some(&user.user_id)).await?;
    let generated = chosen.filter(|_| appointment.password.is_none());
    Ok(Appointed { user, created, generated })
}

/// The database that administrators are made in: the tenant's default one, or the one that a new
/// installation has, or any.
async fn home(app: &App) -> Result<Connection, StartError> {
    let tenant = app.store.tenant().await?;
    let mut conn = app.store.read().await?;
    for name in tenant.default_directory.as_deref().into_iter().chain([DATABASE_CONNECTION]) {
        if let Some(found) = connections::find_by_name(conn.db(), name).await?
            && found.connection.is_database()
            && found.connection.authenticates
        {
            return Ok(found.connection);
        }
    }
    let all = connections::enabled_for(conn.db(), &ClientId::console()).await?;
    let none =
        || StartError::Config("there is no database connection to make a user in".to_owned());
    all.into_iter().next().ok_or_else(none)
}

fn new_user(app: &App, connection: &Connection, email: &str, name: Option<&str>) -> User {
    let mut given = Map::new();
    if let Some(name) = name {
        given = object(json!({ "name": name }));
    }
    profile::complete(&mut given, Some(email), None);
    User {
        connection: connection.name.clone(),
        email: Some(email.to_owned()),
        // Who runs commands at the server has vouched for it.
        email_verified: true,
        profile: given,
        ..User::new(&app.entropy.lower_hex(24), app.clock.now())
    }
}

/// The given password, or a generated one, if the connection takes it.
fn password(
    app: &App,
    options: &Options,
    user: &User,
    given: Option<&Password>,
) -> Result<Password, StartError> {
    let known = personal(user);
    let check = |password: &Password| new_password::check(password, &known, options);
    if let Some(given) = given {
        return match check(given) {
            Ok(()) => Ok(given.clone()),
            Err(problem) => Err(StartError::Config(refusal(problem, options))),
        };
    }
    let length = PASSWORD_LENGTH.max(new_password::shortest(options));
    let mut candidates = (0..ATTEMPTS).map(|_| Password::new(app.entropy.url_safe(length)));
    let taken = candidates.find(|password| check(password).is_ok());
    taken.ok_or_else(|| {
        StartError::Config("no generated password suits the connection; give one".to_owned())
    })
}

fn refusal(problem: Problem, options: &Options) -> String {
    match problem {
        Problem::TooShort => {
            format!("the password needs {} characters", new_password::shortest(options))
        }
        Problem::TooLong => "the password is too long".to_owned(),
        Problem::Personal => "the password is the person's name or address".to_owned(),
        Problem::Weak | Problem::Common => "the password is too easy to guess".to_owned(),
        Problem::Kinds => {
            "the password needs more kinds of characters, and not three equal ones in a row"
                .to_owned()
        }
    }
}

async fn hash(app: &App, password: &Password) -> Result<String, StartError> {
    let hashed = app.login.passwords.hash(password, &*app.entropy).await;
    hashed.map_err(|error| StartError::Config(error.to_string()))
}

async fn insert(tx: &mut Tx, user: &User, hash: Option<&str>) -> Result<(), StartError> {
    match users::insert(tx, user, hash).await {
        Err(store::Error::Duplicate) => {
            Err(StartError::Config("the user was made by somebody else; try again".to_owned()))
        }
        other => Ok(other?),
    }
}

/// Sets a new password, if there is one, and ends what was begun under the old one.
async fn edit(app: &App, tx: &mut Tx, user: &User, hash: Option<&str>) -> Result<(), StartError> {
    let gone = || StartError::Config("the user was removed meanwhile".to_owned());
    users::lock(tx, &user.user_id).await?.then_some(()).ok_or_else(gone)?;
    let Some(hash) = hash else { return Ok(()) };
    let mut record = users::find(tx.db(), &user.user_id).await?.ok_or_else(gone)?;
    let now = app.clock.now();
    record.user.updated_at = now;
    users::update(tx, &record.user, Some(hash), record.version).await?;
    app.login.unblock(tx, user).await?;
    app.login.end_all(tx, &user.user_id, Initiator::PasswordChanged).await?;
    if app.settings.revoke_on_password_change {
        families::revoke_of_user(tx, &user.user_id, RevokedBy::PasswordChange, now).await?;
    }
    Ok(())
}

/// Somebody who may do something at the console.
#[derive(Debug)]
pub struct Member {
    /// The user.
    pub user: User,
    /// The roles, by name.
    pub roles: Vec<String>,
    /// How many permissions on the Management API.
    pub permissions: usize,
}

/// Most members that are listed.
const MOST_MEMBERS: i64 = 1000;

/// Everybody who may do something at the console, in the order of ids.
///
/// # Errors
/// When the database does.
pub async fn members(app: &App) -> Result<Vec<Member>, store::Error> {
    let audience = app.settings.management_audience();
    let mut conn = app.store.read().await?;
    let mut members = Vec::new();
    for id in permissions::holders(conn.db(), &audience, MOST_MEMBERS).await? {
        let Some(record) = users::find(conn.db(), &id).await? else { continue };
        let roles = user_roles::roles(conn.db(), &id, 0, MOST_MEMBERS).await?;
        let held = permissions::of_user_for(conn.db(), &id, &audience).await?;
        members.push(Member {
            user: record.user,
            roles: roles.into_iter().map(|role| role.name).collect(),
            permissions: held.iter().count(),
        });
    }
    Ok(members)
}
