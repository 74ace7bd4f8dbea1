//! The table: every workload, round by round.

use std::{fs, time::Duration};

use serde_json::Value;

use crate::{
    Options, Result, commits, floors,
    floors::Floors,
    goals,
    load::Crowd,
    machine,
    place::Place,
    plot,
    postgres::Cluster,
    report::Report,
    rotation,
    sample::Sample,
    start, workloads,
    workloads::{Backend, Workload},
    world::Alg,
    written_to,
};

const DATABASE: &str = "doorward";

/// Without a mode.
pub async fn run(options: &Options) -> Result<()> {
    let wanted: Vec<_> = workloads::all().into_iter().filter(|w| options.includes(w)).collect();
    if wanted.is_empty() {
        let names: Vec<_> = workloads::all().iter().map(|w| w.name).collect();
        return Err(format!("no such workload; there are {}", names.join(", ")).into());
    }
    eprintln!("starting Postgres and two servers, making users …");
    let (times, floors) = (options.times(), Floors::new()?);
    let cluster = Cluster::start(&options.folder())?;
    let machine = machine::describe(&cluster, &options.folder());
    println!("{}\n", machine::text(&machine));
    let postgres = Place::on(options, Some((&cluster, DATABASE))).await?;
    let sqlite = Place::on(options, None).await?;
    rotation::prepare(&postgres.target, &postgres.world).await?;
    let place_of = |workload: &Workload| match workload.backend {
        Backend::Postgres => &postgres,
        Backend::Sqlite => &sqlite,
    };
    let mut report =
        Report { hashing_memory: floors::cores() as u64 * 19_456 * 1024, ..Report::default() };
    let mut crowds: Vec<Crowd> = Vec::new();
    for workload in &wanted {
        let place = place_of(workload);
        let connections = workload.connections.unwrap_or(options.connections);
        crowds.push(workload.crowd(&place.world, &place.server, connections).await?);
        report.rows.push((*workload, Vec::new()));
    }
    for round in 1..=options.rounds() {
        for (row, crowd) in crowds.iter_mut().enumerate() {
            let Some((workload, samples)) = report.rows.get_mut(row) else { continue };
            eprintln!("round {round}: {}", workload.name);
            let place = place_of(workload);
            let about = (&place.target, &place.world);
            // One statement alone, before and after what is compared with it.
            let rotation = async || {
                let time = times.load.min(Duration::from_secs(2));
                let at = (&postgres.target, DATABASE);
                rotation::measure(&cluster, at, options.connections, time).await
            };
            let before = match workload.name {
                "refresh-rs256-postgres" => Some(rotation().await?),
                _ => None,
            };
            let sample = Sample::take(workload, crowd, about, &floors, times).await;
            let failed = |why| place.site.with_log(&format!("{}: {why}", workload.name));
            samples.push(sample.map_err(failed)?);
            if let Some(before) = before {
                let after = rotation().await?;
                let rate = f64::midpoint(before.1, after.1);
                report.rotation.push(((before.0 + after.0) / 2, rate));
            }
        }
        let own = |alg| floors.own_signing(alg, times.floor.mul_f64(2.0));
        report.signing.push((own(Alg::Rs256)?, own(Alg::Es256)?));
    }
    if options.only.is_empty() {
        eprintln!("starting again …");
        let times = if options.quick { 3 } else { 5 };
        for (name, place) in [("postgres", postgres), ("sqlite", sqlite)] {
            let site = place.stop().await?;
            report.start.push((name, start::several(&site, times).await?));
            if site.database.is_none() {
                for _ in 0..options.rounds() {
                    report.commits.push(commits::measure(&site, options.times().load).await?);
                }
            }
        }
    }
    println!("{}", report.text());
    write(options, &report, machine)
}

/// The same for programs and for the eye.
fn write(options: &Options, report: &Report, machine: Value) -> Result<()> {
    let mut json = report.json();
    let subtitle = format!(
        "{}, {} cores, {}; rounds: {}",
        machine["cpu"].as_str().unwrap_or("?"),
        machine["cores"],
        machine["postgres"].as_str().unwrap_or("?"),
        options.rounds(),
    );
    if let Some(members) = json.as_object_mut() {
        members.insert("machine".to_owned(), machine);
        members.insert("connections".to_owned(), options.connections.into());
    }
    let (table, picture) = (written_to("server.json")?, written_to("server.svg")?);
    fs::write(&table, serde_json::to_string_pretty(&json)?)?;
    let title = "Doorward: what is reached, by what is asked for";
    fs::write(&picture, plot::goals(title, &subtitle, &goals::of(report)))?;
    println!("\nwritten: {}, {}", table.display(), picture.display());
    Ok(())
}
