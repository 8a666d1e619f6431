-- hidden: the stored boxes that are in no count, because a static place that was confirmed, or an excluded area, says
-- so. row: of detections. One row for each; a place explains a box before an area does. automatic: no person
-- confirmed it ([static] auto).
--
-- A box lies in an area when its centre does and more than half of it: a deer close to the camera reaches over a
-- small area, and counts. The share is that of 16 points spread over the box.
{query:iou};
CREATE TEMP TABLE hidden AS
WITH RECURSIVE
{query:station_now},
{query:static_in_force},
at_places AS (
    SELECT d.rowid AS row, min(a.place_id) AS place_id, bool_and(a.automatic) AS automatic
    FROM static_boxes b
    JOIN static_in_force a ON a.answer_id = b.answer_id AND a.is_thing
    JOIN static_places p ON p.place_id = a.place_id
    JOIN detections d ON d.image_id = b.image_id
    WHERE iou(d.x, d.y, d.w, d.h, p.x, p.y, p.w, p.h) >= $exactly
    GROUP BY d.rowid
),
areas AS (
    SELECT
        a.area_id, n.is_now AS station_id, points, len(points) // 2 AS n,
        list_min(points[1:len(points):2]) AS lowest_x,
        list_max(points[1:len(points):2]) AS highest_x,
        list_min(points[2:len(points):2]) AS lowest_y,
        list_max(points[2:len(points):2]) AS highest_y
    FROM static_areas a
    JOIN station_now n ON n.was = a.station_id
    WHERE a.undone_at IS NULL
),
edges AS (
    SELECT
        area_id, points[2 * k - 1] AS ax, points[2 * k] AS ay,
        points[2 * (k % n) + 1] AS bx, points[2 * (k % n) + 2] AS b_y
    FROM (SELECT *, unnest(range(1, n + 1)) AS k FROM areas)
),
near AS (
    SELECT d.rowid AS row, a.area_id, d.x, d.y, d.w, d.h
    FROM areas a
    JOIN images i ON i.station_id = a.station_id
    JOIN detections d ON d.image_id = i.image_id
    WHERE d.x + d.w / 2 BETWEEN lowest_x AND highest_x AND d.y + d.h / 2 BETWEEN lowest_y AND highest_y
),
-- A point is inside when a line from it to the right crosses an odd number of edges.
centred AS (
    SELECT n.row, n.area_id, n.x, n.y, n.w, n.h
    FROM near n
    JOIN edges e
        ON e.area_id = n.area_id AND (e.ay > n.y + n.h / 2) <> (e.b_y > n.y + n.h / 2)
        AND n.x + n.w / 2 < (e.bx - e.ax) * (n.y + n.h / 2 - e.ay) / (e.b_y - e.ay) + e.ax
    GROUP BY ALL
    HAVING count(*) % 2 = 1
),
spread AS (
    SELECT row, area_id, j * 4 + k AS number, x + w * (j + 0.5) / 4 AS px, y + h * (k + 0.5) / 4 AS py
    FROM centred, range(4) s(j), range(4) t(k)
),
inside AS (
    SELECT s.row, s.area_id, s.number
    FROM spread s
    JOIN edges e
        ON e.area_id = s.area_id AND (e.ay > s.py) <> (e.b_y > s.py)
        AND s.px < (e.bx - e.ax) * (s.py - e.ay) / (e.b_y - e.ay) + e.ax
    GROUP BY ALL
    HAVING count(*) % 2 = 1
),
in_areas AS (
    SELECT row, min(area_id) AS area_id
    FROM (SELECT row, area_id FROM inside GROUP BY ALL HAVING count(*) > 8)
    GROUP BY row
)
SELECT
    coalesce(p.row, a.row) AS row, p.place_id, CASE WHEN p.row IS NULL THEN a.area_id END AS area_id,
    coalesce(p.automatic, false) AS automatic
FROM at_places p
FULL JOIN in_areas a ON a.row = p.row;
