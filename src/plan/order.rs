//! An order in which everything comes behind what it needs, and the circles that have none. Knows numbers, not stages.

/// The order of nodes 0 to n - 1, and each circle found, as its nodes in order.
/// `needs(i)` are the nodes that must come before i.
pub fn order<'a>(n: usize, needs: impl Fn(usize) -> &'a [usize]) -> (Vec<usize>, Vec<Vec<usize>>) {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    const MOST_CIRCLES: usize = 10;
    let mut marks = vec![Mark::New; n];
    let mut ordered = Vec::with_capacity(n);
    let mut circles = Vec::new();
    // (node, how many of its needs were looked at); a chain of any length needs no stack of ours.
    let mut path: Vec<(usize, usize)> = Vec::new();
    for start in 0..n {
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::Open;
        path.push((start, 0));
        while let Some((node, looked)) = path.last_mut() {
            let node = *node;
            let Some(next) = needs(node).get(*looked).copied() else {
                marks[node] = Mark::Done;
                ordered.push(node);
                path.pop();
                continue;
            };
            *looked += 1;
            match marks[next] {
                Mark::New => {
                    marks[next] = Mark::Open;
                    path.push((next, 0));
                }
                Mark::Open if circles.len() < MOST_CIRCLES => {
                    let from = path.iter().position(|it| it.0 == next).unwrap_or(0);
                    circles.push(path[from..].iter().map(|it| it.0).collect());
                }
                _ => {}
            }
        }
    }
    (ordered, circles)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(needs: &[&[usize]]) -> (Vec<usize>, Vec<Vec<usize>>) {
        order(needs.len(), |it| needs[it])
    }

    #[test]
    fn needs_come_first() {
        assert_eq!(of(&[&[2], &[0], &[]]), (vec![2, 0, 1], vec![]));
    }

    #[test]
    fn a_circle_is_given_with_all_its_nodes() {
        let (_, circles) = of(&[&[1], &[2], &[1, 3], &[]]);
        assert_eq!(circles, [vec![1, 2]]);
        assert_eq!(of(&[&[0]]).1, [vec![0]]);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let needs: Vec<Vec<usize>> = (0..200_000)
            .map(|it| if it == 0 { vec![] } else { vec![it - 1] })
            .collect();
        assert_eq!(order(needs.len(), |it| &needs[it]).0.len(), needs.len());
    }
}
