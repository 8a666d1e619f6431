-- What a package of deployments, media and observations needs beside the views `selected` and `counted` and the tables
-- `animals`, `image_sightings` and `deployment_photos`.
--
-- package_words: whose word a person's box is: the newest judgement in force with that class at that place.
CREATE TEMP TABLE package_words AS
SELECT b.image_id, b.class, b.x, b.y, b.w, b.h, j.author, j.made_at
FROM judged_boxes b
JOIN judgements j USING (judgement_id)
WHERE j.undone_at IS NULL AND b.class IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY b.image_id, b.class, b.x, b.y, b.w, b.h ORDER BY judgement_id DESC
) = 1;
-- package_events: one row for each event of `image_sightings` and deployment it was seen in, in the order of their starts.
-- by_person: people put every box of it there. started, ended: the first and the last photo's time, UTC offset by its file (minutes or NULL), and
-- whether that is sure: of a file's name or of satellites. visit_at: when its visit began there, of whatever class.
CREATE TEMP TABLE package_events AS
WITH seen AS (
    SELECT
        c.image_id, a.class, bool_and(c.by_person) AS by_person,
        max(c.confidence) FILTER (NOT c.by_person) AS confidence,
        max(w.author) AS author, max(w.made_at) AS made_at,
        max(c.run_id) AS run_id,
        min({'kind': a.kind, 'age_class': a.age_class, 'species': a.species}) AS meaning
    FROM counted c
    JOIN animals a ON a.image_id = c.image_id AND a.run_id = c.run_id AND a.class_id = c.class_id
    LEFT JOIN package_words w
        ON c.by_person AND w.image_id = c.image_id AND w.class = c.class
        AND w.x = c.x AND w.y = c.y AND w.w = c.w AND w.h = c.h
    GROUP BY c.image_id, a.class
),
dated AS (
    SELECT image_id, p.number, {
        'at': i.captured_at, 'offset_min': i.utc_offset_min, 'offset_sure': i.captured_at_source IN ('filename', 'gps')
    } AS stated
    FROM deployment_photos p
    JOIN images i USING (image_id)
),
events AS (
    SELECT
        p.number, s.what, s.event,
        arg_min(p.stated, s.steady_at) AS started, arg_max(p.stated, s.steady_at) AS ended,
        max(s.animals) AS animals,
        bool_and(seen.by_person) AS by_person,
        max(seen.confidence) AS confidence,
        arg_max(seen.author, seen.made_at) AS author, max(seen.made_at) AS made_at,
        max(seen.run_id) AS run_id, max(r.looked_at) FILTER (NOT seen.by_person) AS looked_at,
        min(seen.meaning) AS meaning
    FROM image_sightings s
    JOIN dated p USING (image_id)
    JOIN seen ON seen.image_id = s.image_id AND seen.class = s.what
    LEFT JOIN results r ON r.image_id = s.image_id AND r.run_id = seen.run_id
    GROUP BY p.number, s.what, s.event
)
SELECT
    row_number() OVER (ORDER BY number, started.at, what, event) - 1 AS place,
    min(started.at) OVER (PARTITION BY number, event) AS visit_at, *
FROM events;
