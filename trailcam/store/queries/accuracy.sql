-- The photos of the view `selected` that people judged and the model $model_key looked at, with what both saw: a row for
-- each box of either, one without a box where there is none. truth: a person's box (class NULL: nothing is there), else
-- the model's, of the newest of its runs, from any confidence on. scene: that of the view `scenes`.
WITH photo AS (
    SELECT image_id, station || '/' || coalesce(scene::VARCHAR, 'undated') AS scene FROM scenes
),
looked AS (
    SELECT r.image_id, max(r.run_id) AS run_id
    FROM results r JOIN runs USING (run_id)
    WHERE r.status = 'completed' AND runs.model_key = $model_key
    GROUP BY r.image_id
),
asked AS (
    SELECT
        p.image_id, p.scene, j.whole, l.run_id,
        (
            SELECT bool_and(s.source = 'review random')
            FROM in_force f JOIN judgements s USING (judgement_id) WHERE f.image_id = p.image_id
        ) AS random
    FROM photo p JOIN judged j USING (image_id) JOIN looked l USING (image_id)
)
SELECT a.*, b.truth, b.class, b.kind, b.age_class, b.species, b.class_id, b.confidence, b.x, b.y, b.w, b.h
FROM asked a
LEFT JOIN (
    SELECT image_id, NULL AS run_id, true AS truth, class, kind, age_class, species, class_id,
        NULL AS confidence, x, y, w, h
    FROM person_boxes
    UNION ALL BY NAME
    SELECT d.image_id, d.run_id, false AS truth, c.name AS class, c.kind, c.age_class, c.species, d.class_id,
        d.confidence, d.x, d.y, d.w, d.h
    FROM detections d JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id
    WHERE d.image_id IN (SELECT image_id FROM asked) AND NOT d.repeats
) b ON b.image_id = a.image_id AND (b.truth OR b.run_id = a.run_id)
WHERE a.random OR NOT $only_random
ORDER BY a.image_id, b.truth, b.confidence DESC, b.class, b.x, b.y;
