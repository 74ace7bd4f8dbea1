//! How long a server takes from its start to the first token, and how much it takes when idle.

use std::{fs, path::Path, time::Duration};

use crate::{
    Options, Result, clock,
    http::Connection,
    machine,
    place::Place,
    postgres::Cluster,
    process,
    report::{median, range},
    site::Site,
    world::first_token,
};

/// From the start of the process to the first token on what is there already: asked for every
/// millisecond.
pub async fn to_first_token(site: &Site) -> Result<Duration> {
    let request = first_token(&format!("{}api/v2/", site.issuer()));
    let began = clock::now();
    let server = site.spawn()?;
    let mut http = Connection::to(server.address);
    loop {
        if http.send(request.clone()).await.is_ok_and(|answer| answer.status == 200) {
            let took = began.elapsed();
            server.stop().await?;
            return Ok(took);
        }
        if began.elapsed() > Duration::from_secs(60) {
            return Err("no token within a minute".into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The same several times.
pub async fn several(site: &Site, times: usize) -> Result<Vec<Duration>> {
    let mut all = Vec::new();
    for _ in 0..times {
        all.push(to_first_token(site).await?);
    }
    Ok(all)
}

/// `--start`
pub async fn run(options: &Options) -> Result<()> {
    let binary = options.binary();
    let stripped = if is_stripped(&binary)? { "stripped" } else { "with symbols" };
    println!("binary: {:.1} MB, {stripped}", fs::metadata(&binary)?.len() as f64 / 1e6);
    let cluster = Cluster::start(&options.folder())?;
    println!("{}\n", machine::text(&machine::describe(&cluster, &options.folder())));
    for (name, database) in [("Postgres", Some((&cluster, "doorward"))), ("SQLite", None)] {
        let site = Place::on(options, database).await?.stop().await?;
        let took = several(&site, 10).await?;
        let millis: Vec<_> = took.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        let (low, high) = range(&millis);
        let server = site.start().await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let memory = process::memory(server.id())?;
        println!(
            "{name:8}  start to first token {:.1} ms ({low:.1}..{high:.1}, at most 150)  \
             memory when idle {:.1} MB, {:.1} MB of them the server's own",
            median(&millis),
            memory.resident as f64 / 1e6,
            memory.own as f64 / 1e6,
        );
    }
    Ok(())
}

/// Whether the symbol table is gone (ELF, section `.symtab`).
fn is_stripped(binary: &Path) -> Result<bool> {
    let (bytes, name) = (fs::read(binary)?, b"\0.symtab\0");
    Ok(!bytes.windows(name.len()).any(|window| window == name))
}
