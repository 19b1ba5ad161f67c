//! Bars over time, drawn here as SVG: nothing runs in the browser, and no style stands in an attribute.

use latchkey_protocol::{
    overview::{Overview, Period, Span},
    tally::Counted,
};
use time::OffsetDateTime;

use crate::layout::number;

/// What is drawn on, in its own units.
const WIDTH: i64 = 640;
const HEIGHT: i64 = 150;
/// Where the bars begin: left of it the numbers stand, below it the times.
const LEFT: i64 = 46;
const BOTTOM: i64 = 128;
const TOP: i64 = 10;

/// When a span begins, as it is written below its bar.
fn time(period: Period, span: &Span) -> String {
    let Ok(time) = OffsetDateTime::from_unix_timestamp(span.begin.as_seconds()) else {
        return String::new();
    };
    let (month, day) = (u8::from(time.month()), time.day());
    match period {
        Period::Day => format!("{:02}:00", time.hour()),
        Period::Week => format!("{month:02}-{day:02} {:02}:00", time.hour()),
        Period::Month => format!("{month:02}-{day:02}"),
    }
}

/// A rectangle of a bar.
pub struct Part {
    pub class: &'static str,
    pub x: String,
    pub y: String,
    pub width: String,
    pub height: String,
}

/// A text on the drawing, or a line across it.
pub struct Label {
    pub x: String,
    pub y: String,
    pub text: String,
}

/// A chart, and the same as a table.
pub struct Chart {
    /// Tells it apart on the page.
    pub id: &'static str,
    /// Words by their ids.
    pub title: &'static str,
    pub columns: Vec<String>,
    pub parts: Vec<Part>,
    pub lines: Vec<Label>,
    pub times: Vec<Label>,
    pub rows: Vec<(String, Vec<String>)>,
    pub width: i64,
    pub height: i64,
    pub left: i64,
}

/// A round number that is at least as much: the end of the scale.
fn scale(most: i64) -> i64 {
    let mut step = 1;
    loop {
        for times in [2, 4, 6, 8, 10] {
            if step * times >= most {
                return step * times;
            }
        }
        step *= 10;
    }
}

/// With one digit behind the point.
fn unit(tenths: i64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

impl Chart {
    /// Of these counts, one on top of the other, each with its class.
    pub fn new(
        id: &'static str,
        title: &'static str,
        seen: &Overview,
        of: &[(Counted, &'static str)],
    ) -> Self {
        let total = |span: &Span| of.iter().map(|(what, _)| span.count(*what)).sum::<i64>();
        let end = scale(seen.spans.iter().map(total).max().unwrap_or(0).max(1));
        let mut chart = Self {
            id,
            title,
            columns: of
                .iter()
                .map(|(what, _)| format!("console-count-{}", what.name()))
                .collect(),
            parts: Vec::new(),
            lines: [0, end / 2, end].map(|at| line(at, end)).into(),
            times: Vec::new(),
            rows: Vec::new(),
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
        };
        for (at, span) in seen.spans.iter().enumerate() {
            let counts: Vec<_> = of
                .iter()
                .map(|(what, class)| (span.count(*what), *class))
                .collect();
            chart.bar(seen, at, &counts, end);
        }
        chart
    }

    fn bar(&mut self, seen: &Overview, at: usize, counts: &[(i64, &'static str)], end: i64) {
        let (bars, _) = seen.period.spans();
        let n = i64::try_from(at).unwrap_or_default();
        let wide = (WIDTH - LEFT) * 10 / bars;
        let x = LEFT * 10 + n * wide;
        let mut y = BOTTOM * 10;
        for (count, class) in counts {
            let high = (BOTTOM - TOP) * 10 * count / end;
            y -= high;
            if *count > 0 {
                self.parts.push(Part {
                    class,
                    x: unit(x + wide / 8),
                    y: unit(y),
                    width: unit(wide * 3 / 4),
                    height: unit(high.max(5)),
                });
            }
        }
        let time = time(seen.period, &seen.spans[at]);
        if n % (bars / 4).max(1) == 0 {
            self.times.push(Label {
                x: unit(x + wide / 8),
                y: (BOTTOM + 16).to_string(),
                text: time.clone(),
            });
        }
        let written = counts.iter().map(|(count, _)| number(*count)).collect();
        self.rows.push((time, written));
    }
}

fn line(at: i64, end: i64) -> Label {
    let y = BOTTOM * 10 - (BOTTOM - TOP) * 10 * at / end;
    Label {
        x: (LEFT - 6).to_string(),
        y: unit(y),
        text: number(at),
    }
}

#[cfg(test)]
mod tests {
    use latchkey_protocol::{
        Timestamp,
        tally::{HourlyCount, Tally},
    };

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// 2027-01-15 08:00 UTC.
    const NOW: i64 = 1_800_000_000;

    fn seen(period: Period, counts: &[HourlyCount]) -> Overview {
        Overview::new(period, counts, &Tally::default(), at(NOW + 1800))
    }

    #[test]
    fn the_time_of_a_bar_is_written_as_its_period_needs_it() {
        let written = |period, span: usize| time(period, &seen(period, &[]).spans[span]);
        assert_eq!(
            (written(Period::Day, 0), written(Period::Day, 23)),
            ("09:00".into(), "08:00".into())
        );
        assert_eq!(written(Period::Week, 27), "01-15 06:00");
        assert_eq!(
            (written(Period::Month, 0), written(Period::Month, 29)),
            ("12-17".into(), "01-15".into())
        );
    }

    #[test]
    fn a_scale_ends_at_a_round_number_and_no_bar_is_higher() {
        assert_eq!(
            [1, 2, 3, 9, 10, 11, 99, 450].map(scale),
            [2, 2, 4, 10, 10, 20, 100, 600]
        );
        let counts = [HourlyCount {
            hour: at(NOW),
            what: Counted::SignIns,
            count: 1_000_000,
        }];
        let seen = seen(Period::Day, &counts);
        let chart = Chart::new("a", "b", &seen, &[(Counted::SignIns, "ok")]);
        assert_eq!(chart.parts.len(), 1);
        assert_eq!(
            (&*chart.parts[0].y, &*chart.parts[0].height),
            ("10.0", "118.0")
        );
        assert_eq!(chart.lines[2].text, "1,000,000");
        assert_eq!(chart.rows[23].1, ["1,000,000"]);
    }
}
