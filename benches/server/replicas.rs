//! Two servers on one Postgres: how much more than one, and whether a refresh token that is retried
//! on both at once stays one lineage.

use std::{fs, path::PathBuf};

use sqlx::Connection as _;

use crate::{
    Options, Result,
    browser::{Person, Tokens},
    http::{Connection, Request},
    machine,
    place::Place,
    postgres::Cluster,
    report::{median, range},
    site::Server,
    target::Target,
    workloads::{Kind, all},
    world::USERS,
};

/// How much CPU a process may use, so that two of them and a database fit on a small machine (cgroups
/// 1 and 2). Goes when this is dropped, if the process has ended.
struct Limit {
    folder: PathBuf,
}

impl Drop for Limit {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}

impl Limit {
    /// A quarter of a core. Short periods, so that nobody waits long for the next one.
    fn quarter_of_a_core(process: u32) -> Result<Self> {
        let name = format!("doorward-bench-{process}");
        let (old, new) = (PathBuf::from("/sys/fs/cgroup/cpu"), PathBuf::from("/sys/fs/cgroup"));
        let is_old = old.join("cpu.cfs_quota_us").exists();
        let limit = Self { folder: if is_old { old } else { new }.join(name) };
        // One that was left behind does as well.
        fs::create_dir_all(&limit.folder)?;
        if is_old {
            fs::write(limit.folder.join("cpu.cfs_period_us"), "10000")?;
            fs::write(limit.folder.join("cpu.cfs_quota_us"), "2500")?;
        } else {
            fs::write(limit.folder.join("cpu.max"), "2500 10000")?;
        }
        fs::write(limit.folder.join("cgroup.procs"), process.to_string())?;
        Ok(limit)
    }
}

/// `--replicas`
pub async fn run(options: &Options) -> Result<()> {
    // Before what they limit, so that they are dropped after it.
    let mut limits = Vec::new();
    let cluster = Cluster::start(&options.folder())?;
    println!("{}\n", machine::text(&machine::describe(&cluster, &options.folder())));
    let place = Place::on(options, Some((&cluster, "doorward"))).await?;
    let other = place.site.start_another().await?;
    for server in [&place.server, &other] {
        match Limit::quarter_of_a_core(server.id()) {
            Ok(limit) => limits.push(limit),
            Err(why) => println!("a server is not limited: {why}"),
        }
    }
    match limits.len() {
        2 => println!("each server may use a quarter of a core, so that Postgres is not the limit"),
        _ => println!("read the ratios only with so many cores that Postgres is not the limit"),
    }
    let kinds = [Kind::Refresh, Kind::RefreshEs256, Kind::Machine];
    for workload in all().iter().filter(|w| kinds.contains(&w.kind) && w.connections.is_none()) {
        if workload.name.ends_with("sqlite") {
            continue;
        }
        let mut crowd = workload.crowd(&place.world, &place.server, options.connections).await?;
        let both = place.target_of(vec![place.server.id(), other.id()]).await?;
        let (mut one, mut two) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds() {
            crowd.places = vec![place.server.address];
            one.push(throughput(options, &mut crowd, &both).await?);
            crowd.places = vec![place.server.address, other.address];
            two.push(throughput(options, &mut crowd, &both).await?);
        }
        let gain: Vec<_> = one.iter().zip(&two).map(|(one, two)| two / one).collect();
        let (low, high) = range(&gain);
        println!(
            "{:28} one {:6.0}/s  two {:6.0}/s  ratio {:.2} ({low:.2}..{high:.2}, at least 1.8)",
            workload.name,
            median(&one),
            median(&two),
            median(&gain)
        );
    }
    retry_on_both(&place, &other).await
}

async fn throughput(
    options: &Options,
    crowd: &mut crate::load::Crowd,
    both: &Target,
) -> Result<f64> {
    let times = options.times();
    let phase = crowd.closed_loop(times.warm_up, times.load, || both.read()).await?;
    Ok(phase.requests as f64 / phase.wall.as_secs_f64())
}

/// Everybody sends each refresh token to both servers at once, many times over. Both must answer
/// with the same successor, and nothing may be revoked.
async fn retry_on_both(place: &Place, other: &Server) -> Result<()> {
    const TIMES: i64 = 50;
    let mut people = tokio::task::JoinSet::new();
    let application = &place.world.retry;
    for user in 0..USERS {
        let addresses = (place.server.address, other.address);
        let application = application.clone();
        people.spawn(async move {
            let (mut here, mut there) = (Connection::to(addresses.0), Connection::to(addresses.1));
            let mut token = Person::new(user, &application).refresh_token(&mut here).await?;
            for _ in 0..TIMES {
                let form = [
                    ("grant_type", "refresh_token"),
                    ("client_id", application.client_id.as_str()),
                    ("refresh_token", token.as_str()),
                ];
                let request = Request::form("/oauth/token", &form);
                let (one, two) = tokio::join!(here.send(request.clone()), there.send(request));
                let (one, two) = (one?.expect(200)?, two?.expect(200)?);
                let successor = |body| -> Result<String> {
                    let tokens: Tokens<'_> = serde_json::from_slice(body)?;
                    Ok(tokens.refresh_token.ok_or("no refresh token")?.to_owned())
                };
                let (one, two) = (successor(&one.body)?, successor(&two.body)?);
                if one != two || one == token {
                    return Err("two servers gave different successors".into());
                }
                token = one;
            }
            Result::<_>::Ok(())
        });
    }
    for done in people.join_all().await {
        done?;
    }
    const FAMILIES: &str = "SELECT COUNT(*), COUNT(revoked_at), MIN(generation), MAX(generation)
        FROM refresh_token_family WHERE client_id = $1";
    let url = place.site.database.as_deref().ok_or("no database")?;
    let mut connection = sqlx::PgConnection::connect(url).await?;
    let found: (i64, i64, i64, i64) =
        sqlx::query_as(FAMILIES).bind(&application.client_id).fetch_one(&mut connection).await?;
    let expected = (i64::try_from(USERS)?, 0, TIMES, TIMES);
    if found != expected {
        return Err(format!("families, revoked, generations: {found:?}, not {expected:?}").into());
    }
    println!(
        "retried on both at once: {USERS} refresh tokens, {TIMES} times each: one lineage each, \
         none revoked"
    );
    Ok(())
}
