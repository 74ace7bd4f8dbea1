//! Plots as SVG, written by hand: bars of what is reached, and curves over time.

use std::fmt::Write;

use crate::{goals::Goal, report::range};

const FONT: &str = "font-family=\"system-ui, sans-serif\"";
const INK: &str = "#1f2430";
const FAINT: &str = "#d9dde5";
const MET: &str = "#2f7d5b";
const MISSED: &str = "#b4552d";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn begin(width: f64, height: f64, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" {FONT} font-size=\"13\" fill=\"{INK}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"20\" y=\"30\" font-size=\"17\" font-weight=\"600\">{}</text>\n",
        escaped(title)
    )
}

const LEFT: f64 = 340.0;
const SCALE: f64 = 300.0;
const ROW: f64 = 34.0;

/// A bar for each goal. Each has a scale of its own: its target stands at the same place in all.
pub fn goals(title: &str, subtitle: &str, goals: &[Goal]) -> String {
    let height = 96.0 + ROW * goals.len() as f64;
    let mut svg = begin(980.0, height, title);
    let _ = writeln!(svg, "<text x=\"20\" y=\"52\" fill=\"#5b6475\">{}</text>", escaped(subtitle));
    for (row, goal) in goals.iter().enumerate() {
        let y = 72.0 + ROW * row as f64;
        let at = |value: f64| LEFT + (value / goal.bound * SCALE).min(SCALE * 1.35);
        let (value, (low, high)) = (goal.median(), range(&goal.values));
        let colour = if goal.is_met() { MET } else { MISSED };
        let sign = if goal.at_least { "≥" } else { "≤" };
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{}\" height=\"20\" rx=\"2\" fill=\"{colour}\"/>\n\
             <line x1=\"{}\" x2=\"{}\" y1=\"{mid}\" y2=\"{mid}\" stroke=\"{INK}\" stroke-opacity=\"0.55\"/>\n\
             <line x1=\"{target}\" x2=\"{target}\" y1=\"{}\" y2=\"{}\" stroke=\"{INK}\" stroke-width=\"2\"/>\n\
             <text x=\"{}\" y=\"{}\">{value:.2}{unit} <tspan fill=\"#5b6475\">({sign} {}{unit}{})</tspan></text>",
            LEFT - 12.0,
            y + 15.0,
            escaped(goal.name),
            (at(value) - LEFT).max(1.0),
            at(low),
            at(high),
            y - 4.0,
            y + 24.0,
            LEFT + SCALE * 1.35 + 12.0,
            y + 15.0,
            goal.bound,
            if goal.is_met() { "" } else { ", missed" },
            mid = y + 10.0,
            target = LEFT + SCALE,
            unit = goal.unit,
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" fill=\"#5b6475\">the upright line is the target; the thin one spans \
         the rounds</text>\n</svg>",
        LEFT,
        height - 12.0
    );
    svg
}

/// A line over time.
pub struct Curve {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
}

const SIDE: f64 = 70.0;
const WIDTH: f64 = 780.0;
const HIGH: f64 = 110.0;
const STEP: f64 = 165.0;

/// One below the other, each from zero.
pub fn curves(title: &str, over: &str, curves: &[Curve]) -> String {
    let height = 60.0 + STEP * curves.len() as f64;
    let mut svg = begin(900.0, height, title);
    for (row, curve) in curves.iter().enumerate() {
        let top = 70.0 + STEP * row as f64;
        let bottom = top + HIGH;
        let most = curve.points.iter().fold(0.0_f64, |most, point| most.max(point.1)) * 1.1;
        let end = curve.points.last().map_or(1.0, |point| point.0).max(1e-9);
        let mut line = String::new();
        for (x, y) in &curve.points {
            let (x, y) = (SIDE + x / end * WIDTH, bottom - y / most.max(1e-9) * HIGH);
            let _ = write!(line, "{x:.1},{y:.1} ");
        }
        let _ = writeln!(
            svg,
            "<text x=\"{SIDE}\" y=\"{}\" font-weight=\"600\">{}</text>\n\
             <line x1=\"{SIDE}\" x2=\"{}\" y1=\"{bottom}\" y2=\"{bottom}\" stroke=\"{FAINT}\"/>\n\
             <line x1=\"{SIDE}\" x2=\"{}\" y1=\"{top}\" y2=\"{top}\" stroke=\"{FAINT}\"/>\n\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{most:.0}</text>\n\
             <text x=\"{}\" y=\"{bottom}\" text-anchor=\"end\">0</text>\n\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{end:.1} {}</text>\n\
             <polyline points=\"{line}\" fill=\"none\" stroke=\"{MET}\" stroke-width=\"2\"/>",
            top - 8.0,
            escaped(curve.name),
            SIDE + WIDTH,
            SIDE + WIDTH,
            SIDE - 8.0,
            top + 5.0,
            SIDE - 8.0,
            SIDE + WIDTH,
            bottom + 17.0,
            escaped(over),
        );
    }
    svg.push_str("</svg>\n");
    svg
}
