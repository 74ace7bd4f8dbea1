//! What was measured, as a table, as JSON and as a list of the ratios that are asked for.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    load::percentile,
    sample::Sample,
    workloads::{Backend, Workload},
};

/// Everything of one run.
#[derive(Default)]
pub struct Report {
    pub rows: Vec<(Workload, Vec<Sample>)>,
    /// Per round: what our own code adds to a signature, RS256 and ES256.
    pub signing: Vec<(f64, f64)>,
    /// Per round: CPU of Postgres for a rotation alone, and its rate; at the default concurrency.
    pub rotation: Vec<(Duration, f64)>,
    /// From the start of the process to the first token: Postgres, SQLite.
    pub start: Vec<(&'static str, Vec<Duration>)>,
    /// Memory that password hashes may take at once, in bytes.
    pub hashing_memory: u64,
}

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

/// The middle one; of an even number, the mean of the middle two.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |i: usize| sorted.get(i).copied().unwrap_or(f64::NAN);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        at(middle)
    } else {
        f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
    }
}

/// The smallest and the largest.
pub fn range(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
}

fn over(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> Vec<f64> {
    samples.iter().map(of).collect()
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

    /// Every ratio that is asked for and was measured.
    pub fn goals(&self) -> Vec<Goal> {
        let least =
            |name, values, bound, aim| Goal { name, values, bound, at_least: true, aim, unit: "" };
        let most = |name, values, bound, unit| Goal {
            name,
            values,
            bound,
            at_least: false,
            aim: None,
            unit,
        };
        let refreshes = self.samples("refresh-rs256-postgres").iter().zip(&self.rotation);
        let database = refreshes.map(|(sample, (rotation, _))| {
            sample.each(sample.database) / (rotation.as_secs_f64() * 1e6)
        });
        let memory = |name| {
            let megabytes =
                |s: &Sample| s.memory.peak.saturating_sub(self.hashing_memory) as f64 / 1e6;
            over(self.samples(name), megabytes)
        };
        let own = |of: fn(&(f64, f64)) -> f64| self.signing.iter().map(of).collect::<Vec<_>>();
        let mut goals = vec![
            least(
                "refresh RS256, Postgres ÷ (signatures ÷ 2)",
                self.ratios("refresh-rs256-postgres"),
                0.75,
                Some(0.90),
            ),
            least(
                "client credentials RS256 ÷ signatures",
                self.ratios("client-credentials-rs256"),
                0.88,
                Some(0.95),
            ),
            least(
                "refresh ES256, Postgres ÷ (signatures ÷ 2)",
                self.ratios("refresh-es256-postgres"),
                0.35,
                Some(0.45),
            ),
            most("own signing ÷ bare signature, RS256", own(|(rs256, _)| *rs256), 1.05, ""),
            most("Postgres CPU of a refresh ÷ of a rotation", database.collect(), 1.3, ""),
            least(
                "refresh RS256, SQLite ÷ Postgres",
                self.quotients(
                    "refresh-rs256-sqlite",
                    "refresh-rs256-postgres",
                    Sample::per_cpu_second,
                ),
                0.70,
                None,
            ),
            least(
                "SQLite at 64 connections ÷ one at a time",
                self.quotients(
                    "refresh-es256-sqlite-64",
                    "refresh-es256-sqlite-1",
                    Sample::per_second,
                ),
                5.0,
                None,
            ),
            least("password logins ÷ hashes", self.ratios("login"), 0.92, None),
            most("peak memory of the mix, Postgres", memory("mix-postgres"), 60.0, " MB"),
            most("peak memory of the mix, SQLite", memory("mix-sqlite"), 60.0, " MB"),
        ];
        for (backend, took) in &self.start {
            let millis = took.iter().map(|time| time.as_secs_f64() * 1e3).collect();
            let name = match *backend {
                "postgres" => "start to first token, Postgres",
                _ => "start to first token, SQLite",
            };
            goals.push(most(name, millis, 150.0, " ms"));
        }
        goals.retain(|goal| !goal.values.is_empty());
        goals
    }

    /// The tables that are printed.
    pub fn text(&self) -> String {
        let mut lines = vec![format!(
            "{:26} {:>9} {:>9} {:>6} {:>9} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>8} {:>7} {:>7}",
            "workload",
            "req/CPU-s",
            "floor",
            "ratio",
            "req/s",
            "srv µs",
            "cli µs",
            "db µs",
            "WAL B",
            "wr B",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "RSS MB",
            "peak MB"
        )];
        for (workload, samples) in &self.rows {
            lines.push(line(workload, samples));
        }
        lines.push(String::new());
        if !self.rotation.is_empty() {
            let micros: Vec<_> =
                self.rotation.iter().map(|(cpu, _)| cpu.as_secs_f64() * 1e6).collect();
            let rates: Vec<_> = self.rotation.iter().map(|(_, rate)| *rate).collect();
            lines.push(format!(
                "rotation alone (pgbench): {:.0} µs of Postgres CPU, {:.0} a second",
                median(&micros),
                median(&rates)
            ));
        }
        let es256: Vec<_> = self.signing.iter().map(|(_, es256)| *es256).collect();
        if !es256.is_empty() {
            lines.push(format!("own signing ÷ bare signature, ES256: {:.3}", median(&es256)));
        }
        lines.push(String::new());
        lines.push(format!(
            "{:46} {:>9} {:>19}   {:>9}",
            "asked for", "median", "min..max", "target"
        ));
        for goal in self.goals() {
            let (low, high) = range(&goal.values);
            lines.push(format!(
                "{:46} {:>9.3} {:>19}   {} {:<6} {}{}",
                goal.name,
                goal.median(),
                format!("{low:.3}..{high:.3}"),
                if goal.at_least { "≥" } else { "≤" },
                format!("{}{}", goal.bound, goal.unit),
                if goal.is_met() { "met" } else { "NOT MET" },
                goal.aim
                    .map(|aim| format!(
                        " (aim {aim}{})",
                        if goal.median() >= aim { ", met" } else { "" }
                    ))
                    .unwrap_or_default(),
            ));
        }
        lines.join("\n")
    }

    pub fn json(&self) -> Value {
        let rows: Vec<_> = self.rows.iter().map(|(workload, samples)| {
            json!({
                "workload": workload.name,
                "database": match workload.backend { Backend::Postgres => "postgres", Backend::Sqlite => "sqlite" },
                "connections": workload.connections,
                "rounds": samples.iter().map(|sample| sample.json(workload)).collect::<Vec<_>>(),
            })
        }).collect();
        let goals: Vec<_> = self
            .goals()
            .iter()
            .map(|goal| {
                json!({
                    "name": goal.name, "rounds": goal.values, "median": goal.median(),
                    "bound": goal.bound, "at_least": goal.at_least, "aim": goal.aim,
                    "unit": goal.unit.trim(), "met": goal.is_met(),
                })
            })
            .collect();
        json!({
            "workloads": rows,
            "goals": goals,
            "rotation_alone": self.rotation.iter().map(|(cpu, rate)| {
                json!({ "postgres_cpu_us": cpu.as_secs_f64() * 1e6, "per_s": rate })
            }).collect::<Vec<_>>(),
            "own_signing": self.signing.iter().map(|(rs256, es256)| {
                json!({ "RS256": rs256, "ES256": es256 })
            }).collect::<Vec<_>>(),
        })
    }
}

fn line(workload: &Workload, samples: &[Sample]) -> String {
    let middle = |of: &dyn Fn(&Sample) -> f64| median(&over(samples, of));
    let maybe = |values: Vec<f64>, digits: usize| match values.is_empty() {
        true => "-".to_owned(),
        false => format!("{:.digits$}", median(&values)),
    };
    let mut latencies: Vec<_> = samples.iter().flat_map(|s| s.latencies.clone()).collect();
    latencies.sort();
    let millis = |percent| percentile(&latencies, percent).as_secs_f64() * 1e3;
    format!(
        "{:26} {:>9.0} {:>9} {:>6} {:>9.0} {:>7.0} {:>7.0} {:>7.0} {:>7.0} {:>7.0} {:>7.2} {:>7.2} {:>8.2} {:>7.1} {:>7.1}",
        workload.name,
        middle(&Sample::per_cpu_second),
        maybe(samples.iter().filter_map(|s| s.possible(workload)).collect(), 0),
        maybe(samples.iter().filter_map(|s| s.ratio(workload)).collect(), 3),
        middle(&Sample::per_second),
        middle(&|s| s.each(s.server)),
        middle(&|s| s.each(s.client)),
        middle(&|s| s.each(s.database)),
        middle(&Sample::wal_each),
        middle(&Sample::written_each),
        millis(50.0),
        millis(95.0),
        millis(99.0),
        middle(&|s| s.memory.resident as f64 / 1e6),
        middle(&|s| s.memory.peak as f64 / 1e6),
    )
}
