-- The runs whose results count for the photos of the view `moments`, the one with most photos first.
-- age_classes: those of the buck classes its model has; empty for a model that knows no bucks.
SELECT
    r.run_id, r.model_key, r.weights_name, n.photos,
    coalesce(
        (SELECT list(DISTINCT coalesce(c.age_class, 'unknown')) FROM classes c
         WHERE c.run_id = r.run_id AND c.kind = 'buck'),
        []
    ) AS age_classes
FROM (SELECT run_id, count(*) AS photos FROM moments WHERE run_id IS NOT NULL GROUP BY run_id) n
JOIN runs r USING (run_id)
ORDER BY n.photos DESC, r.run_id DESC;
