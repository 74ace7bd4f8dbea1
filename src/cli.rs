//! The command line.

mod explain;
mod healthcheck;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::{Args, Parser, Subcommand};

use crate::app::{self, StartError, quickstart};
use crate::config::Config;
use crate::crypto::random::SystemEntropy;
use crate::domain::time::SystemClock;
use crate::telemetry;

/// An OAuth 2.0 / OpenID Connect authorization server with multi-resource refresh tokens.
#[derive(Parser)]
#[command(name = "doorward", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve {
        #[command(flatten)]
        config: ConfigFile,
        /// Bring the schema of Postgres up to date first (the embedded database always is).
        #[arg(long)]
        migrate: bool,
    },
    /// Run the server on the embedded database, with a demo application, two APIs and a user.
    Quickstart {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Bring the schema up to date and stop.
    Migrate {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Check the configuration and stop.
    CheckConfig {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Explain what the exchange of a refresh token would give, and why; prints JSON.
    Explain {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        what: explain::What,
    },
    /// Ask a running server whether it is ready; exits 0 if it is.
    Healthcheck {
        #[command(flatten)]
        config: ConfigFile,
    },
}

#[derive(Args)]
struct ConfigFile {
    /// A configuration file; `config/default.toml` in the sources lists every key. Also
    /// DOORWARD_CONFIG.
    #[arg(long)]
    config: Option<PathBuf>,
}

impl ConfigFile {
    fn load(&self) -> Result<Config, StartError> {
        let from_environment = || std::env::var_os("DOORWARD_CONFIG").map(PathBuf::from);
        let path = self.config.clone().or_else(from_environment);
        let text = match &path {
            None => None,
            Some(path) => Some(std::fs::read_to_string(path).map_err(|source| {
                let what = format!("cannot read {}", path.display());
                StartError::Io { what, source }
            })?),
        };
        let place = path.map_or_else(String::new, |path| format!("{}: ", path.display()));
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Config::load(text.as_deref(), environment)
            .map_err(|why| StartError::Config(format!("{place}{why}")))
    }
}

/// Runs the command line. Errors go to standard error in one line.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("doorward: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(execute(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                text.push_str(&format!(": {error}"));
                cause = error.source();
            }
            eprintln!("doorward: {text}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command) -> Result<(), StartError> {
    match command {
        Command::Serve { config, migrate } => serve(&config.load()?, migrate, false).await,
        Command::Quickstart { config } => serve(&config.load()?, true, true).await,
        Command::Migrate { config } => {
            let store = app::open_store(&config.load()?).await?;
            store.migrate().await?;
            println!("The schema is up to date.");
            store.close().await;
            Ok(())
        }
        Command::CheckConfig { config } => {
            config.load()?;
            println!("The configuration is valid.");
            Ok(())
        }
        Command::Explain { config, what } => explain::run(&config.load()?, &what).await,
        Command::Healthcheck { config } => healthcheck::run(config.load()?.server.listen),
    }
}

async fn serve(config: &Config, migrate: bool, demo: bool) -> Result<(), StartError> {
    telemetry::logs::start(&config.log.filter, config.log.format).map_err(StartError::Config)?;
    // The socket first: a second server must fail before it touches anything.
    let listener = app::listen(config.server.listen).await?;
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let mut app = app::build(config, migrate, clock, entropy).await?;
    if demo {
        let seeded = quickstart::seed(&app, &config.server.data_dir).await?;
        app.demo = Some(Arc::new(seeded.demo()));
        println!("{}", welcome(&seeded));
    }
    let (issuer, listen) = (&config.server.issuer, config.server.listen);
    tracing::info!(issuer, %listen, "ready at {issuer} on {listen}");
    let timeout = Duration::from_secs(config.server.shutdown_timeout);
    app::serve(app, listener, timeout, stop_signal()).await
}

fn welcome(seeded: &quickstart::Seeded) -> String {
    let (user, management) = (&seeded.user, &seeded.management);
    format!(
        "\n  Doorward is running.\n\n  \
         Demo page         {}\n  \
         Log in as         {}\n  \
         Password          {}\n\n  \
         Issuer            {}\n  \
         Management API    {}api/v2/\n  \
         client_id         {}\n  \
         client_secret     {}\n",
        seeded.demo_url,
        user.email,
        user.password,
        seeded.issuer,
        seeded.issuer,
        management.client_id,
        management.client_secret,
    )
}

/// SIGTERM or Ctrl-C.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping");
}
