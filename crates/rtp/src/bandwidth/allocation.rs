//! Allocation of the bandwidth to one receiver among the videos that are sent to it.

/// Allocates `available` bit/s among videos that can use up to their `limits`: equal parts, and what one can't use, the others
/// have (max-min fairness). What none can use is given to all: a limit may be lifted at any time.
pub fn allocate(available: u32, limits: &[u32]) -> Vec<u32> {
    let mut shares = vec![0; limits.len()];
    let mut order: Vec<usize> = (0..limits.len()).collect();
    order.sort_by_key(|index| limits[*index]);
    let mut left = available;
    for (served, index) in order.into_iter().enumerate() {
        let others = u32::try_from(limits.len() - served).unwrap_or(u32::MAX);
        shares[index] = limits[index].min(left / others);
        left -= shares[index];
    }
    let spare = left / u32::try_from(limits.len().max(1)).unwrap_or(u32::MAX);
    shares.into_iter().map(|share: u32| share.saturating_add(spare)).collect()
}

#[cfg(test)]
mod tests {
    use super::allocate;

    #[test]
    fn what_one_does_not_need_the_others_have() {
        assert_eq!(allocate(3_000, &[500, 2_000, 2_000]), [500, 1_250, 1_250]);
        assert_eq!(allocate(900, &[500, 2_000, 2_000]), [300, 300, 300]);
        assert_eq!(allocate(10_000, &[1_500, 2_500]), [4_500, 5_500]);
        assert_eq!(allocate(u32::MAX, &[7]), [u32::MAX]);
        assert_eq!(allocate(1_000, &[]), [0_u32; 0]);
    }
}
