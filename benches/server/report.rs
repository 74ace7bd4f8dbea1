//! What was measured, as a table, as JSON and as a list of the ratios that are asked for.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    commits,
    goals::{self, Goal},
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
    /// Per round: rotations a second on SQLite, one at a time and of many who wait.
    pub commits: Vec<(f64, f64)>,
    /// Memory that password hashes may take at once, in bytes.
    pub hashing_memory: u64,
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
        lines.extend(self.floors());
        lines.push(String::new());
        let head = ("asked for", "median", "min..max", "target");
        lines.push(format!("{:46} {:>9} {:>19}   {:>9}", head.0, head.1, head.2, head.3));
        lines.extend(goals::of(self).iter().map(reached));
        lines.join("\n")
    }

    fn floors(&self) -> Vec<String> {
        let mut lines = Vec::new();
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
        if !self.commits.is_empty() {
            let (one, many): (Vec<_>, Vec<_>) = self.commits.iter().copied().unzip();
            lines.push(format!(
                "rotations on SQLite, each durable: {:.0} a second one at a time, {:.0} of {} who wait",
                median(&one),
                median(&many),
                commits::MANY
            ));
        }
        if !self.signing.is_empty() {
            let es256: Vec<_> = self.signing.iter().map(|(_, es256)| *es256).collect();
            lines.push(format!("own signing ÷ bare signature, ES256: {:.3}", median(&es256)));
        }
        lines
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
        let goals: Vec<_> = goals::of(self)
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

fn reached(goal: &Goal) -> String {
    let (low, high) = range(&goal.values);
    let aim = goal.aim.map(|aim| {
        let met = if goal.median() >= aim { ", met" } else { "" };
        format!(" (aim {aim}{met})")
    });
    format!(
        "{:46} {:>9.3} {:>19}   {} {:<6} {}{}",
        goal.name,
        goal.median(),
        format!("{low:.3}..{high:.3}"),
        if goal.at_least { "≥" } else { "≤" },
        format!("{}{}", goal.bound, goal.unit),
        if goal.is_met() { "met" } else { "NOT MET" },
        aim.unwrap_or_default(),
    )
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
