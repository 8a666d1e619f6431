-- stills: of each video in the view `selected` the photo there that its camera took at the same trigger, in the same folder:
-- of the same name or number within 30 s, or under any other name within 10 s. taken_at: their time. A photo has one video at
-- most. Where one of the two has no time, only the same name tells. The photo comes first, but whole seconds are rounded.
CREATE TEMP TABLE stills AS
WITH files AS (
    SELECT
        image_id, root_id, station_id, is_video, path, captured_at, epoch(captured_at)::BIGINT // 30 AS half_minute
    FROM selected
),
photos AS (
    SELECT * FROM files WHERE NOT is_video
),
clips AS (
    SELECT * FROM files WHERE is_video
),
-- Paths are compared of few: of those that are near in time, and of those without one.
near AS (
    SELECT c.clip_id, c.clip, c.clip_at, p.image_id AS still_id, p.path AS still, p.captured_at AS still_at
    FROM (
        SELECT
            image_id AS clip_id, path AS clip, captured_at AS clip_at, root_id, station_id,
            unnest([half_minute - 1, half_minute, half_minute + 1]) AS half_minute
        FROM clips
        WHERE captured_at IS NOT NULL
    ) c
    JOIN photos p USING (root_id, station_id, half_minute)
),
untimed AS (
    SELECT c.image_id, c.path, c.captured_at, p.image_id, p.path, p.captured_at
    FROM clips c
    JOIN (SELECT * FROM photos WHERE captured_at IS NULL) p
        ON p.root_id = c.root_id AND p.station_id = c.station_id AND lower(regexp_replace(p.path, '\.[^./]*$', '')) = lower(regexp_replace(c.path, '\.[^./]*$', ''))
    UNION ALL
    SELECT c.image_id, c.path, c.captured_at, p.image_id, p.path, p.captured_at
    FROM (SELECT * FROM clips WHERE captured_at IS NULL) c
    JOIN (SELECT * FROM photos WHERE captured_at IS NOT NULL) p
        ON p.root_id = c.root_id AND p.station_id = c.station_id AND lower(regexp_replace(p.path, '\.[^./]*$', '')) = lower(regexp_replace(c.path, '\.[^./]*$', ''))
),
parts AS (
    SELECT
        clip_id, still_id, coalesce(still_at, clip_at) AS taken_at, epoch(clip_at - still_at) AS after_s,
        lower(regexp_replace(clip, '\.[^./]*$', '')) <> lower(regexp_replace(still, '\.[^./]*$', '')) AS other_name,
        regexp_extract(lower(regexp_replace(clip, '\.[^./]*$', '')), '(\d{3,})[^\d/]*$', 1) AS number,
        number = '' OR number <> regexp_extract(lower(regexp_replace(still, '\.[^./]*$', '')), '(\d{3,})[^\d/]*$', 1) AS other_number
    FROM (FROM near UNION ALL FROM untimed)
    WHERE regexp_replace(clip, '[^/]*$', '') = regexp_replace(still, '[^/]*$', '')
)
SELECT clip_id, still_id, taken_at
FROM parts
WHERE after_s IS NULL OR abs(after_s) <= 30 AND (NOT other_name OR NOT other_number OR after_s BETWEEN -2 AND 10)
QUALIFY row_number() OVER (PARTITION BY clip_id ORDER BY other_name, other_number, abs(after_s), still_id) = 1
    AND row_number() OVER (PARTITION BY still_id ORDER BY other_name, other_number, abs(after_s), clip_id) = 1;
