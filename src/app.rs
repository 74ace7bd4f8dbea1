//! Builds the server from its configuration and runs it.

pub mod administrators;
pub mod bootstrap;
pub mod connections;
pub mod master_key;
pub mod quickstart;
pub mod reseal;
pub mod tls;

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::net::TcpListener;

use crate::actions::Engine;
use crate::app::connections::{Endpoint, Phase};
use crate::config::Config;
use crate::crypto::{
    self, cursor::CursorKey, entity_tag::EntityTagKey, master_key::Purpose, nonce::NonceKey,
    password::Passwords, refresh_token::RefreshTokenKey, seal::Sealer, short_code::ShortCodeKey,
};
use crate::domain::{entropy::Entropy, job::JobKind, time::Clock};
use crate::http::{self, App, limiter::Limits};
use crate::login::{
    LoginService,
    audit::AuditWriter,
    background::Background,
    triggers::{self, executions::ExecutionWriter},
};
use crate::mail::Mailer;
use crate::outbound::Outbound;
use crate::store::{self, Store};
use crate::token::{Internal, TokenService, keys::KeyRing};

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error("{0}")]
    Config(String),
    /// The database is.
    #[error("database")]
    Store(#[from] store::Error),
    /// Keys are.
    #[error("keys")]
    Keys(#[from] Internal),
    /// Cryptography is.
    #[error("keys")]
    Crypto(#[from] crypto::Failed),
    /// A file or a socket is.
    #[error("{what}")]
    Io {
        /// Which.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// How often expired rows are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// How often logout tokens that are due are looked for.
const DELIVERY_INTERVAL: Duration = Duration::from_secs(1);

/// How often jobs are looked for that other nodes took or left behind.
const JOB_INTERVAL: Duration = Duration::from_secs(2);

/// How long an unused connection is kept at least once the server is told to stop: a request that is
/// on its way must not be answered with a reset.
const LAST_REQUEST: Duration = Duration::from_secs(1);

/// How long the connections to the database may take to close.
const CLOSING_TIME: Duration = Duration::from_secs(5);

/// Builds the server. The embedded database is migrated; Postgres only with `migrate`.
///
/// # Errors
/// Why it cannot start.
pub async fn build(
    config: &Config,
    migrate: bool,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<App, StartError> {
    let store = open_store(config).await?;
    if migrate || store.is_embedded() {
        store.migrate().await?;
    } else {
        store.check_schema().await?;
    }
    let master = master_key::load(config, store.is_embedded(), &*entropy)?;
    let settings = Arc::new(config.settings());
    let at_rest = Arc::new(Sealer::new(&master, Purpose::AtRest)?);
    let name = settings.issuer.clone();
    let keys = KeyRing::load(&store, &at_rest, &name, &*clock, &entropy).await?;
    let outbound = Arc::new(Outbound::new(settings.outbound_allow_private));
    let login = Arc::new(LoginService {
        store: store.clone(),
        settings: Arc::clone(&settings),
        passwords: passwords(config, &*entropy),
        audit: AuditWriter::start(store.clone()),
        background: Background::default(),
        unwatched: Background::default(),
        actions: Arc::new(Engine::new(config.actions.options(), Arc::clone(&outbound))),
        job_added: tokio::sync::Notify::new(),
        mailer: Mailer::start(&config.mail_options(), Arc::clone(&clock), Arc::clone(&entropy))
            .map_err(|why| StartError::Config(why.to_string()))?,
        notices: Box::new(http::pages::messages::Notices),
        executions: ExecutionWriter::start(store.clone()),
        at_rest: Arc::clone(&at_rest),
        transactions: Sealer::new(&master, Purpose::Transaction)?,
        action_cache: triggers::cache::Cache::default(),
        short_codes: ShortCodeKey::new(&master),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    });
    let tokens = Arc::new(TokenService {
        store: store.clone(),
        settings: Arc::clone(&settings),
        keys,
        refresh_tokens: RefreshTokenKey::new(&master),
        dpop_nonces: NonceKey::new(&master),
        at_rest,
        login: Arc::clone(&login),
        outbound,
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    });
    let limits = Limits::new(&settings);
    let app = App::from(http::Parts {
        settings,
        store,
        tokens,
        login,
        limits,
        entity_tags: Arc::new(EntityTagKey::new(&master)),
        cursors: Arc::new(CursorKey::new(&master)),
        clock,
        entropy,
        demo: None,
        draining: Arc::default(),
    });
    if app.settings.hidden_by_proxy {
        tracing::warn!(
            "a proxy ends TLS, and server.trusted_proxies does not name it: nobody's address is \
             known, and attack protection counts accounts alone"
        );
    }
    bootstrap::management_api(&app).await?;
    bootstrap::console(&app).await?;
    if let Some(machine) = &config.bootstrap {
        bootstrap::machine_client(&app, machine).await?;
    }
    Ok(app)
}

/// Opens the database of a configuration, making the data directory for the embedded one.
///
/// # Errors
/// Why it cannot be opened.
pub async fn open_store(config: &Config) -> Result<Store, StartError> {
    let url = config.database_url();
    if url.expose().starts_with("sqlite:") {
        master_key::make_data_dir(&config.server.data_dir)?;
    }
    Ok(Store::connect(&url, config.database.max_connections).await?)
}

fn passwords(config: &Config, entropy: &dyn Entropy) -> Passwords {
    let parallel = match config.passwords.parallel {
        0 => std::thread::available_parallelism().map_or(1, Into::into),
        parallel => parallel,
    };
    Passwords::new(parallel, config.passwords.queue, entropy)
}

/// Opens the listening socket.
///
/// # Errors
/// When the address is taken or not ours.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Io { what: format!("cannot listen on {address}"), source })
}

/// Serves until `stop`, then drains: unready first, then, after the delay of the endpoint, no new
/// connections, and running requests get `shutdown_timeout`.
///
/// # Errors
/// Reserved: nothing that happens to a connection ends the server.
pub async fn serve(
    app: App,
    endpoint: impl Into<Endpoint>,
    shutdown_timeout: Duration,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StartError> {
    let endpoint = endpoint.into();
    let mut tasks = vec![
        tokio::spawn(app.store.clone().watch()),
        tokio::spawn(follow_keys(Arc::clone(&app.tokens))),
        tokio::spawn(sweep(
            app.store.clone(),
            Arc::clone(&app.clock),
            app.settings.audit_retention,
            app.settings.actions_execution_retention,
        )),
        tokio::spawn(app.limits.clone().share(app.store.clone(), Arc::clone(&app.clock))),
        tokio::spawn(tell_of_logouts(Arc::clone(&app.tokens))),
        tokio::spawn(remove_users(Arc::clone(&app.login))),
        tokio::spawn(work_on_jobs(Arc::clone(&app.login), JobKind::UsersImport)),
        tokio::spawn(work_on_jobs(Arc::clone(&app.login), JobKind::UsersExport)),
    ];
    tasks.extend(endpoint.tls().map(|tls| tokio::spawn(Arc::clone(tls).follow())));
    let (draining, store) = (Arc::clone(&app.draining), app.store.clone());
    let (audit, mailer) = (app.login.audit.clone(), app.login.mailer.clone());
    let (background, executions) = (app.login.background.clone(), app.login.executions.clone());
    let unwatched = app.login.unwatched.clone();
    let delay = endpoint.limits().drain_delay;
    let (phase, mut phases) = tokio::sync::watch::channel(Phase::Serving);
    tasks.push(tokio::spawn(async move {
        stop.await;
        draining.store(true, Ordering::SeqCst);
        phase.send_replace(Phase::Leaving);
        tokio::time::sleep(delay).await;
        phase.send_replace(Phase::Closing);
        tokio::time::sleep(LAST_REQUEST.saturating_sub(delay)).await;
        phase.send_replace(Phase::HangingUp);
        // Whoever waits for a change must not see the channel close instead.
        std::future::pending().await
    }));
    let served = endpoint.serve(http::router(app), phases.clone());
    let deadline = async {
        let _ = phases.wait_for(|phase| *phase >= Phase::Closing).await;
        tokio::time::sleep(shutdown_timeout).await;
    };
    tokio::select! {
        () = served => {}
        () = deadline => {}
    }
    for task in tasks {
        task.abort();
    }
    background.idle().await;
    unwatched.idle().await;
    mailer.flush().await;
    executions.flush().await;
    audit.flush().await;
    // Without a database nobody would ever answer.
    let _ = tokio::time::timeout(CLOSING_TIME, store.close()).await;
    Ok(())
}

/// Reads the signing keys again whenever the configuration may have changed, here or on another
/// node.
async fn follow_keys(tokens: Arc<TokenService>) {
    let mut changes = tokens.store.changes();
    while changes.changed().await.is_ok() {
        tokens.reload_keys().await;
    }
}

async fn sweep(store: Store, clock: Arc<dyn Clock>, audit_retention: i64, executions: i64) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let now = clock.now();
        let swept = match store::sweep::run(&store, now, audit_retention).await {
            Ok(rows) => store::sweep::executions(&store, now, executions).await.map(|n| rows + n),
            Err(error) => Err(error),
        };
        match swept {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "swept {rows} expired rows"),
            Err(error) => tracing::warn!(%error, "the sweep failed; it will be tried again"),
        }
    }
}

/// Goes on with the removal of users whose connection was deleted, where a stop interrupted it.
async fn remove_users(login: Arc<LoginService>) {
    loop {
        if let Err(error) = login.remove_users_of_deleted_connections(usize::MAX).await {
            tracing::warn!(%error, "users of a deleted connection are left; it will be tried again");
        }
        tokio::time::sleep(SWEEP_INTERVAL).await;
    }
}

/// Delivers logout tokens as they come due.
async fn tell_of_logouts(tokens: Arc<TokenService>) {
    loop {
        match tokens.deliver_backchannel_logouts().await {
            // There may be more.
            Ok(attempts) if attempts > 0 => {}
            Ok(_) => tokio::time::sleep(DELIVERY_INTERVAL).await,
            Err(error) => {
                tracing::warn!(%error, "logout tokens could not be delivered; it will be tried again");
                tokio::time::sleep(DELIVERY_INTERVAL).await;
            }
        }
    }
}

/// Works on jobs of a kind as they come, one at a time.
async fn work_on_jobs(login: Arc<LoginService>, kind: JobKind) {
    loop {
        match login.run_a_job(kind, http::management::jobs::FILE_FORMAT).await {
            // There may be more.
            Ok(true) => {}
            Ok(false) => {
                let added = login.job_added.notified();
                let _ = tokio::time::timeout(JOB_INTERVAL, added).await;
            }
            Err(error) => {
                tracing::warn!(%error, "a job was interrupted; it will be taken up again");
                tokio::time::sleep(JOB_INTERVAL).await;
            }
        }
    }
}
