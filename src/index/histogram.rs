//! How durations are spread, in little memory: quantiles to within an eighth.

/// Counts of values by size: eight classes between a power of two and the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Class and count, sorted by class.
    classes: Vec<(u16, u32)>,
    count: u64,
}

impl Histogram {
    /// Adds a value.
    pub fn add(&mut self, value: u64) {
        let class = class_of(value);
        self.count += 1;
        match self
            .classes
            .binary_search_by_key(&class, |(class, _)| *class)
        {
            Ok(place) => {
                let count = &mut self.classes[place].1;
                *count = count.saturating_add(1);
            }
            Err(place) => self.classes.insert(place, (class, 1)),
        }
    }

    /// How many values there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The value that `percent` of the values don't exceed, to within an eighth;
    /// `None` where there are none.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let wanted = (self.count * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for &(class, count) in &self.classes {
            seen += u64::from(count);
            if seen >= wanted {
                return Some(middle_of(class));
            }
        }
        None
    }
}

fn class_of(value: u64) -> u16 {
    if value < 16 {
        return value as u16;
    }
    let power = u64::from(value.ilog2());
    let eighth = value >> (power - 3) & 7;
    (16 + (power - 4) * 8 + eighth) as u16
}

/// A value in the middle of a class.
fn middle_of(class: u16) -> u64 {
    if class < 16 {
        return class.into();
    }
    let (power, eighth) = (u64::from(class - 16) / 8 + 4, u64::from(class - 16) % 8);
    let width = 1 << (power - 3);
    (8 + eighth) * width + width / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_within_an_eighth() {
        let mut histogram = Histogram::default();
        for value in 1..=10_000 {
            histogram.add(value);
        }
        for percent in [1, 50, 99, 100] {
            let exact = percent * 100;
            let told = histogram.percentile(percent).expect("values");
            assert!(told.abs_diff(exact) * 8 <= exact, "{told} for {exact}");
        }
    }

    #[test]
    fn any_value_has_a_class_and_small_ones_are_exact() {
        for value in [0, 1, 15, 16, 17, 255, 1 << 40, u64::MAX] {
            let mut histogram = Histogram::default();
            histogram.add(value);
            let told = histogram.percentile(50).expect("a value");
            assert!(told.abs_diff(value) <= value / 8);
            assert!(value >= 16 || told == value);
        }
        assert_eq!(Histogram::default().percentile(50), None);
    }
}
