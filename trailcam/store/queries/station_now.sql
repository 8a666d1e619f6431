-- A part of WITH RECURSIVE: what each station is by now (`is_now`): itself, or the one that it was merged into.
station_now AS (
    SELECT station_id AS was, station_id AS is_now FROM stations
    UNION ALL
    SELECT c.station_id, n.is_now
    FROM station_changes c
    JOIN station_now n ON n.was = c.into_id
    WHERE c.kind = 'merge' AND c.undone_at IS NULL
)
