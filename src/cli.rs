//! The command line.

mod admin;
mod explain;
mod healthcheck;
mod scripts;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::{Args, Parser, Subcommand};

use crate::actions;
use crate::app::{
    self, StartError,
    connections::{self, Endpoint},
    quickstart,
    tls::Tls,
};
use crate::config::{Config, TlsMode};
use crate::crypto::random::SystemEntropy;
use crate::domain::time::SystemClock;
use crate::telemetry;

/// An OAuth 2.0 / OpenID Connect authorization server with multi-resource refresh tokens.
#[derive(Parser)]
#[command(name = "doorward", version = env!("DOORWARD_VERSION"))]
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
        #[command(flatten)]
        tls: TlsFlags,
        /// Bring the schema of Postgres up to date first (the embedded database always is).
        #[arg(long)]
        migrate: bool,
    },
    /// Run the server on the embedded database, with a demo application, two APIs and a user.
    Quickstart {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        tls: TlsFlags,
    },
    /// Bring the schema up to date and stop.
    Migrate {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Let one master key give way to another.
    MasterKey {
        #[command(subcommand)]
        what: MasterKeyCommand,
    },
    /// Check the configuration and stop.
    CheckConfig {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        tls: TlsFlags,
    },
    /// Explain what the exchange of a refresh token would give, and why; prints JSON.
    Explain {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        what: explain::What,
    },
    /// Let people in to the console.
    Admin {
        #[command(subcommand)]
        what: admin::What,
    },
    /// Try scripts of Actions and Rules.
    Actions {
        #[command(subcommand)]
        what: scripts::What,
    },
    /// Run scripts for the server that started this process.
    #[command(hide = true)]
    Worker {
        /// Bytes that a script may use.
        #[arg(long)]
        memory: u64,
    },
    /// Ask a running server whether it is ready; exits 0 if it is.
    Healthcheck {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        tls: TlsFlags,
    },
}

#[derive(Subcommand)]
enum MasterKeyCommand {
    /// Seal everything at rest anew with the current master key, where another accepted one has
    /// sealed it. Servers may run meanwhile.
    Reseal {
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

#[derive(Args, Default)]
struct TlsFlags {
    /// `off`, or `self-signed`: TLS for development, with a CA of its own to trust (ca.pem in the
    /// data directory). Also DOORWARD_TLS.
    #[arg(long, value_name = "MODE", conflicts_with_all = ["tls_cert", "tls_key"])]
    tls: Option<String>,
    /// Serve TLS with this certificate chain, PEM; read again when it changes and on SIGHUP. Also
    /// DOORWARD_TLS_CERT.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<String>,
    /// The private key of the certificate, PEM. Also DOORWARD_TLS_KEY.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<String>,
}

impl TlsFlags {
    /// As the variables they replace.
    fn variables(&self) -> Vec<(String, String)> {
        let flags = [
            ("DOORWARD_TLS", &self.tls),
            ("DOORWARD_TLS_CERT", &self.tls_cert),
            ("DOORWARD_TLS_KEY", &self.tls_key),
        ];
        let given = |(name, value): (&str, &Option<String>)| {
            value.clone().map(|value| (name.to_owned(), value))
        };
        flags.into_iter().filter_map(given).collect()
    }
}

impl ConfigFile {
    fn load(&self) -> Result<Config, StartError> {
        self.load_with(&TlsFlags::default())
    }

    /// Flags win over the environment: with one of them, none of its TLS variables counts.
    fn load_with(&self, flags: &TlsFlags) -> Result<Config, StartError> {
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
        let flags = flags.variables();
        let replaced = |name: &str| !flags.is_empty() && name.starts_with("DOORWARD_TLS");
        let environment: Vec<_> = environment.filter(|(name, _)| !replaced(name)).collect();
        Config::load(text.as_deref(), environment.into_iter().chain(flags))
            .map_err(|why| StartError::Config(format!("{place}{why}")))
    }
}

/// Runs the command line. Errors go to standard error in one line.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    // Before there is a thread, and without what the server is made of.
    if let Command::Worker { memory } = cli.command {
        return actions::worker::run(memory);
    }
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
        Command::Serve { config, tls, migrate } => {
            serve(&config.load_with(&tls)?, migrate, false).await
        }
        Command::Quickstart { config, tls } => serve(&config.load_with(&tls)?, true, true).await,
        Command::Migrate { config } => {
            let config = config.load()?;
            // The copy of the embedded database is told in the log.
            start_log(&config)?;
            let store = app::open_store(&config).await?;
            store.migrate().await?;
            println!("The schema is up to date.");
            store.close().await;
            Ok(())
        }
        Command::MasterKey { what: MasterKeyCommand::Reseal { config } } => {
            for done in app::reseal::run(&config.load()?, &SystemEntropy).await? {
                let (what, anew, kept) = (done.what.as_str(), done.anew, done.kept);
                println!("{what}: {anew} sealed anew, {kept} as they were");
            }
            println!("Nothing at rest needs another master key.");
            Ok(())
        }
        Command::CheckConfig { config, tls } => {
            app::tls::check(&config.load_with(&tls)?)?;
            println!("The configuration is valid.");
            Ok(())
        }
        Command::Admin { what } => admin::run(&what).await,
        Command::Actions { what } => scripts::run(&what).await,
        Command::Worker { .. } => Ok(()),
        Command::Explain { config, what } => explain::run(&config.load()?, &what).await,
        Command::Healthcheck { config, tls } => {
            let config = config.load_with(&tls)?;
            healthcheck::run(config.server.listen, config.tls.mode != TlsMode::Off)
        }
    }
}

