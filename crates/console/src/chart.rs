//! Bars over time, drawn here as SVG: nothing runs in the browser, and no style stands in an attribute.

use latchkey_protocol::{
    Timestamp,
    tally::{Counted, HourlyCount},
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

/// How far back a page looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Day,
    Week,
    Month,
}

impl Period {
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// As it stands in addresses and in the ids of words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.name() == name)
    }

    /// How many bars, and the hours of each.
    fn bars(self) -> (i64, i64) {
        match self {
            Self::Day => (24, 1),
            Self::Week => (28, 6),
            Self::Month => (30, 24),
        }
    }

    /// When the first bar begins: the last one has `now` in it, and bars of a day begin at midnight (UTC).
    pub fn begin(self, now: Timestamp) -> Timestamp {
        let (bars, hours) = self.bars();
        let long = hours * 3600;
        let last = now - now.as_seconds().rem_euclid(long);
        last - (bars - 1) * long
    }
}

/// What is known of each bar's time.
pub struct Series {
    period: Period,
    begin: Timestamp,
    /// A sum for each bar; of sessions the most.
    bars: Vec<[i64; Counted::ALL.len()]>,
}

impl Series {
    /// `counts`: those from the beginning of the period on.
    pub fn new(period: Period, counts: &[HourlyCount], now: Timestamp) -> Self {
        let begin = period.begin(now);
        let (bars, hours) = period.bars();
        let mut all = vec![[0; Counted::ALL.len()]; usize::try_from(bars).unwrap_or_default()];
        for counted in counts {
            let at = usize::try_from((counted.hour - begin).div_euclid(hours * 3600));
            let bar = at.ok().and_then(|at| all.get_mut(at));
            let Some(bar) = bar else { continue };
            let count = &mut bar[counted.what as usize];
            match counted.what {
                Counted::Sessions => *count = (*count).max(counted.count),
                _ => *count += counted.count,
            }
        }
        Self {
            period,
            begin,
            bars: all,
        }
    }

    /// Adds to the bar of this moment.
    pub fn add(&mut self, what: Counted, count: i64) {
        if let Some(last) = self.bars.last_mut() {
            last[what as usize] += count;
        }
    }

    pub fn sum(&self, what: Counted) -> i64 {
        self.bars.iter().map(|bar| bar[what as usize]).sum()
    }

    /// When a bar begins, as it is written below it.
    fn time(&self, at: usize) -> String {
        let (_, hours) = self.period.bars();
        let seconds = i64::try_from(at).unwrap_or_default() * hours * 3600;
        let Ok(time) = OffsetDateTime::from_unix_timestamp((self.begin + seconds).as_seconds())
        else {
            return String::new();
        };
        let (month, day) = (u8::from(time.month()), time.day());
        match self.period {
            Period::Day => format!("{:02}:00", time.hour()),
            Period::Week => format!("{month:02}-{day:02} {:02}:00", time.hour()),
            Period::Month => format!("{month:02}-{day:02}"),
        }
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
        series: &Series,
        of: &[(Counted, &'static str)],
    ) -> Self {
        let total = |bar: &[i64; 4]| of.iter().map(|(what, _)| bar[*what as usize]).sum::<i64>();
        let end = scale(series.bars.iter().map(total).max().unwrap_or(0).max(1));
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
        for (at, bar) in series.bars.iter().enumerate() {
            let counts: Vec<_> = of
                .iter()
                .map(|(what, class)| (bar[*what as usize], *class))
                .collect();
            chart.bar(series, at, &counts, end);
        }
        chart
    }

    fn bar(&mut self, series: &Series, at: usize, counts: &[(i64, &'static str)], end: i64) {
        let bars = i64::try_from(series.bars.len()).unwrap_or(1);
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
        let time = series.time(at);
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
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// 2027-01-15 08:00 UTC.
    const NOW: i64 = 1_800_000_000;

    #[test]
    fn counts_stand_in_the_bar_of_their_time_and_older_ones_in_none() {
        let of = |hour, what, count| HourlyCount {
            hour: at(hour),
            what,
            count,
        };
        let counts = [
            of(NOW - 24 * 3600, Counted::Tokens, 9),
            of(NOW - 23 * 3600, Counted::Tokens, 1),
            of(NOW, Counted::Tokens, 4),
            of(NOW, Counted::Sessions, 7),
        ];
        let series = Series::new(Period::Day, &counts, at(NOW + 1800));
        assert_eq!((series.bars[0][2], series.bars[23][2]), (1, 4));
        assert_eq!(series.sum(Counted::Tokens), 5);
        assert_eq!(
            (series.time(0), series.time(23)),
            ("09:00".into(), "08:00".into())
        );
        let week = Series::new(Period::Week, &counts, at(NOW + 1800));
        assert_eq!(week.bars.len(), 28);
        assert_eq!(week.sum(Counted::Tokens), 14);
        let month = Series::new(Period::Month, &counts, at(NOW));
        assert_eq!(
            (month.time(0), month.time(29)),
            ("12-17".into(), "01-15".into())
        );
        assert_eq!((month.bars[28][2], month.bars[29][2]), (10, 4));
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
        let series = Series::new(Period::Day, &counts, at(NOW));
        let chart = Chart::new("a", "b", &series, &[(Counted::SignIns, "ok")]);
        assert_eq!(chart.parts.len(), 1);
        assert_eq!(
            (&*chart.parts[0].y, &*chart.parts[0].height),
            ("10.0", "118.0")
        );
        assert_eq!(chart.lines[2].text, "1,000,000");
        assert_eq!(chart.rows[23].1, ["1,000,000"]);
    }
}
