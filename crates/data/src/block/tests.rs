//! Blocks: their order, their shapes, and bytes and floats alike.

use serde_json::json;

use super::*;

#[test]
fn images_have_their_channels_first() {
    let bytes: Vec<u8> = (0..12).collect();
    let block = Block::of_bytes(&[2, 2, 3], 1, bytes.clone()).unwrap();
    assert_eq!(block.shape(), [3, 2, 2]);
    let planes = json!([[[0, 3], [6, 9]], [[1, 4], [7, 10]], [[2, 5], [8, 11]]]);
    assert_eq!(block.json(0), planes);
    assert_eq!(Block::of_json(&planes).unwrap().json(0), planes);
    let flat = Block::of_bytes(&[4], 3, bytes).unwrap();
    assert_eq!((flat.shape(), flat.channels()), (&[4][..], 1));
    assert_eq!(
        Block::of_bytes(&[2, 6], 1, vec![0; 12]).unwrap().shape(),
        [1, 2, 6]
    );
}

#[test]
fn what_does_not_fill_its_shape_is_no_block() {
    assert_eq!(Block::of_bytes(&[2, 2], 2, vec![0; 7]), None);
    assert_eq!(Block::of_bytes(&[usize::MAX, 2], 2, vec![0; 7]), None);
    assert_eq!(Block::of_bytes(&[0], 2, Vec::new()), None);
    assert_eq!(Block::of_json(&json!([[1, 2], [3]])), None);
    assert_eq!(Block::of_json(&json!([1, "2"])), None);
    assert_eq!(Block::of_json(&json!([])), None);
    let flat = Block::of_json(&json!([1, 2, 3, 4])).unwrap();
    assert!(flat.clone().of_shape(&[1, 2, 2]).is_some());
    assert_eq!(flat.of_shape(&[5]), None);
}

#[test]
fn bytes_and_floats_mean_the_same_numbers() {
    let bytes: Vec<u8> = (0..24).map(|it| it * 10).collect();
    let floats = bytes.iter().map(|it| f32::from(*it)).collect();
    let mut bytes = Block::of_bytes(&[3, 2, 2], 2, bytes).unwrap();
    let mut floats = Block::of_floats(&[3, 2, 2], 2, floats).unwrap();
    for block in [&mut bytes, &mut floats] {
        block.change(|channel, it| it * 0.5 + channel as f64);
    }
    assert_eq!(bytes.json(1), floats.json(1));
    let (one, other) = (bytes.moments(&[1]), floats.moments(&[1]));
    assert_eq!(one, other);
    assert_eq!((one[2].min, one[2].max, one[2].mean), (102.0, 117.0, 109.5));
    let joined = Moments::joined(&one);
    assert_eq!((joined.count, joined.min, joined.max), (12, 60.0, 117.0));
    let mut both = bytes.slice(1, 2);
    both.append(floats.slice(0, 1));
    assert_eq!((both.rows(), both.json(1)), (2, floats.json(0)));
}