fn start_log(config: &Config) -> Result<(), StartError> {
    telemetry::logs::start(&config.log.filter, config.log.format).map_err(StartError::Config)
}

async fn serve(config: &Config, migrate: bool, demo: bool) -> Result<(), StartError> {
    start_log(config)?;
    // The socket first: a second server must fail before it touches anything.
    let listener = app::listen(config.server.listen).await?;
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let tls = Tls::load(config, Arc::clone(&clock) as _)?.map(Arc::new);
    let mut app = app::build(config, migrate, clock, entropy).await?;
    if demo {
        let seeded = quickstart::seed(&app, &config.server.data_dir).await?;
        app = app.with_demo(seeded.demo());
        println!("{}", welcome(&seeded));
    }
    if let Some(ca) = tls.as_ref().and_then(|tls| tls.ca_file()) {
        let ca = std::path::absolute(ca).unwrap_or_else(|_| ca.to_owned());
        // On standard output too: scripts wait for it.
        println!("  CA to trust       {}\n", ca.display());
        tracing::info!("TLS is self-signed, for development; clients trust {}", ca.display());
    }
    let (issuer, listen) = (&config.server.issuer, config.server.listen);
    tracing::info!(issuer, %listen, "ready at {issuer} on {listen}; console at {issuer}admin/");
    let timeout = Duration::from_secs(config.server.shutdown_timeout);
    let endpoint = Endpoint::new(listener, tls).with_limits(connections::Limits {
        open: connections::that_fit(config.server.max_connections),
        drain_delay: Duration::from_secs(config.server.drain_delay),
        ..connections::Limits::default()
    });
    app::serve(app, endpoint, timeout, stop_signal()).await
}

fn welcome(seeded: &quickstart::Seeded) -> String {
    let (user, management) = (&seeded.user, &seeded.management);
    let administrator = &seeded.administrator;
    format!(
        "\n  Doorward is running.\n\n  \
         Demo page         {}\n  \
         Log in as         {}\n  \
         Password          {}\n\n  \
         Console           {}admin/\n  \
         Administrator     {}\n  \
         Its password      {}\n\n  \
         Issuer            {}\n  \
         Management API    {}api/v2/\n  \
         client_id         {}\n  \
         client_secret     {}\n",
        seeded.demo_url,
        user.email,
        user.password,
        seeded.issuer,
        administrator.email,
        administrator.password,
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
