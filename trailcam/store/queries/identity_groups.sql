-- Photos of equal content, and what becomes of each. Everything here works on sets.
--
-- known_by_time: missing photos that nobody ever took a content id of (scanned by an earlier trailcam, or broken), and
-- the one file of the same size, time and name that nobody has looked at.
CREATE OR REPLACE TEMP TABLE known_by_time AS
WITH lost AS (
    SELECT image_id, size_bytes, mtime_ns, split_part(path, '/', -1) AS name
    FROM images
    WHERE status = 'missing' AND content_id IS NULL AND duplicate_of IS NULL
    QUALIFY count(*) OVER (PARTITION BY size_bytes, mtime_ns, name) = 1
),
found AS (
    SELECT image_id, content_id, size_bytes, mtime_ns, split_part(path, '/', -1) AS name
    FROM images
    WHERE status <> 'missing' AND run_id IS NULL AND size_bytes IN (SELECT size_bytes FROM lost)
    QUALIFY count(*) OVER (PARTITION BY size_bytes, mtime_ns, name) = 1
)
SELECT l.image_id AS lost_id, f.image_id AS found_id, f.content_id
FROM lost l JOIN found f USING (size_bytes, mtime_ns, name);
UPDATE images SET content_id = k.content_id
FROM known_by_time k WHERE k.lost_id = images.image_id AND k.content_id IS NOT NULL;

-- same: the members of each group of equal content. A photo whose bytes were all read is known by them; another by its
-- content id, as long as no two photos that share it were found to differ.
CREATE OR REPLACE TEMP TABLE same AS
WITH member AS (
    SELECT
        image_id, root_id, status <> 'missing' AS present, duplicate_of, run_id, content_id, whole_id,
        -- A file that is there, and whose name or folder has a copy's mark: IMG_0001 (2).JPG, DCIM - Copy/...
        status <> 'missing' AND regexp_matches(
            path,
            '(?i)(\s*\([0-9]{1,3}\)|\s\((another |[0-9]{1,3}[a-zª°º.]{0,2} )?(copy|kopie|copie|copia|cópia)( [0-9]{1,3})?\)'
            || '|\s*-\s*(copy|kopie|copie|copia|cópia)|\s(copy|kopie|copie|copia|cópia)(\s+[0-9]{1,3})?)(/|\.[^./]*$)'
            || '|(^|/)(copy|kopie|copie|copia|cópia)\s+(\([0-9]{1,3}\)\s+)?(of|von|de|di)\s'
        ) AS is_marked
    FROM images
    WHERE content_id IN (SELECT content_id FROM images GROUP BY content_id HAVING count(*) > 1)
),
keyed AS (
    SELECT
        * EXCLUDE (content_id, whole_id),
        CASE
            WHEN whole_id IS NOT NULL THEN whole_id
            WHEN count(whole_id) OVER contents = 0 THEN content_id
            WHEN min(whole_id) OVER contents = max(whole_id) OVER contents THEN max(whole_id) OVER contents
            ELSE 'image ' || image_id
        END AS key
    FROM member
    WINDOW contents AS (PARTITION BY content_id)
    UNION ALL
    SELECT i.image_id, i.root_id, i.status <> 'missing', i.duplicate_of, i.run_id, false, 'lost ' || k.lost_id
    FROM known_by_time k JOIN images i ON i.image_id IN (k.lost_id, k.found_id)
    WHERE k.content_id IS NULL
)
SELECT
    *,
    -- The photo that stays: one that was looked at before one that wasn't, one whose name has no copy's mark, the oldest.
    first_value(image_id) OVER (
        PARTITION BY key ORDER BY duplicate_of IS NULL DESC, run_id IS NOT NULL DESC, is_marked, image_id
    ) AS owner_id
FROM keyed;

-- grouped: as `same`, with the file that stands for the content: its own, else one just found, else a copy known before.
CREATE OR REPLACE TEMP TABLE grouped AS
SELECT
    s.*,
    first_value(s.image_id) OVER (
        PARTITION BY s.key
        ORDER BY s.present DESC, s.image_id = s.owner_id DESC, s.duplicate_of IS NULL DESC,
            s.root_id = o.root_id DESC, s.image_id
    ) AS place_id
FROM same s
JOIN images o ON o.image_id = s.owner_id;

-- moved: photos whose content lies elsewhere now. touched: at the very path where it was, with another time.
CREATE OR REPLACE TEMP TABLE moved AS
SELECT
    g.image_id, g.place_id,
    o.root_id = p.root_id AND o.path = '.replaced/' || o.image_id || '/' || p.path AS touched
FROM grouped g
JOIN images o ON o.image_id = g.image_id
JOIN images p ON p.image_id = g.place_id
WHERE g.image_id = g.owner_id AND g.place_id <> g.owner_id AND p.status <> 'missing';

-- absorbed: the other members. What is known of them goes to the photo that stays; `dropped` are no file of their own.
CREATE OR REPLACE TEMP TABLE absorbed AS
SELECT
    g.image_id, g.owner_id, m.image_id IS NOT NULL AS is_place,
    NOT g.present OR m.image_id IS NOT NULL AS dropped,
    g.duplicate_of IS DISTINCT FROM g.owner_id AS is_news,
    g.image_id IN (SELECT image_id FROM results) AS had_results
FROM grouped g
LEFT JOIN moved m ON m.place_id = g.image_id
WHERE g.image_id <> g.owner_id AND (g.duplicate_of IS DISTINCT FROM g.owner_id OR dropped);

-- parted: copies that were found to differ from what they were taken for.
CREATE OR REPLACE TEMP TABLE parted AS
SELECT c.image_id
FROM images c
LEFT JOIN same s ON s.image_id = c.image_id
WHERE c.duplicate_of IS NOT NULL AND (s.image_id IS NULL OR s.owner_id = c.image_id);
