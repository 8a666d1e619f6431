-- The photos of the view `selected` that a model has looked at and nobody has judged as a whole, the most useful to
-- look at first. Each doubt has a worth of 0..1; a photo is worth its greatest and a little for each other, and less
-- after others of its scene, as they are alike. near_*: the box nearest to its threshold. unsure_*: the surest box
-- that counts, where the model is unsure about it. odd_*: a look that few photos of the scene have, and what most
-- of them have. gap_look: nothing was found here, but in the photos before and after. rival_*: what the newest other
-- model says. $random: in the order of a hash that $salt stirs, whatever the doubts.
WITH photo AS (
    SELECT
        image_id, root_id, path, station, captured_at, run_id,
        run_id IS NOT NULL AND status = 'completed' AS open,
        coalesce(scene, -image_id) AS scene
    FROM scenes
    WHERE run_id IS NOT NULL OR by_person
),
look AS (
    SELECT image_id, lower(trim(class)) AS look, max(confidence) AS confidence
    FROM counted
    GROUP BY ALL
),
box AS (
    SELECT image_id, class, confidence, coalesce(threshold, $fallback)::REAL AS threshold
    FROM boxes
    WHERE NOT by_person
),
near AS (
    SELECT
        image_id,
        arg_min(class, (abs(confidence - threshold), class, confidence)) AS near_class,
        arg_min(confidence, (abs(confidence - threshold), class, confidence)) AS near_confidence,
        arg_min(threshold, (abs(confidence - threshold), class, confidence)) AS near_threshold,
        1 - min(abs(confidence - threshold)) / $reach AS near_worth
    FROM box
    WHERE abs(confidence - threshold) < $reach
    GROUP BY image_id
),
unsure AS (
    SELECT
        image_id,
        arg_max(class, (confidence, class)) AS unsure_class,
        max(confidence) AS unsure_confidence,
        2.4 * max(confidence) * (1 - max(confidence)) AS unsure_worth
    FROM box
    WHERE confidence >= threshold
    GROUP BY image_id
    HAVING max(confidence) BETWEEN 0.3 AND 0.75
),
per_scene AS (
    SELECT station, scene, look, count(*) AS n FROM photo JOIN look USING (image_id) GROUP BY ALL
),
usual AS (
    SELECT station, scene, arg_max(look, (n, look)) AS usual_look, max(n) AS usual_n FROM per_scene GROUP BY ALL
),
odd AS (
    SELECT
        p.image_id,
        arg_min(l.look, (v.n, l.look)) AS odd_look,
        any_value(u.usual_look) AS odd_usual,
        any_value(u.usual_n) AS odd_n,
        0.9 * (1 - min(v.n) / any_value(u.usual_n)) AS odd_worth
    FROM photo p
    JOIN look l USING (image_id)
    JOIN per_scene v ON v.station = p.station AND v.scene = p.scene AND v.look = l.look
    JOIN usual u ON u.station = p.station AND u.scene = p.scene
    WHERE u.usual_n >= 2 AND v.n * 2 <= u.usual_n
        AND NOT EXISTS (SELECT 1 FROM look o WHERE o.image_id = p.image_id AND o.look = u.usual_look)
    GROUP BY p.image_id
),
first_look AS (
    SELECT image_id, arg_max(look, (confidence, look)) AS look FROM look GROUP BY ALL
),
seen AS (
    SELECT
        p.image_id,
        l.look,
        lag(l.look) OVER scenes AS before,
        lead(l.look) OVER scenes AS after
    FROM photo p LEFT JOIN first_look l USING (image_id)
    WINDOW scenes AS (PARTITION BY p.station, p.scene ORDER BY p.captured_at, p.image_id)
),
hole AS (
    SELECT image_id, before AS gap_look, 0.75 AS gap_worth
    FROM seen
    WHERE look IS NULL AND before IS NOT NULL AND after IS NOT NULL
),
other AS (
    SELECT p.image_id, p.run_id AS own, max(r.run_id) AS rival
    FROM photo p
    JOIN results r ON r.image_id = p.image_id AND r.status = 'completed'
    JOIN runs t ON t.run_id = r.run_id
    JOIN runs o ON o.run_id = p.run_id
    WHERE p.open AND r.run_id <> p.run_id AND t.model_key <> o.model_key
    GROUP BY ALL
),
said AS (
    SELECT DISTINCT o.image_id, d.run_id = o.own AS mine, lower(trim(c.name)) AS look
    FROM other o
    JOIN detections d ON d.image_id = o.image_id AND d.run_id IN (o.own, o.rival)
    JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id
    WHERE d.confidence >= coalesce(c.threshold, $fallback)::REAL AND NOT d.repeats
        AND d.rowid NOT IN (SELECT row FROM hidden)
),
-- What one says and the other doesn't, though it has a class for it.
alone AS (
    SELECT s.image_id, s.mine, s.look
    FROM said s JOIN other o USING (image_id)
    WHERE NOT EXISTS (
            SELECT 1 FROM said t WHERE t.image_id = s.image_id AND t.look = s.look AND t.mine <> s.mine
        )
        AND EXISTS (
            SELECT 1 FROM classes c
            WHERE c.run_id = CASE WHEN s.mine THEN o.rival ELSE o.own END AND lower(trim(c.name)) = s.look
        )
),
rival AS (
    SELECT
        a.image_id,
        any_value(r.weights_name) AS rival_name,
        string_agg(DISTINCT a.look, ', ' ORDER BY a.look) FILTER (NOT a.mine) AS rival_look,
        string_agg(DISTINCT a.look, ', ' ORDER BY a.look) FILTER (a.mine) AS own_look,
        0.95 AS rival_worth
    FROM alone a JOIN other o USING (image_id) JOIN runs r ON r.run_id = o.rival
    GROUP BY a.image_id
),
worth AS (
    SELECT
        p.*, n.* EXCLUDE (image_id), u.* EXCLUDE (image_id), o.* EXCLUDE (image_id), h.* EXCLUDE (image_id),
        r.* EXCLUDE (image_id),
        coalesce(greatest(near_worth, unsure_worth, odd_worth, gap_worth, rival_worth), 0) + 0.05 * (
            (near_worth IS NOT NULL OR unsure_worth IS NOT NULL)::INTEGER + (odd_worth IS NOT NULL)::INTEGER
            + (gap_worth IS NOT NULL)::INTEGER + (rival_worth IS NOT NULL)::INTEGER
        ) AS alone_worth
    FROM photo p
    LEFT JOIN near n USING (image_id) LEFT JOIN unsure u USING (image_id) LEFT JOIN odd o USING (image_id)
    LEFT JOIN hole h USING (image_id) LEFT JOIN rival r USING (image_id)
    WHERE p.open
)
SELECT
    w.*, i.size_bytes, i.captured_at_suspect, epoch_us(w.captured_at) AS captured_us,
    w.alone_worth * 0.6 ** (
        row_number() OVER (PARTITION BY w.station, w.scene ORDER BY w.alone_worth DESC, w.image_id) - 1
    ) AS worth,
    count(*) OVER () AS candidates
FROM worth w JOIN images i USING (image_id)
ORDER BY
    CASE WHEN $random THEN hash(w.image_id::VARCHAR || $salt) END,
    worth DESC, w.captured_at DESC NULLS LAST, w.image_id
LIMIT $limit;
