//! The workloads, and their crowds.

use std::collections::VecDeque;

use tokio::task::JoinSet;

use crate::{
    Result,
    actors::{Actor, Mixed, Refresher},
    browser::Person,
    http::{Connection, Request},
    load::Crowd,
    site::Server,
    world::{Alg, Application, Confidential, PASSWORD, USERS, World, email, text},
};

/// Where the server keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Postgres,
    Sqlite,
}

/// What a workload cannot do without.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Floor {
    None,
    /// So many signatures.
    Signatures(Alg, u32),
    /// One password hash.
    Hash,
}

/// What a request of a workload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Refresh,
    RefreshEs256,
    RefreshRbac,
    Machine,
    MachineEs256,
    Code,
    Login,
    Userinfo,
    Introspect,
    Jwks,
    Clients,
    Users,
    Mix,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    pub name: &'static str,
    pub backend: Backend,
    pub kind: Kind,
    /// `None`: as many as the command line says.
    pub connections: Option<usize>,
    pub floor: Floor,
}

const fn row(name: &'static str, backend: Backend, kind: Kind, floor: Floor) -> Workload {
    Workload { name, backend, kind, connections: None, floor }
}

const RS256: fn(u32) -> Floor = |signatures| Floor::Signatures(Alg::Rs256, signatures);
const ES256: fn(u32) -> Floor = |signatures| Floor::Signatures(Alg::Es256, signatures);

/// All of them, in the order in which each round goes through them.
pub fn all() -> Vec<Workload> {
    use Backend::{Postgres, Sqlite};
    let with = |connections, row| Workload { connections: Some(connections), ..row };
    vec![
        row("refresh-rs256-postgres", Postgres, Kind::Refresh, RS256(2)),
        row("refresh-rs256-sqlite", Sqlite, Kind::Refresh, RS256(2)),
        row("refresh-es256-postgres", Postgres, Kind::RefreshEs256, ES256(2)),
        row("refresh-es256-sqlite", Sqlite, Kind::RefreshEs256, ES256(2)),
        with(1, row("refresh-es256-sqlite-1", Sqlite, Kind::RefreshEs256, ES256(2))),
        with(64, row("refresh-es256-sqlite-64", Sqlite, Kind::RefreshEs256, ES256(2))),
        row("refresh-rbac-postgres", Postgres, Kind::RefreshRbac, RS256(2)),
        row("client-credentials-rs256", Postgres, Kind::Machine, RS256(1)),
        row("client-credentials-es256", Postgres, Kind::MachineEs256, ES256(1)),
        row("code-exchange-rs256", Postgres, Kind::Code, RS256(2)),
        row("login", Postgres, Kind::Login, Floor::Hash),
        row("userinfo", Postgres, Kind::Userinfo, Floor::None),
        row("introspection", Postgres, Kind::Introspect, Floor::None),
        row("jwks", Postgres, Kind::Jwks, Floor::None),
        row("list-clients", Postgres, Kind::Clients, Floor::None),
        row("list-users", Postgres, Kind::Users, Floor::None),
        with(64, row("mix-postgres", Postgres, Kind::Mix, Floor::None)),
        with(64, row("mix-sqlite", Sqlite, Kind::Mix, Floor::None)),
    ]
}

/// Logins that each connection of the refresh workloads carries.
const TOKENS_EACH: usize = 8;

impl Workload {
    /// People and programs that will do this, ready to begin.
    pub async fn crowd(&self, world: &World, server: &Server, connections: usize) -> Result<Crowd> {
        let mut making = JoinSet::new();
        let (address, kind) = (server.address, self.kind);
        for number in 0..connections {
            let world = world.clone();
            making.spawn(async move {
                let mut http = Connection::to(address);
                actor(kind, &world, number, &mut http).await
            });
        }
        let mut actors = Vec::new();
        for made in making.join_all().await {
            actors.push(made.map_err(|why| format!("{}: {why}", self.name))?);
        }
        Ok(Crowd { places: vec![address], actors })
    }

