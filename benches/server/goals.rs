//! The ratios that are asked for, and what was reached.

use crate::{
    report::{Report, median},
    sample::Sample,
    workloads::Workload,
};

/// A ratio that is asked for.
pub struct Goal {
    pub name: &'static str,
    pub values: Vec<f64>,
    pub bound: f64,
    /// `false`: at most.
    pub at_least: bool,
    /// What is aimed at beyond the bound.
    pub aim: Option<f64>,
    pub unit: &'static str,
}

impl Goal {
    pub fn median(&self) -> f64 {
        median(&self.values)
    }
    pub fn is_met(&self) -> bool {
        if self.at_least { self.median() >= self.bound } else { self.median() <= self.bound }
    }
}

/// Every ratio that was measured.
pub fn of(report: &Report) -> Vec<Goal> {
    let mut goals = of_floors(report);
    goals.extend(of_databases(report));
    goals.extend(of_processes(report));
    goals.retain(|goal| !goal.values.is_empty());
    goals
}

fn at_least(name: &'static str, values: Vec<f64>, bound: f64, aim: Option<f64>) -> Goal {
    Goal { name, values, bound, at_least: true, aim, unit: "" }
}

fn at_most(name: &'static str, values: Vec<f64>, bound: f64, unit: &'static str) -> Goal {
    Goal { name, values, bound, at_least: false, aim: None, unit }
}

fn of_floors(report: &Report) -> Vec<Goal> {
    let ratios = |name| report.ratios(name);
    let own = report.signing.iter().map(|(rs256, _)| *rs256).collect();
    vec![
        at_least(
            "refresh RS256, Postgres ÷ (signatures ÷ 2)",
            ratios("refresh-rs256-postgres"),
            0.75,
            Some(0.90),
        ),
        at_least(
            "client credentials RS256 ÷ signatures",
            ratios("client-credentials-rs256"),
            0.88,
            Some(0.95),
        ),
        at_least(
            "refresh ES256, Postgres ÷ (signatures ÷ 2)",
            ratios("refresh-es256-postgres"),
            0.35,
            Some(0.45),
        ),
        at_least("password logins ÷ hashes", ratios("login"), 0.92, None),
        at_most("own signing ÷ bare signature, RS256", own, 1.05, ""),
    ]
}

fn of_databases(report: &Report) -> Vec<Goal> {
    let refreshes = report.samples("refresh-rs256-postgres").iter().zip(&report.rotation);
    let rotations = refreshes.map(|(sample, (rotation, _))| {
        sample.each(sample.database) / (rotation.as_secs_f64() * 1e6)
    });
    let embedded =
        report.quotients("refresh-rs256-sqlite", "refresh-rs256-postgres", Sample::per_cpu_second);
    let grouped = report.commits.iter().map(|(one, many)| many / one).collect();
    vec![
        at_most("Postgres CPU of a refresh ÷ of a rotation", rotations.collect(), 1.3, ""),
        at_least("refresh RS256, SQLite ÷ Postgres", embedded, 0.70, None),
        at_least("rotations on SQLite, 64 who wait ÷ one at a time", grouped, 5.0, None),
    ]
}

fn of_processes(report: &Report) -> Vec<Goal> {
    let memory = |name| {
        let megabytes =
            |s: &Sample| s.memory.peak.saturating_sub(report.hashing_memory) as f64 / 1e6;
        report.samples(name).iter().map(megabytes).collect()
    };
    let mut goals = vec![
        at_most("peak memory of the mix, Postgres", memory("mix-postgres"), 60.0, " MB"),
        at_most("peak memory of the mix, SQLite", memory("mix-sqlite"), 60.0, " MB"),
    ];
    for (backend, took) in &report.start {
        let millis = took.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        let name = match *backend {
            "postgres" => "start to first token, Postgres",
            _ => "start to first token, SQLite",
        };
        goals.push(at_most(name, millis, 150.0, " ms"));
    }
    goals
}

impl Report {
    fn samples(&self, name: &str) -> &[Sample] {
        let found = self.rows.iter().find(|(workload, _)| workload.name == name);
        found.map_or(&[], |(_, samples)| samples)
    }

    fn ratios(&self, name: &str) -> Vec<f64> {
        let row = self.rows.iter().find(|(workload, _)| workload.name == name);
        let of = |(workload, samples): &(Workload, Vec<Sample>)| {
            samples.iter().filter_map(|sample| sample.ratio(workload)).collect()
        };
        row.map(of).unwrap_or_default()
    }

    /// One figure by another, round by round.
    fn quotients(&self, name: &str, by: &str, of: fn(&Sample) -> f64) -> Vec<f64> {
        let (above, below) = (self.samples(name), self.samples(by));
        above.iter().zip(below).map(|(a, b)| of(a) / of(b)).collect()
    }
}
