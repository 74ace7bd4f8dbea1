//! Whether an exchange costs more when there is much data: two databases of one Postgres, one of
//! them filled with users and refresh tokens, each with a server of its own.

use doorward::{
    crypto::{master_key::MasterKey, refresh_token::RefreshTokenKey},
    domain::FamilyId,
};
use sqlx::{Connection, PgConnection};

use crate::{
    Options, Result,
    actors::{Actor, Refresher},
    clock,
    generate::{self, Size},
    load::Crowd,
    machine,
    place::Place,
    postgres::Cluster,
    report::{median, range},
    sample::Sample,
    site::MASTER_KEY,
    start,
    workloads::all,
};

/// Generated families that each connection exchanges, chosen at random among all.
const TOKENS_EACH: usize = 4000;

/// `--scale USERS,FAMILIES`
pub async fn run(options: &Options, size: Size) -> Result<()> {
    let cluster = Cluster::start(&options.folder())?;
    println!("{}\n", machine::text(&machine::describe(&cluster, &options.folder())));
    let empty = Place::on(options, Some((&cluster, "doorward_empty"))).await?;
    let full = Place::on(options, Some((&cluster, "doorward_full"))).await?;
    let refresh = all().into_iter().find(|w| w.name == "refresh-rs256-postgres").ok_or("gone")?;
    let mut few = refresh.crowd(&empty.world, &empty.server, options.connections).await?;
    // A real login, of whose rows the generated ones are copies.
    refresh.crowd(&full.world, &full.server, 1).await?;
    let url = full.site.database.clone().ok_or("no database")?;
    let began = clock::now();
    println!("generating {} users and {} refresh tokens", size.users, size.families);
    generate::fill(&url, &full.world, size).await?;
    println!("  in {:.0} s: {}", began.elapsed().as_secs_f64(), sizes(&url).await?);
    let mut many = crowd(&full, &url, size, options.connections).await?;
    let rotations = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables
        WHERE relname = 'refresh_token_family'";
    let before = pair(&url, rotations).await?;
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds() {
        eprintln!("round {round}");
        small.push(measure(options, &mut few, &empty).await?);
        large.push(measure(options, &mut many, &full).await?);
    }
    type Of = fn(&Sample) -> f64;
    let figures: [(&str, Of); 5] = [
        ("server CPU, µs", |s| s.each(s.server)),
        ("Postgres CPU, µs", |s| s.each(s.database)),
        ("both, µs", |s| s.each(s.server + s.database)),
        ("WAL, bytes", Sample::wal_each),
        ("requests a second", Sample::per_second),
    ];
    println!("{:20} {:>10} {:>10} {:>7}", "an exchange", "empty", "full", "ratio");
    for (name, of) in figures {
        let (s, l): (Vec<_>, Vec<_>) =
            (small.iter().map(of).collect(), large.iter().map(of).collect());
        let ratios: Vec<_> = s.iter().zip(&l).map(|(s, l)| l / s).collect();
        let (low, high) = range(&ratios);
        println!(
            "{name:20} {:>10.0} {:>10.0} {:>7.2} ({low:.2}..{high:.2})",
            median(&s),
            median(&l),
            median(&ratios)
        );
    }
    for (name, place) in [("empty", empty), ("full", full)] {
        let site = place.stop().await?;
        let took = start::several(&site, 10).await?;
        let millis: Vec<_> = took.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        let (low, high) = range(&millis);
        println!("start to first token, {name:5}: {:.1} ms ({low:.1}..{high:.1})", median(&millis));
    }
    // Counted when a connection ends, at the latest.
    let after = pair(&url, rotations).await?;
    let (all, hot) = (after.0 - before.0, after.1 - before.1);
    let percent = 100.0 * hot as f64 / all.max(1) as f64;
    println!("rotations: {all}, of them HOT {hot} ({percent:.1} %)");
    Ok(())
}

async fn measure(options: &Options, crowd: &mut Crowd, place: &Place) -> Result<Sample> {
    let times = options.times();
    let target = &place.target;
    let phase = crowd.closed_loop(times.warm_up, times.load, || target.read()).await?;
    Ok(Sample::between(&phase, crate::process::memory(place.server.id())?))
}

/// Everybody has refresh tokens of random generated families: derived as the server derives them,
/// from the master key, which is ours, and the salt.
async fn crowd(place: &Place, url: &str, size: Size, connections: usize) -> Result<Crowd> {
    let master = MasterKey::parse(MASTER_KEY).map_err(|e| e.to_string())?;
    let key = RefreshTokenKey::new(&master);
    let picked = connections * TOKENS_EACH;
    let mut database = PgConnection::connect(url).await?;
    let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(generate::PICK)
        .bind(i64::try_from(size.families)?)
        .bind(i64::try_from(picked)?)
        .fetch_all(&mut database)
        .await?;
    let mut tokens = Vec::new();
    for (family, salt) in rows {
        let token = key.derive(&FamilyId::new(family), &salt, 0).ok_or("not a family id")?;
        tokens.push(token.expose().to_owned());
    }
    let each = tokens.len().div_ceil(connections).max(1);
    let actors = tokens.chunks(each).enumerate().map(|(number, own)| {
        Actor::Refresher(Refresher::new(&place.world.rs256, own.to_vec(), number))
    });
    Ok(Crowd { places: vec![place.server.address], actors: actors.collect() })
}

async fn pair(url: &str, sql: &'static str) -> Result<(i64, i64)> {
    let mut connection = PgConnection::connect(url).await?;
    Ok(sqlx::query_as(sql).fetch_one(&mut connection).await?)
}

async fn sizes(url: &str) -> Result<String> {
    const SIZES: &str = "SELECT pg_size_pretty(pg_database_size(current_database())),
        pg_size_pretty(pg_table_size('refresh_token_family')),
        pg_size_pretty(pg_indexes_size('refresh_token_family'))";
    let mut connection = PgConnection::connect(url).await?;
    let (all, table, indexes): (String, String, String) =
        sqlx::query_as(SIZES).fetch_one(&mut connection).await?;
    Ok(format!("{all}; refresh_token_family {table}, its indexes {indexes}"))
}
