//! `doorward admin`: the people of the console, on the server's own machine. Also while the server
//! runs.

use std::{io::Read, sync::Arc};

use clap::{Args, Subcommand};

use super::ConfigFile;
use crate::app::{
    self, StartError,
    administrators::{self, Appointment, Member, Post},
};
use crate::crypto::random::SystemEntropy;
use crate::domain::{secret::Password, time::SystemClock};
use crate::http::App;
use crate::policy::new_password;

/// What to do.
#[derive(Subcommand)]
pub(super) enum What {
    /// Let somebody in to the console: makes the user if there is none with this address, and gives
    /// the role.
    Create(Create),
    /// Print who may do what at the console.
    List {
        #[command(flatten)]
        config: ConfigFile,
    },
}

/// Whom to let in.
#[derive(Args)]
pub(super) struct Create {
    #[command(flatten)]
    config: ConfigFile,
    /// The address to log in with.
    #[arg(long)]
    email: String,
    /// The full name, for a new user.
    #[arg(long)]
    name: Option<String>,
    /// May look at everything that is no secret, and change nothing.
    #[arg(long)]
    viewer: bool,
    /// Read the password from the first line of standard input instead of generating one.
    #[arg(long)]
    password_stdin: bool,
    /// Give a new password to a user who exists.
    #[arg(long)]
    reset_password: bool,
}

/// Does it.
///
/// # Errors
/// What is wrong, in a sentence.
pub(super) async fn run(what: &What) -> Result<(), StartError> {
    match what {
        What::Create(create) => {
            let app = open(&create.config).await?;
            let appointment = Appointment {
                email: create.email.clone(),
                name: create.name.clone(),
                post: if create.viewer { Post::Viewer } else { Post::Administrator },
                password: create.password_stdin.then(read_password).transpose()?,
                reset_password: create.reset_password,
            };
            let appointed = administrators::appoint(&app, &appointment).await?;
            let role = appointment.post.role().name;
            let user = &appointed.user;
            println!("Console   {}admin/", app.settings.issuer);
            println!("Log in as {}", user.email.as_deref().unwrap_or_default());
            match (&appointed.generated, appointed.created || create.reset_password) {
                (Some(password), _) => println!("Password  {}", password.expose()),
                (None, true) => println!("Password  as given"),
                (None, false) => println!("Password  unchanged"),
            }
            println!("Role      {role}");
            if user.is_blocked() {
                println!("This user is blocked and cannot log in until somebody ends that.");
            }
            close(app).await;
        }
        What::List { config } => {
            let app = open(config).await?;
            let members = administrators::members(&app).await?;
            if members.is_empty() {
                println!("Nobody. Let somebody in with: doorward admin create --email ADDRESS");
            }
            members.iter().for_each(|member| println!("{}", line(member)));
            close(app).await;
        }
    }
    Ok(())
}

fn line(member: &Member) -> String {
    let Member { user, roles, permissions } = member;
    let roles = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
    let blocked = if user.is_blocked() { "  blocked" } else { "" };
    format!(
        "{}  {}  {roles}  {permissions} permissions{blocked}",
        user.name_for_people(),
        user.user_id
    )
}

async fn open(config: &ConfigFile) -> Result<App, StartError> {
    app::build(&config.load()?, false, Arc::new(SystemClock), Arc::new(SystemEntropy)).await
}

async fn close(app: App) {
    app.login.audit.flush().await;
    app.store.close().await;
}

/// The first line, without its end.
fn read_password() -> Result<Password, StartError> {
    let io = |source| StartError::Io { what: "cannot read the password".to_owned(), source };
    let mut text = String::new();
    // One byte more than may be, so that a longer one is refused and not cut.
    let most = new_password::LONGEST + 2;
    std::io::stdin()
        .take(u64::try_from(most).unwrap_or(0))
        .read_to_string(&mut text)
        .map_err(io)?;
    let line = text.lines().next().unwrap_or_default();
    Ok(Password::new(line))
}
