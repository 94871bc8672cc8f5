//! The chart: a bar for each variant in each case, as long as its ratio to the floor.

use crate::Result;
use crate::birth::DDL;
use crate::cases::MEMORY;
use crate::migration::PSQL;
use crate::row::Row;
use crate::start_up::LOOP;
use crate::status::ONE_BY_ONE;
use crate::variants::{
    FLOOR, FLOOR_AND_PING, NAIVE, OURS, OURS_IN_TRANSACTION, PLAIN, POOL_PER_TENANT, QUALIFIED,
};
use crate::web::{BARE, BY_HAND, OURS_CACHED, OURS_UNCACHED};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const WIDTH: u32 = 900;
const BAR: i32 = 14;
const GAP: i32 = 30;
const LEFT: i32 = 230;
const RIGHT: i32 = 60;
const TOP: i32 = 30;

/// Draws the cases in which times were compared.
pub(crate) fn draw(rows: &[Row]) -> Result<String> {
    let rows: Vec<_> = rows.iter().filter(|row| row.of.number != MEMORY).collect();
    let cases: Vec<_> = rows.chunk_by(|one, next| one.case == next.case).collect();
    let longest = rows.iter().map(|row| row.ratio_to_floor).fold(1.0, f64::max);
    let height = TOP + cases.len() as i32 * GAP + rows.len() as i32 * BAR + GAP;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height as u32)).into_drawing_area();
        area.fill(&WHITE)?;
        let scale = f64::from(WIDTH as i32 - LEFT - RIGHT) / longest;
        let along = |ratio: f64| LEFT + (ratio * scale) as i32;
        let font = |size: i32| ("sans-serif", size).into_font();
        let text = |size: i32, horizontal| {
            font(size)
                .color(&BLACK.mix(0.8))
                .pos(Pos::new(horizontal, VPos::Center))
        };
        let title =
            "Time of a request, or of what else was done, as a multiple of the floor (shorter is better)";
        area.draw(&Text::new(title, (10, 15), text(19, HPos::Left)))?;
        let mut y = TOP;
        for case in cases {
            area.draw(&Text::new(
                case[0].case.as_str(),
                (10, y + GAP / 2),
                text(16, HPos::Left),
            ))?;
            y += GAP;
            let top = y;
            for row in case {
                let middle = y + BAR / 2;
                let color = color_of(row.variant);
                let bar = [(LEFT, y), (along(row.ratio_to_floor), y + BAR - 1)];
                area.draw(&Rectangle::new(bar, color.filled()))?;
                area.draw(&Text::new(row.variant, (LEFT - 6, middle), text(14, HPos::Right)))?;
                let ratio = format!("{:.2}", row.ratio_to_floor);
                let end = (along(row.ratio_to_floor) + 5, middle);
                area.draw(&Text::new(ratio, end, text(14, HPos::Left)))?;
                y += BAR;
            }
            let floor = [(along(1.0), top - 3), (along(1.0), y + 2)];
            area.draw(&PathElement::new(floor, BLACK.mix(0.4)))?;
        }
        area.present()?;
    }
    Ok(svg)
}

/// Ours stand out; what they are compared with is grey or dull.
fn color_of(variant: &str) -> RGBColor {
    match variant {
        FLOOR | BARE | PSQL | DDL => RGBColor(150, 150, 150),
        FLOOR_AND_PING => RGBColor(180, 180, 180),
        QUALIFIED => RGBColor(205, 205, 205),
        PLAIN => RGBColor(214, 178, 110),
        NAIVE | BY_HAND | LOOP | ONE_BY_ONE => RGBColor(204, 121, 92),
        POOL_PER_TENANT => RGBColor(170, 140, 180),
        OURS | OURS_CACHED | OURS_UNCACHED => RGBColor(0, 114, 178),
        OURS_IN_TRANSACTION => RGBColor(86, 160, 210),
        _ => RGBColor(120, 185, 225),
    }
}
