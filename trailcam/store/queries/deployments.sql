-- deployment_photos: image_id -> the number of its deployment, from 0 in the order of station and start.
-- deployments: one row for each number.
--
-- A photo without a serial number belongs to the one camera of its station that has its make and model, if
-- only one has; one that names no camera at all to the station's only camera. Otherwise it counts as a camera of
-- its own: of that make and model, or unknown. Left out are copies, photos without a capture time and
-- those whose time is in doubt: they can't tell when a camera stood where.
CREATE TEMP TABLE deployment_cameras AS
WITH named AS (
    SELECT DISTINCT
        station_id, make, model, serial,
        nullif(trim(serial), '') AS own,
        nullif(trim(concat_ws(' ', make, model)), '') AS kind
    FROM images
    WHERE captured_at IS NOT NULL AND captured_at_suspect IS NULL AND duplicate_of IS NULL
),
by_kind AS (
    SELECT
        *,
        coalesce(own, CASE
            WHEN kind IS NOT NULL AND count(DISTINCT own) OVER kinds = 1 THEN max(own) OVER kinds
        END) AS known
    FROM named
    WINDOW kinds AS (PARTITION BY station_id, kind)
),
keyed AS (
    SELECT *, coalesce('serial ' || known, 'kind ' || kind) AS key FROM by_kind
)
SELECT
    * EXCLUDE (key, known),
    coalesce(key, CASE
        WHEN count(DISTINCT key) OVER stations = 1 THEN max(key) OVER stations
    END) AS camera
FROM keyed
WINDOW stations AS (PARTITION BY station_id);
CREATE TEMP TABLE deployment_photos AS
WITH placed AS (
    SELECT i.image_id, i.station_id, i.captured_at, c.camera, c.own, c.kind, i.make, i.model
    FROM images i
    JOIN deployment_cameras c
        ON c.station_id = i.station_id
        AND c.make IS NOT DISTINCT FROM i.make
        AND c.model IS NOT DISTINCT FROM i.model
        AND c.serial IS NOT DISTINCT FROM i.serial
    WHERE i.captured_at IS NOT NULL AND i.captured_at_suspect IS NULL AND i.duplicate_of IS NULL
),
begun AS (
    SELECT
        *,
        coalesce(
            captured_at::DATE - lag(captured_at::DATE) OVER (
                PARTITION BY station_id, camera ORDER BY captured_at, image_id
            ) - 1 > $silent_days,
            true
        ) AS begins
    FROM placed
),
numbered AS (
    SELECT *, sum(begins::INTEGER) OVER (
        PARTITION BY station_id, camera ORDER BY captured_at, image_id ROWS UNBOUNDED PRECEDING
    ) AS stay
    FROM begun
),
stays AS (
    SELECT
        station_id, camera, stay,
        row_number() OVER (ORDER BY s.name, station_id, min(captured_at), camera NULLS LAST, stay) - 1 AS number
    FROM numbered
    JOIN stations s USING (station_id)
    GROUP BY s.name, station_id, camera, stay
)
SELECT y.number, n.* EXCLUDE (begins, stay)
FROM numbered n
JOIN stays y
    ON y.station_id = n.station_id AND y.camera IS NOT DISTINCT FROM n.camera AND y.stay = n.stay;
CREATE TEMP TABLE deployments AS
SELECT
    p.number, p.station_id, s.name AS station,
    min(p.captured_at) AS first_at, max(p.captured_at) AS last_at, count(*) AS photos,
    max(p.own) AS serial, mode(p.make) AS make, mode(p.model) AS model
FROM deployment_photos p
JOIN stations s USING (station_id)
GROUP BY p.number, p.station_id, s.name;
