-- moments: the view `selected`, where a photo and its video (see stills.sql) are one row, the photo's.
CREATE TEMP VIEW moments AS
SELECT
    s.* REPLACE (
        coalesce(s.captured_at, c.taken_at) AS captured_at,
        coalesce(s.run_id, c.run_id) AS run_id,
        CASE
            WHEN 'pending' IN (s.status, c.status) THEN 'pending'
            WHEN 'completed' IN (s.status, c.status) THEN 'completed'
            ELSE s.status
        END AS status
    )
FROM selected s
LEFT JOIN (
    SELECT t.still_id, t.taken_at, v.status, v.run_id FROM stills t JOIN selected v ON v.image_id = t.clip_id
) c ON c.still_id = s.image_id
WHERE s.image_id NOT IN (SELECT clip_id FROM stills);
