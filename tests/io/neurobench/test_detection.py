"""Mean average precision against pycocotools, and against cases that can be counted by hand."""

import numpy as np
import pytest

from eventsim.io.neurobench import coco_map, overlap


def boxes(rng, n, times, scored=False):
    found = {
        "t": rng.choice(times, n),
        "box": np.column_stack([rng.uniform(0, 200, (n, 2)), rng.uniform(20, 80, (n, 2))]),
        "label": rng.integers(0, 3, n),
    }
    return found | ({"score": rng.random(n)} if scored else {})


def moved(rng, real, extra):
    """Return detections: the boxes moved a little, some of another class, and some of nothing."""
    n = len(real["t"])
    box = real["box"] + rng.normal(0, 6, (n, 4))
    box[:, 2:] = np.maximum(box[:, 2:], 5)
    label = np.where(rng.random(n) < 0.85, real["label"], rng.integers(0, 3, n))
    own = {"t": real["t"], "box": box, "label": label, "score": rng.random(n)}
    other = boxes(rng, extra, np.unique(real["t"]), scored=True)
    return {name: np.concatenate([own[name], other[name]]) for name in own}


def by_pycocotools(truth, found):
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    images, annotations, results = [], [], []
    for _number, (real, seen) in enumerate(zip(truth, found, strict=True)):
        for t in np.unique(real["t"]):
            image = len(images) + 1
            images.append({"id": image, "width": 400, "height": 400})
            for k in np.flatnonzero(real["t"] == t):
                area = float(real["box"][k, 2:].prod())
                annotations.append(
                    {"id": len(annotations) + 1, "image_id": image, "category_id": int(real["label"][k]) + 1}
                    | {"bbox": real["box"][k].tolist(), "area": area, "iscrowd": 0}
                )
            results += [
                {"image_id": image, "category_id": int(seen["label"][k]) + 1}
                | {"bbox": seen["box"][k].tolist(), "score": float(seen["score"][k])}
                for k in np.flatnonzero(seen["t"] == t)
            ]
    names = [{"id": k + 1, "name": str(k)} for k in range(3)]
    real = coco.COCO()
    real.dataset = {"info": {}, "images": images, "annotations": annotations, "categories": names}
    real.createIndex()
    done = evaluation.COCOeval(real, real.loadRes(results), "bbox")
    done.evaluate()
    done.accumulate()
    done.summarize()
    return done.stats[:3]


@pytest.mark.parametrize("seed", range(5))
def test_random_detections_score_as_pycocotools_scores_them(seed, capsys):
    rng = np.random.default_rng(seed)
    times = 600_000 + 50_000 * np.arange(6)
    truth = [boxes(rng, 40, times) for _ in range(3)]
    found = [moved(rng, real, 20) for real in truth]
    expected = by_pycocotools(truth, found)
    results = coco_map(truth, found)
    assert 0.05 < results["CocoMap"] < 0.95
    assert list(results.values()) == pytest.approx(list(expected), abs=1e-12)


def test_boxes_found_again_score_one_and_boxes_elsewhere_zero():
    rng = np.random.default_rng(1)
    real = boxes(rng, 20, [700_000, 750_000])
    again = real | {"score": rng.random(20)}
    assert coco_map([real], [again])["CocoMap"] == pytest.approx(1.0)
    elsewhere = again | {"box": real["box"] + [1000, 0, 0, 0]}
    assert coco_map([real], [elsewhere])["CocoMap"] == 0.0


def test_the_first_half_second_does_not_count_and_near_times_do():
    box = np.array([[10.0, 10.0, 50.0, 50.0]])
    early = {"t": [100_000, 600_000], "box": np.repeat(box, 2, axis=0), "label": [0, 0]}
    late = {"t": np.array([610_000]), "box": box, "label": np.array([0]), "score": np.array([0.9])}
    assert coco_map([early], [late])["CocoMap"] == pytest.approx(1.0)
    assert coco_map([early], [late], tolerance=5_000)["CocoMap"] == 0.0
    assert coco_map([early], [late], skipped=0)["CocoMap"] == pytest.approx(51 / 101)


def test_overlap_by_hand():
    assert overlap([[0, 0, 2, 2]], [[1, 1, 2, 2], [5, 5, 1, 1], [0, 0, 2, 2]]).tolist() == [[1 / 7, 0.0, 1.0]]


def test_bad_boxes_are_named():
    real = {"t": [600_000], "box": [[0.0, 0.0, 9.0, 9.0]], "label": [0]}
    with pytest.raises(ValueError, match="detections for each sequence, got 0 for 1"):
        coco_map([real], [])
    with pytest.raises(ValueError, match=r"detections of sequence 0 need t, label, score"):
        coco_map([real], [real | {"score": [0.5, 0.6]}])
    with pytest.raises(ValueError, match="boxes of sequence 0 must have finite values of 'box'"):
        coco_map([real | {"box": [[0.0, 0.0, np.nan, 9.0]]}], [real | {"score": [0.5]}])
    with pytest.raises(ValueError, match="no box of the classes"):
        coco_map([real], [real | {"score": [0.5]}], classes=[7])
