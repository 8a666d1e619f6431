-- What a package of deployments, media and observations needs beside the views `selected` and `counted` and the tables
-- `sightings` and `deployment_photos`.
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
-- package_events: one row for each event of `sightings` and deployment it was seen in, in the order of their starts.
-- by_person: people put every box of it there. first_offset, last_offset: what the file says, minutes; 9999: nothing.
CREATE TEMP TABLE package_events AS
WITH seen AS (
    SELECT
        c.image_id, c.class, bool_and(c.by_person) AS by_person,
        max(c.confidence) FILTER (NOT c.by_person) AS confidence,
        max(w.author) AS author, max(w.made_at) AS made_at,
        max(c.run_id) AS run_id,
        min({'kind': c.kind, 'age_class': c.age_class, 'species': c.species}) AS meaning
    FROM counted c
    LEFT JOIN package_words w
        ON c.by_person AND w.image_id = c.image_id AND w.class = c.class
        AND w.x = c.x AND w.y = c.y AND w.w = c.w AND w.h = c.h
    GROUP BY c.image_id, c.class
),
events AS (
    SELECT
        p.number, s.what, s.event,
        min(s.captured_at) AS start_at, max(s.captured_at) AS end_at,
        arg_min(coalesce(i.utc_offset_min, 9999), s.captured_at) AS first_offset,
        arg_max(coalesce(i.utc_offset_min, 9999), s.captured_at) AS last_offset,
        max(s.animals) AS animals,
        bool_and(seen.by_person) AS by_person,
        max(seen.confidence) AS confidence,
        arg_max(seen.author, seen.made_at) AS author, max(seen.made_at) AS made_at,
        max(seen.run_id) AS run_id, max(r.looked_at) FILTER (NOT seen.by_person) AS looked_at,
        min(seen.meaning) AS meaning
    FROM sightings s
    JOIN deployment_photos p USING (image_id)
    JOIN images i ON i.image_id = s.image_id
    JOIN seen ON seen.image_id = s.image_id AND seen.class = s.what
    LEFT JOIN results r ON r.image_id = s.image_id AND r.run_id = seen.run_id
    GROUP BY p.number, s.what, s.event
)
SELECT row_number() OVER (ORDER BY number, start_at, what, event) - 1 AS place, * FROM events;
