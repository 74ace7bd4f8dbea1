//! Half of what the server can do, for a long time: whether memory, tables and indexes grow.

use std::{fs, time::Duration};

use sqlx::{Connection, PgConnection};

use crate::{
    Options, Result, clock,
    load::percentile,
    machine,
    place::Place,
    plot::{self, Curve},
    postgres::Cluster,
    process,
    workloads::all,
    written_to,
};

/// What is looked at every ten seconds.
#[derive(Debug, Clone, Copy)]
struct Look {
    seconds: f64,
    resident: f64,
    families: f64,
    table: f64,
    indexes: f64,
    dead: f64,
    updates: f64,
    hot: f64,
}

const EVERY: Duration = Duration::from_secs(10);

/// `--soak MINUTES`
pub async fn run(options: &Options, minutes: f64) -> Result<()> {
    let cluster = Cluster::start(&options.folder())?;
    println!("{}\n", machine::text(&machine::describe(&cluster, &options.folder())));
    let place = Place::on(options, Some((&cluster, "doorward"))).await?;
    let workload = all().into_iter().find(|w| w.name == "mix-postgres").ok_or("gone")?;
    let connections = workload.connections.unwrap_or(options.connections);
    let mut crowd = workload.crowd(&place.world, &place.server, connections).await?;
    let (warm_up, trial) = (Duration::from_secs(2), Duration::from_secs(8));
    let phase = crowd.closed_loop(warm_up, trial, || async { Ok(()) }).await?;
    let rate = phase.requests as f64 / phase.wall.as_secs_f64() / 2.0;
    println!("the mix at {rate:.0} a second, half of what it can do, for {minutes} minutes");
    let time = Duration::from_secs_f64(minutes * 60.0);
    let (latencies, looks) = tokio::join!(crowd.paced(rate, time), watch(&place, time));
    let (mut latencies, looks) = (latencies?, looks?);
    latencies.sort();
    let millis = |percent| percentile(&latencies, percent).as_secs_f64() * 1e3;
    println!(
        "{} requests, none failed; p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms",
        latencies.len(),
        millis(50.0),
        millis(95.0),
        millis(99.0)
    );
    compare(&looks);
    let curve = |name, of: fn(&Look) -> f64| Curve {
        name,
        points: looks.iter().map(|look| (look.seconds / 60.0, of(look))).collect(),
    };
    let curves = [
        curve("resident memory, MB", |l| l.resident / 1e6),
        curve("refresh_token_family, bytes a row", |l| l.table / l.families),
        curve("its indexes, bytes a row", |l| l.indexes / l.families),
        curve("dead rows", |l| l.dead),
    ];
    let file = written_to("soak.svg")?;
    fs::write(&file, plot::curves("Soak: the mix at half load", "minutes", &curves))?;
    println!("written: {}", file.display());
    Ok(())
}

async fn watch(place: &Place, time: Duration) -> Result<Vec<Look>> {
    let url = place.site.database.as_deref().ok_or("no database")?;
    let mut database = PgConnection::connect(url).await?;
    let (began, mut looks) = (clock::now(), Vec::new());
    while began.elapsed() < time {
        looks.push(look(place, &mut database, began.elapsed()).await?);
        let next = EVERY * u32::try_from(looks.len())?;
        tokio::time::sleep(next.saturating_sub(began.elapsed())).await;
    }
    Ok(looks)
}

async fn look(place: &Place, database: &mut PgConnection, at: Duration) -> Result<Look> {
    const LOOK: &str = "SELECT (SELECT COUNT(*) FROM refresh_token_family)::float8,
        pg_table_size('refresh_token_family')::float8, pg_indexes_size('refresh_token_family')::float8,
        n_dead_tup::float8, n_tup_upd::float8, n_tup_hot_upd::float8
        FROM pg_stat_user_tables WHERE relname = 'refresh_token_family'";
    let (families, table, indexes, dead, updates, hot) =
        sqlx::query_as(LOOK).fetch_one(database).await?;
    let resident = process::memory(place.server.id())?.resident as f64;
    Ok(Look { seconds: at.as_secs_f64(), resident, families, table, indexes, dead, updates, hot })
}

fn compare(looks: &[Look]) {
    let quarter = (looks.len() / 4).max(1);
    let (first, last) = (looks.get(..quarter), looks.get(looks.len().saturating_sub(quarter)..));
    let (first, last) = (first.unwrap_or(looks), last.unwrap_or(looks));
    let mean = |of: fn(&Look) -> f64, looks: &[Look]| {
        looks.iter().map(of).sum::<f64>() / (looks.len() as f64).max(1.0)
    };
    println!("{:36} {:>14} {:>14} {:>7}", "mean of", "first quarter", "last quarter", "ratio");
    type Of = fn(&Look) -> f64;
    let figures: [(&str, Of); 6] = [
        ("resident memory, MB", |l| l.resident / 1e6),
        ("families", |l| l.families),
        ("refresh_token_family, bytes a row", |l| l.table / l.families),
        ("its indexes, bytes a row", |l| l.indexes / l.families),
        ("dead rows", |l| l.dead),
        ("HOT updates, %", |l| 100.0 * l.hot / l.updates.max(1.0)),
    ];
    for (name, of) in figures {
        let (first, last) = (mean(of, first), mean(of, last));
        println!("{name:36} {first:>14.1} {last:>14.1} {:>7.2}", last / first);
    }
}