    /// Gives codes to those who exchange them: they live for a minute. Each has users of their own,
    /// since nobody logs in twice at the same time.
    pub async fn supply(&self, crowd: &mut Crowd, world: &World, codes: usize) -> Result<()> {
        if self.kind != Kind::Code {
            return Ok(());
        }
        let address = *crowd.places.first().ok_or("no server")?;
        let count = crowd.actors.len();
        let mut making = JoinSet::new();
        for number in 0..count {
            let application = world.login.clone();
            making.spawn(async move {
                let mut http = Connection::to(address);
                let first = number % USERS;
                let mut people: Vec<_> = (first..USERS)
                    .step_by(count.min(USERS))
                    .map(|user| Person::new(user, &application))
                    .collect();
                let mut found = VecDeque::new();
                for _ in 0..codes.div_ceil(count * people.len()) {
                    for person in &mut people {
                        found.push_back(person.code(&mut http).await?);
                    }
                }
                Result::<_>::Ok(found)
            });
        }
        for (found, actor) in making.join_all().await.into_iter().zip(&mut crowd.actors) {
            if let Actor::Exchanger { codes, .. } = actor {
                *codes = found?;
            }
        }
        Ok(())
    }
}

async fn actor(kind: Kind, world: &World, number: usize, http: &mut Connection) -> Result<Actor> {
    let user = number % USERS;
    let repeater = |requests, must_hold| Actor::Repeater { requests, next: number, must_hold };
    Ok(match kind {
        Kind::Refresh => refresher(&world.rs256, number, http).await?,
        Kind::RefreshEs256 => refresher(&world.es256, number, http).await?,
        Kind::RefreshRbac => refresher(&world.rbac, number, http).await?,
        Kind::Machine => repeater(vec![machine(&world.machine_rs256)], "access_token"),
        Kind::MachineEs256 => repeater(vec![machine(&world.machine_es256)], "access_token"),
        Kind::Code => Actor::Exchanger { application: world.login.clone(), codes: VecDeque::new() },
        Kind::Login => Actor::Login(Person::new(user, &world.login)),
        Kind::Userinfo => {
            let token = access_token(&world.web, user, http).await?;
            repeater(vec![Request::get("/userinfo").bearer(&token)?], "\"sub\"")
        }
        Kind::Introspect => {
            let token = access_token(&world.web, user, http).await?;
            let form = [
                ("client_id", world.web.client_id.as_str()),
                ("client_secret", &world.web.client_secret),
                ("token", &token),
            ];
            repeater(vec![Request::form("/oauth/introspect", &form)], "\"active\":true")
        }
        Kind::Jwks => repeater(vec![Request::get("/.well-known/jwks.json")], "\"kid\""),
        Kind::Clients => {
            let list = "/api/v2/clients?page=0&per_page=50&include_totals=true";
            repeater(vec![Request::get(list).bearer(&world.management_token)?], "\"total\"")
        }
        Kind::Users => {
            let list = "/api/v2/users?page=0&per_page=50&include_totals=true";
            repeater(vec![Request::get(list).bearer(&world.management_token)?], "\"total\"")
        }
        Kind::Mix => {
            let mut person = Person::new(user, &world.login);
            let tokens = vec![person.refresh_token(http).await?];
            let refresher = Refresher::new(&world.login, tokens, number);
            let application = world.login.clone();
            // Not all do the same at the same time.
            Actor::Mixed(Box::new(Mixed { person, application, refresher, turn: number * 13 }))
        }
    })
}

async fn refresher(
    application: &Application,
    number: usize,
    http: &mut Connection,
) -> Result<Actor> {
    let mut person = Person::new(number % USERS, application);
    let mut tokens = Vec::new();
    for _ in 0..TOKENS_EACH {
        tokens.push(person.refresh_token(http).await?);
    }
    Ok(Actor::Refresher(Refresher::new(application, tokens, number)))
}

fn machine(client: &Confidential) -> Request {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client.client_id.as_str()),
        ("client_secret", &client.client_secret),
        ("audience", &client.audience),
    ];
    Request::form("/oauth/token", &form)
}

async fn access_token(client: &Confidential, user: usize, http: &mut Connection) -> Result<String> {
    let form = [
        ("grant_type", "password"),
        ("client_id", client.client_id.as_str()),
        ("client_secret", &client.client_secret),
        ("username", &email(user)),
        ("password", PASSWORD),
        ("audience", &client.audience),
        ("scope", "openid profile email read:items"),
    ];
    let answer = http.send(Request::form("/oauth/token", &form)).await?.expect(200)?;
    text(&answer.json()?, "access_token")
}
